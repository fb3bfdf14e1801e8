// Rights are given up for good, in every thread, and what is needed afterwards still works.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Capabilities, KernelInterface } from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { helperPath, runToEnd } from './support/helper';
import { run } from './support/namespaces';
import { chargesLockedMemory } from './support/running-kernel';

const nobody = 65534;

let addon: AddonProcess;

beforeEach(() => {
  addon = new AddonProcess();
});

afterEach(async () => {
  await addon.end();
});

/** A field of the status of each thread. */
async function threadStatus(field: string): Promise<string[]> {
  const threads = await addon.call<string[]>('list', '/proc/self/task');
  expect(threads.length).toBeGreaterThan(1);
  return Promise.all(
    threads.map(async (thread) => {
      const status = await addon.call<string>('readFile', `/proc/self/task/${thread}/status`);
      return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1]?.replaceAll('\t', ' ') ?? '';
    }),
  );
}

const netAdmin = 1n << 12n;
const bpf = 1n << 39n;

/** A set of capabilities as `/proc` shows it. */
function asShown(set: bigint): string {
  return set.toString(16).padStart(16, '0');
}

describe.each([
  { title: 'to an ordinary user', uid: nobody, gid: nobody, groups: [nobody, 100] },
  { title: 'as root that stays root', uid: 0, gid: 0, groups: [0] },
])('giving up rights $title', ({ uid, gid, groups }) => {
  it('leaves two capabilities in one thread, and nothing in the others', async () => {
    await addon.call('dropPrivileges', { uid, gid, groups, keepPtrace: false });

    expect(await addon.call<Capabilities>('capabilities')).toEqual({
      effective: ['cap_net_admin', 'cap_bpf'],
      permitted: ['cap_net_admin', 'cap_bpf'],
      noNewPrivileges: true,
    });
    const kept = asShown(netAdmin | bpf);
    const none = asShown(0n);
    for (const field of ['CapPrm', 'CapEff']) {
      const [main, ...others] = await threadStatus(field);
      expect(main).toBe(kept);
      expect(new Set(others)).toEqual(new Set([none]));
    }
    for (const field of ['CapInh', 'CapBnd', 'CapAmb'])
      expect(new Set(await threadStatus(field))).toEqual(new Set([none]));
    expect(new Set(await threadStatus('NoNewPrivs'))).toEqual(new Set(['1']));
    expect(new Set(await threadStatus('Uid'))).toEqual(new Set([`${String(uid)} `.repeat(4).trim()]));
    expect(await addon.call('ids')).toMatchObject({ uid, gid, groups: groups.toSorted((a, b) => a - b) });
    expect(await addon.call('readFile', '/proc/self/limits')).toMatch(/^Max core file size +0 +0 /m);
  });

  it('leaves one capability to the thread that follows processes', async () => {
    await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
    await addon.call('dropPrivileges', { uid, gid, groups, keepPtrace: false });
    for (const field of ['CapPrm', 'CapEff']) {
      const [, ...others] = await threadStatus(field);
      expect(others.filter((set) => set !== asShown(0n))).toEqual([asShown(bpf)]);
    }
  });

  it('lets everything go on that a helper does', async () => {
    await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
    await addon.call('dropPrivileges', { uid, gid, groups, keepPtrace: false });

    const [loopback] = await addon.call<KernelInterface[]>('interfaces');
    await addon.call('attachInterface', loopback?.index);
    await addon.call('watch', addon.pid, true);
    await addon.call('listen');
    await addon.call('adoptSockets', addon.pid);
    await addon.call('trimMemory');
    expect(await addon.call('readFile', '/proc/self/mountinfo')).toContain('cgroup2');
    expect(await addon.call('list', '/proc/self/fd')).not.toEqual([]);
    expect(await addon.call('readLink', '/proc/self/exe')).toBe(process.execPath);
    await addon.call('detachInterface', loopback?.index);
    await addon.call('close');
  });
});

describe('after rights were given up', () => {
  it('nothing brings them back', async () => {
    await addon.call('dropPrivileges', { uid: nobody, gid: nobody, groups: [nobody], keepPtrace: false });
    await expect(addon.call('setuid', 0)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(addon.call('readFile', '/etc/shadow')).rejects.toMatchObject({ code: 'EACCES' });
    await expect(
      addon.call('dropPrivileges', { uid: 0, gid: 0, groups: [0], keepPtrace: true }),
    ).rejects.toMatchObject({ code: 'EPERM', operation: 'capset' });
    expect(await addon.call<{ uid: number }>('ids')).toMatchObject({ uid: nobody });
  });

  it('the sockets of other users are out of reach', async () => {
    await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
    await addon.call('dropPrivileges', { uid: nobody, gid: nobody, groups: [nobody], keepPtrace: false });
    await expect(addon.call('adoptSockets', process.pid)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('programs are not loaded any more by a process that has given up CAP_BPF as well', async () => {
    const without = run(
      ...(['capsh', '--drop=cap_bpf,cap_sys_admin,cap_net_admin', '--', '-c'] as const),
      `"$0" -e 'const m = { exports: {} }; process.dlopen(m, process.argv[1]);
        try { m.exports.open({ cgroup: process.argv[2], attachment: "auto" }); } catch (error) {
          console.log(JSON.stringify({ ...error, message: error.message })); }' "$@"`,
      process.execPath,
      (await import('./support/addon-process')).addonPath,
      cgroupFolder,
    );
    const { code, operation, message } = JSON.parse(without) as Record<string, string>;
    expect({ code, operation }).toEqual({ code: 'EPERM', operation: 'bpf(BPF_PROG_LOAD)' });
    expect(message).toMatch(/^bpf\(BPF_PROG_LOAD\): Operation not permitted/);
  });
});

it('knows the groups of a user', async () => {
  const expected = run('id', '-G', 'root').trim().split(' ').map(Number);
  expect(await addon.call('groupsOf', 'root', 0)).toEqual(expect.arrayContaining(expected));
  expect(await addon.call('groupsOf', 'no such user', 7)).toEqual([7]);
});

it('gives memory back that was needed at start only', async () => {
  const before = await addon.call<number>('residentBytes');
  await addon.call('trimMemory');
  // The executable's own pages are most of what is resident; a third of them is far below what is measured.
  expect(await addon.call<number>('residentBytes')).toBeLessThan(before * 0.8);
});

describe('to load the programs', () => {
  const always = ['bpf', 'perfmon', 'net_admin'];
  const needed = chargesLockedMemory ? [...always, 'sys_resource'] : always;

  async function startWith(
    capabilities: readonly string[],
  ): Promise<{ status: number | null; stderr: string }> {
    const kept = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
    const command = ['--inh-caps=-all', `--bounding-set=${kept}`, '--', helperPath, 'serve'];
    // As root itself: becoming somebody else takes CAP_SETUID as well, which containers have.
    return runToEnd('env', ['-u', 'SUDO_UID', 'setpriv', ...command]);
  }

  it('takes no more than three capabilities, and one to raise the limit of locked memory below Linux 5.11', async () => {
    const { status, stderr } = await startWith(needed);
    expect(stderr).not.toContain('CAP_');
    expect(status).toBe(0);
  });

  it.each(needed)('takes CAP_%s', async (missing) => {
    const { status, stderr } = await startWith(needed.filter((name) => name !== missing));
    expect(status).toBe(3);
    expect(stderr).toContain(`(CAP_${missing.toUpperCase()})`);
    expect(stderr).toContain(`--cap-add ${missing === 'sys_resource' ? 'SYS_RESOURCE' : 'PERFMON'}`);
  });
});
