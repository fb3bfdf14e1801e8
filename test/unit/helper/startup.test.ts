import { describe, expect, it } from 'vitest';
import { adoptEverything } from '../../../helper/src/adoption';
import { dropToCaller, identifyCaller } from '../../../helper/src/caller';
import { findCgroup, parseMounts } from '../../../helper/src/cgroup';
import { ExitStatus, StartupError } from '../../../helper/src/errors';
import type { DropOptions, KernelAddon } from '../../../helper/src/kernel';
import {
  chargesLockedMemory,
  checkKernel,
  checkRights,
  loadAddon,
  openKernel,
} from '../../../helper/src/startup';
import { rememberUsers } from '../../../helper/src/users';
import { FakeKernel, kernelError } from './fake-kernel';

function refusal(action: () => unknown): StartupError {
  try {
    action();
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function fakeAddon(
  open: () => FakeKernel,
  effective = ['cap_bpf', 'cap_perfmon', 'cap_net_admin'],
): KernelAddon {
  return {
    open,
    dropPrivileges: () => {},
    withoutCapabilities: (action) => action(),
    confine: () => {},
    setFileCapabilities: () => {},
    exitNow: () => {
      throw new Error('not in a test');
    },
    capabilities: () => ({ effective, permitted: effective, noNewPrivileges: false }),
    groupsOf: () => [7, 8],
    monotonicNanos: () => 0,
    sweep: () => 0,
    trimMemory: () => {},
  };
}

describe('the cgroup hierarchy', () => {
  const v1 = '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu';

  it.each([
    [
      'unified',
      '26 23 0:24 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw',
      '/sys/fs/cgroup',
      true,
    ],
    [
      'hybrid',
      `${v1}\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`,
      '/sys/fs/cgroup/unified',
      true,
    ],
    ['many optional fields', '26 23 0:24 / /c rw a:1 b:2 c - cgroup2 none rw', '/c', true],
    ['blanks in the path', '26 23 0:24 / /my\\040c\\134g rw - cgroup2 none rw', '/my c\\g', true],
    ['a part of it', '26 23 0:24 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw', '/sys/fs/cgroup', false],
    [
      'a part, then all',
      '2 1 0:24 /part /part rw - cgroup2 x rw\n3 1 0:24 / /all rw - cgroup2 x rw',
      '/all',
      true,
    ],
  ])('is found: %s', (_, text, path, whole) => {
    expect(parseMounts(text)).toEqual({ path, whole });
  });

  it('may be mounted nowhere', () => {
    expect(findCgroup(`${v1}\n1 2 0:3 / /cgroup2 rw - tmpfs cgroup2 rw\n`).path).toBeUndefined();
  });
});

describe('what is needed', () => {
  it.each(['5.10.0', '5.10', '5.15.0-generic', '6.1.0-13-amd64', '10.0'])('takes Linux %s', (release) => {
    expect(() => checkKernel(release)).not.toThrow();
  });

  it.each(['5.9.16', '4.19.0-26-amd64', '3.10.0', 'strange'])('refuses Linux %s', (release) => {
    const error = refusal(() => checkKernel(release));
    expect(error.status).toBe(ExitStatus.KernelUnsuitable);
    expect(error.message).toContain(release);
  });

  it.each([
    ['5.10.0-46-cloud-amd64', true],
    ['5.11.0', false],
    ['6.1.0', false],
  ])('knows whether Linux %s charges maps to the limit of locked memory: %s', (release, charges) => {
    expect(chargesLockedMemory(release)).toBe(charges);
  });

  it('names the rights that are missing', () => {
    const error = refusal(() => checkRights(fakeAddon(() => new FakeKernel(), ['cap_bpf'])));
    expect(error).toMatchObject({ status: ExitStatus.NoRights });
    expect(error.message).toContain('CAP_NET_ADMIN');
    expect(error.message).toContain('CAP_PERFMON');
    expect(error.message).not.toContain('CAP_BPF');
    for (const name of ['BPF', 'PERFMON', 'NET_ADMIN']) expect(error.remedy).toContain(`--cap-add ${name}`);
  });

  it('takes CAP_SYS_ADMIN for what it stands for, and no more', () => {
    const attempt = (...effective: string[]) => checkRights(fakeAddon(() => new FakeKernel(), effective));
    expect(() => attempt('cap_sys_admin', 'cap_net_admin')).not.toThrow();
    expect(() => attempt('cap_sys_admin')).toThrow('(CAP_NET_ADMIN)');
  });

  it('says when the native part is missing or broken', () => {
    expect(refusal(() => loadAddon('/nowhere/procnetmon.node')).message).toContain('cannot be loaded');
  });
});

describe('openKernel', () => {
  it('attaches every interface and takes every process into account', () => {
    const kernel = new FakeKernel();
    const opened = openKernel(
      fakeAddon(() => kernel),
      { cgroup: '/c' },
    );
    expect([...kernel.attached]).toEqual([1, 2]);
    expect(kernel.adopted).toContain(process.pid);
    expect(opened.limitations).toEqual([]);
  });

  it.each([
    { attachment: 'clsact', sweeps: 1 },
    { attachment: 'tcx', sweeps: 0 },
  ] as const)('sweeps up after killed helpers where something can be left: $attachment', (expected) => {
    const kernel = new FakeKernel();
    kernel.attachment = expected.attachment;
    let sweeps = 0;
    const addon = { ...fakeAddon(() => kernel), sweep: () => (sweeps += 1) };
    expect(openKernel(addon, { cgroup: '/c' }).limitations).toEqual([]);
    expect(sweeps).toBe(expected.sweeps);
  });

  it('counts all the same when sweeping up fails, and says so', () => {
    const kernel = new FakeKernel();
    kernel.attachment = 'clsact';
    const sweep = () => {
      throw kernelError('EBUSY', 'RTM_DELTFILTER');
    };
    const { limitations } = openKernel({ ...fakeAddon(() => kernel), sweep }, { cgroup: '/c' });
    expect(limitations).toEqual([expect.stringContaining('RTM_DELTFILTER')]);
    expect([...kernel.attached]).toEqual([1, 2]);
  });

  it('says what could not be had', () => {
    const kernel = new FakeKernel();
    kernel.processEvents = false;
    kernel.adoptionErrors.set(process.pid, 'EPERM');
    kernel.attachInterface = () => {
      throw kernelError('EOPNOTSUPP', 'bpf_link_create');
    };
    const { limitations } = openKernel(
      fakeAddon(() => kernel),
      { cgroup: '/c' },
    );
    expect(limitations).toEqual([
      expect.stringContaining('Interface lo'),
      expect.stringContaining('Interface eth0'),
      expect.stringContaining('1 processes'),
      expect.stringContaining('process events'),
    ]);
  });

  it.each([
    ['EPERM', ExitStatus.NoRights],
    ['EINVAL', ExitStatus.KernelUnsuitable],
    ['ENOMEM', ExitStatus.Failure],
  ])('turns %s into exit status %d', (code, status) => {
    const addon = fakeAddon(() => {
      throw kernelError(code, 'bpf(BPF_PROG_LOAD)');
    });
    const error = refusal(() => openKernel(addon, { cgroup: '/c' }));
    expect(error.status).toBe(status);
    expect(error.message).toContain('bpf(BPF_PROG_LOAD)');
    expect(error.remedy).not.toBe('');
  });

  it('says what is missing where no hierarchy is mounted, and none can be', () => {
    const addon = fakeAddon(() => {
      throw kernelError('EPERM', 'fsopen(cgroup2)');
    });
    const error = refusal(() => openKernel(addon, { cgroup: '/c' }));
    expect(error.status).toBe(ExitStatus.NoCgroup);
    expect(error.message).toContain('fsopen(cgroup2)');
    expect(error.remedy).toContain('mount -t cgroup2');
  });

  it('closes what it opened when the rest fails', () => {
    const kernel = new FakeKernel();
    kernel.interfaces = () => {
      throw kernelError('ENOBUFS', 'netlink');
    };
    expect(() =>
      openKernel(
        fakeAddon(() => kernel),
        { cgroup: '/c' },
      ),
    ).toThrow(StartupError);
    expect(kernel.closed).toBe(true);
  });
});

describe('adoptEverything', () => {
  it('goes on past processes that are gone or refuse', () => {
    const kernel = new FakeKernel();
    kernel.adoptionErrors.set(2, 'ESRCH').set(3, 'EPERM');
    expect(adoptEverything(kernel, [1, 2, 3, 4])).toEqual({ refused: 1, cut: 0, late: 0 });
    expect(kernel.adopted).toEqual([1, 4]);
  });

  it('ends when its time is over, however many processes there are, and says how many are left', () => {
    let nowMillis = 0;
    const adopted: number[] = [];
    const adoptSockets = (pid: number) => {
      nowMillis += 1_000;
      return adopted.push(pid);
    };
    const processIds = Array.from({ length: 10_000 }, (_, index) => index + 1);
    expect(adoptEverything({ adoptSockets }, processIds, () => nowMillis)).toEqual({
      refused: 0,
      cut: 0,
      late: 9_995,
    });
    expect(adopted).toEqual([1, 2, 3, 4, 5]);
  });

  it('says of how many processes it has seen a part', () => {
    const kernel = new FakeKernel();
    kernel.adoptionErrors.set(1, 'E2BIG');
    expect(adoptEverything(kernel, [1, 2])).toEqual({ refused: 0, cut: 1, late: 0 });
  });
});

describe('the names of users', () => {
  it('are looked up at the start for a while only, however many there are', () => {
    let nowMillis = 0;
    const asked: number[] = [];
    const find = (uid: number) => {
      nowMillis += 1_000;
      asked.push(uid);
    };
    rememberUsers([1, 2, 3, 4, 5], find, () => nowMillis);
    expect(asked).toEqual([1, 2]);
  });
});

describe('the caller', () => {
  const addon = fakeAddon(() => new FakeKernel());
  const root = { uid: 0, gid: 0, groups: [0] };
  const find = (uid: number) =>
    uid === 1_000 ? { name: 'dev', uid, gid: 1_000, home: '/home/dev', shell: '/bin/sh' } : undefined;

  it('is who called sudo', () => {
    expect(identifyCaller(addon, { SUDO_UID: '1000', SUDO_GID: '1001' }, root, find)).toEqual({
      uid: 1_000,
      gid: 1_001,
      userName: 'dev',
      groups: [7, 8],
    });
  });

  it('is root without sudo, and when root calls sudo', () => {
    expect(identifyCaller(addon, {}, root, find)).toMatchObject({ uid: 0, groups: [0] });
    expect(identifyCaller(addon, { SUDO_UID: '0', SUDO_GID: '0' }, root, find).uid).toBe(0);
  });

  it('is the user itself when not root, whatever the environment says', () => {
    const own = { uid: 1_000, gid: 1_000, groups: [4] };
    expect(identifyCaller(addon, { SUDO_UID: '0' }, own, find)).toMatchObject({ uid: 1_000, groups: [4] });
  });

  it.each([
    [{ SUDO_UID: '-1' }],
    [{ SUDO_UID: '1000x' }],
    [{ SUDO_UID: '' }],
    [{ SUDO_UID: '4294967295' }],
    [{ SUDO_UID: '99999999999' }],
    [{ SUDO_UID: '4242' }],
    [{ SUDO_UID: '1000', SUDO_GID: '1e3' }],
  ])('is refused when the environment says %j', (environment) => {
    expect(refusal(() => identifyCaller(addon, environment, root, find)).message).toMatch(/SUDO_(UID|GID)/);
  });

  it.each([true, false])('keeps the right to look at every process only where asked: %s', (keepPtrace) => {
    const uid = 1_000;
    const dropped: DropOptions[] = [];
    const dropPrivileges = (options: DropOptions): void => void dropped.push(options);
    dropToCaller({ ...addon, dropPrivileges }, { uid, gid: 5, groups: [6], userName: 'x' }, keepPtrace);
    expect(dropped).toEqual([{ uid, gid: 5, groups: [6], keepPtrace }]);
  });

  it('is not taken for dropped when the kernel refuses', () => {
    const dropPrivileges = (): void => {
      throw kernelError('EPERM', 'setresuid');
    };
    const error = refusal(() =>
      dropToCaller({ ...addon, dropPrivileges }, { uid: 0, gid: 0, groups: [], userName: 'root' }, true),
    );
    expect(error.status).toBe(ExitStatus.NoRights);
  });
});
