// The doctor's verdicts, on machines that are described instead of had.
import { describe, expect, it } from 'vitest';
import { doctorTable } from '../../../helper/src/cli/doctor-command';
import { doctorReport } from '../../../helper/src/cli/json-doctor-report';
import { diagnose, usable, type Attempt } from '../../../helper/src/doctor';
import { collectFacts } from '../../../helper/src/host-facts';
import { ExitStatus, StartupError } from '../../../helper/src/errors';
import type { HostFacts, HostSources } from '../../../helper/src/host-facts';
import stringWidth from 'string-width';

const root: HostFacts = {
  kernelRelease: '6.12.1-amd64',
  lockdown: 'confidentiality',
  typeInformation: false,
  uid: 0,
  capabilities: {
    effective: ['cap_bpf', 'cap_perfmon', 'cap_net_admin'],
    permitted: [],
    noNewPrivileges: false,
  },
  noNewPrivileges: false,
  cgroup: { path: '/sys/fs/cgroup', whole: true },
  lockedMemoryBytes: 8_388_608,
  ptraceScope: 1,
  container: undefined,
  initialPidNamespace: true,
  initialNetworkNamespace: true,
  sudo: '/usr/bin/sudo',
};
const user: HostFacts = {
  ...root,
  uid: 1000,
  capabilities: { effective: [], permitted: [], noNewPrivileges: false },
};
const opened: Attempt = { opened: { attachment: 'tcx', processEvents: true, limitations: [] } };
const untried: Attempt = { untried: true };

function statusOf(facts: HostFacts, attempt: Attempt, id: string): string | undefined {
  return diagnose('1.2.3', facts, attempt).checks.find((check) => check.id === id)?.status;
}

describe('diagnose', () => {
  it('finds nothing to say against a machine where all works', () => {
    const report = diagnose('1.2.3', root, opened);
    expect(report.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(doctorReport.safeParse(report).error).toBeUndefined();
  });

  it('tells an ordinary user what could not be tried, which is no failure', () => {
    const report = diagnose('1.2.3', user, untried);
    expect(usable(report)).toBe(true);
    const remarks = report.checks.filter(({ status }) => status === 'warning').map(({ id }) => id);
    expect(remarks).toEqual(['user', 'capabilities', 'programs', 'packet-hooks', 'process-events']);
  });

  it.each<[string, string, string, HostFacts, Attempt]>([
    ['an old kernel', 'kernel-version', 'failed', { ...root, kernelRelease: '5.9.16' }, opened],
    ['the oldest kernel', 'kernel-version', 'ok', { ...root, kernelRelease: '5.10.0' }, opened],
    ['an odd release', 'kernel-version', 'warning', { ...root, kernelRelease: 'custom' }, opened],
    ['no cgroup v2', 'cgroup', 'failed', { ...root, cgroup: undefined }, untried],
    ['cgroup v2 out of sight', 'cgroup', 'ok', { ...root, cgroup: undefined }, opened],
    [
      'a part of the hierarchy',
      'cgroup',
      'warning',
      { ...root, cgroup: { path: '/c', whole: false } },
      opened,
    ],
    ['a user without sudo', 'sudo', 'failed', { ...user, sudo: undefined }, untried],
    ['root without sudo', 'sudo', 'ok', { ...root, sudo: undefined }, opened],
    ['no new privileges', 'no-new-privileges', 'failed', { ...user, noNewPrivileges: true }, untried],
    ['root in a container without rights', 'capabilities', 'failed', { ...user, uid: 0 }, untried],
    ['a missing addon', 'capabilities', 'failed', { ...root, capabilities: undefined }, untried],
    [
      'a container without CAP_PERFMON',
      'capabilities',
      'failed',
      {
        ...root,
        capabilities: { effective: ['cap_bpf', 'cap_net_admin'], permitted: [], noNewPrivileges: false },
      },
      untried,
    ],
    [
      'CAP_SYS_ADMIN in place of CAP_BPF',
      'capabilities',
      'ok',
      {
        ...root,
        capabilities: {
          effective: ['cap_sys_admin', 'cap_net_admin'],
          permitted: [],
          noNewPrivileges: false,
        },
      },
      opened,
    ],
    [
      'no process connector',
      'process-events',
      'warning',
      root,
      { opened: { attachment: 'tcx', processEvents: false, limitations: [] } },
    ],
    [
      'limitations at the start',
      'limitations',
      'warning',
      root,
      { opened: { attachment: 'tcx', processEvents: true, limitations: ['Something.'] } },
    ],
    [
      'a low limit of locked memory',
      'locked-memory',
      'warning',
      { ...user, kernelRelease: '5.10.0' },
      untried,
    ],
    ['a low limit that is of no account', 'locked-memory', 'ok', user, untried],
    ['Yama at its strictest', 'ptrace-scope', 'warning', { ...root, ptraceScope: 3 }, opened],
    ['other process ids', 'container', 'failed', { ...root, initialPidNamespace: false }, opened],
  ])('%s: %s is %s', (_name, id, status, facts, attempt) => {
    expect(statusOf(facts, attempt, id)).toBe(status);
  });

  it('passes on why the programs could not be loaded, and what to do', () => {
    const failure = new StartupError(
      ExitStatus.KernelUnsuitable,
      'bpf(BPF_PROG_LOAD) failed.',
      'Use another kernel.',
    );
    const report = diagnose('1.2.3', root, { failure });
    expect(report.checks.find(({ id }) => id === 'programs')).toMatchObject({
      status: 'failed',
      detail: 'bpf(BPF_PROG_LOAD) failed.',
      remedy: 'Use another kernel.',
    });
    expect(usable(report)).toBe(false);
  });

  it('gives a remedy with everything that is not in order, and with nothing else', () => {
    const bad: HostFacts = {
      ...user,
      kernelRelease: '4.19',
      cgroup: undefined,
      sudo: undefined,
      container: 'docker',
    };
    for (const report of [diagnose('1', bad, untried), diagnose('1', root, { failure: new Error('x') })]) {
      for (const check of report.checks)
        expect([check.id, check.remedy !== undefined]).toEqual([check.id, check.status !== 'ok']);
    }
  });
});

describe('collectFacts', () => {
  const files: Record<string, string> = {
    '/proc/self/status': 'Name:\tx\nNoNewPrivs:\t1\n',
    '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
    '/proc/self/mountinfo':
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n',
    '/proc/self/limits': 'Max locked memory         65536                65536                bytes     \n',
    '/proc/sys/kernel/yama/ptrace_scope': '2\n',
  };
  const links: Record<string, string> = {
    '/proc/self/ns/pid': 'pid:[4026531836]',
    '/proc/self/ns/cgroup': 'cgroup:[4026531835]',
    '/proc/self/ns/net': 'net:[1]',
    '/proc/1/ns/net': 'net:[2]',
  };
  const host: HostSources = {
    read: (file) => files[file],
    link: (file) => links[file],
    executable: (file) => file === '/opt/bin/sudo',
    exists: (file) => file === '/run/.containerenv',
    release: '6.1.0',
    uid: 1000,
    environment: { PATH: 'relative:/opt/bin' },
  };

  it('reads what the system says', () => {
    expect(collectFacts(undefined, host)).toEqual({
      kernelRelease: '6.1.0',
      lockdown: 'integrity',
      typeInformation: false,
      uid: 1000,
      capabilities: undefined,
      noNewPrivileges: true,
      cgroup: { path: '/sys/fs/cgroup/unified', whole: true },
      lockedMemoryBytes: 65_536,
      ptraceScope: 2,
      container: 'podman',
      initialPidNamespace: true,
      initialNetworkNamespace: false,
      sudo: '/opt/bin/sudo',
    });
  });

  it('does without what cannot be read', () => {
    const nothing: HostSources = {
      ...host,
      read: () => undefined,
      link: () => undefined,
      exists: () => false,
    };
    expect(collectFacts(undefined, nothing)).toMatchObject({
      lockdown: undefined,
      noNewPrivileges: false,
      cgroup: undefined,
      lockedMemoryBytes: Infinity,
      ptraceScope: undefined,
      initialNetworkNamespace: undefined,
    });
  });
});

describe('the table of the doctor', () => {
  it.each([40, 80, 200])('fits %d columns', (columns) => {
    const lines = doctorTable(diagnose('1.2.3', user, untried), columns, true);
    expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([]);
  });

  it('ends with the verdict', () => {
    expect(doctorTable(diagnose('1', root, opened), 80, false).at(-1)).toBe('Usable.');
    expect(doctorTable(diagnose('1', user, untried), 80, false).at(-1)).toBe('Usable, with 5 remarks.');
    expect(doctorTable(diagnose('1', { ...root, cgroup: undefined }, untried), 80, false).at(-1)).toBe(
      'Not usable: 1 check failed.',
    );
  });

  it('says a whole sentence even where it has to break it', () => {
    const text = doctorTable(diagnose('1', user, untried), 40, false)
      .join(' ')
      .replace(/\s+/g, ' ');
    expect(text).toContain('Run "sudo procnetmon doctor" for the whole answer.');
  });
});
