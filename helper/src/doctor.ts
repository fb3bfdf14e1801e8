// The doctor: tells what this kernel and these rights allow, and what to do about the rest. It judges facts
// that were read before, so that it can also be asked once the rights are gone; it changes nothing.
import type { DoctorCheck, DoctorReport } from '../../src/shared/protocol';
import { formatBytes } from '../../src/shared/format';
import { sanitise } from '../../src/shared/sanitise';
import { ExitStatus, StartupError } from './errors';
import type { HostFacts } from './host-facts';
import { atLeast, missingCapabilities, neededCapabilities } from './startup';

/** What was learned by loading the programs, or why they were not loaded. */
export type Attempt =
  | { opened: { attachment: 'tcx' | 'clsact'; processEvents: boolean; limitations: readonly string[] } }
  /** It failed. */
  | { failure: unknown }
  /** It was not tried, for want of rights. */
  | { untried: true };

/** What the kernel charges to the locked memory of the process before Linux 5.11, at least. */
const neededLockedMemory = 64 * 1024 * 1024;

/** Judges the facts. `usable` tells what the verdict comes to. */
export function diagnose(version: string, facts: HostFacts, attempt: Attempt): DoctorReport {
  const checks = [
    kernelVersion(facts),
    typeInformation(facts),
    lockdown(facts),
    user(facts),
    capabilities(facts),
    noNewPrivileges(facts),
    sudo(facts),
    cgroupHierarchy(facts, attempt),
    programs(attempt),
    packetHooks(facts, attempt),
    processEvents(attempt),
    lockedMemory(facts),
    ptraceScope(facts),
    container(facts),
    ...limitations(attempt),
  ];
  return { version, kernel: sanitise(facts.kernelRelease), checks };
}

/** Whether programs can be watched on this machine, with root's rights at least. */
export function usable(report: DoctorReport): boolean {
  return report.checks.every((check) => check.status !== 'failed');
}

type Verdict = Pick<DoctorCheck, 'status' | 'detail' | 'remedy'>;

const ok = (detail: string): Verdict => ({ status: 'ok', detail });
const warning = (detail: string, remedy: string): Verdict => ({ status: 'warning', detail, remedy });
const failed = (detail: string, remedy: string): Verdict => ({ status: 'failed', detail, remedy });

const asRoot = 'Run "sudo procnetmon doctor" for the whole answer.';

function kernelVersion({ kernelRelease }: HostFacts): DoctorCheck {
  const recent = atLeast(kernelRelease, 5, 10);
  const release = `Linux ${sanitise(kernelRelease)}`;
  const check = { id: 'kernel-version', title: 'Kernel version' };
  if (recent === true) return { ...check, ...ok(`${release}; 5.10 or later is needed.`) };
  if (recent === false) {
    return { ...check, ...failed(`${release} is too old.`, 'Use a kernel from 5.10 on.') };
  }
  return { ...check, ...warning(`${release} has an unknown form.`, 'See that it is a kernel from 5.10 on.') };
}

function typeInformation({ typeInformation: present }: HostFacts): DoctorCheck {
  const detail = present ? 'Present; not needed.' : 'Not present; not needed.';
  return { id: 'btf', title: 'Kernel type information (BTF)', ...ok(detail) };
}

function lockdown({ lockdown: mode }: HostFacts): DoctorCheck {
  const detail =
    mode === undefined
      ? 'The kernel does not say; every mode will do.'
      : `Mode "${mode}"; every mode will do, as no tracing programs are used.`;
  return { id: 'lockdown', title: 'Kernel lockdown', ...ok(detail) };
}

function user({ uid }: HostFacts): DoctorCheck {
  const check = { id: 'user', title: 'User' };
  if (uid === 0) return { ...check, ...ok('Running as root.') };
  return {
    ...check,
    ...warning(`Running as the user ${String(uid)}; loading the programs takes root.`, asRoot),
  };
}

function capabilities({ capabilities: held, uid }: HostFacts): DoctorCheck {
  const check = { id: 'capabilities', title: 'Capabilities' };
  if (held === undefined) {
    return {
      ...check,
      ...failed(
        'The native part (procnetmon.node) could not be loaded, so they could not be read.',
        'See that procnetmon.node lies beside the executable, or build or install again.',
      ),
    };
  }
  const missing = missingCapabilities(held.effective);
  if (missing.length === 0) return { ...check, ...ok(`Held: ${neededCapabilities.join(', ')}.`) };
  const detail = `Missing: ${missing.join(', ')}.`;
  if (uid !== 0) return { ...check, ...warning(detail, asRoot) };
  return {
    ...check,
    ...failed(
      detail,
      'In a container, add them: --cap-add BPF --cap-add PERFMON --cap-add NET_ADMIN (and SYS_PTRACE), or --privileged.',
    ),
  };
}

function noNewPrivileges({ noNewPrivileges: set, uid }: HostFacts): DoctorCheck {
  const check = { id: 'no-new-privileges', title: 'No-new-privileges' };
  if (!set) return { ...check, ...ok('Not set; sudo can work.') };
  if (uid === 0) return { ...check, ...ok('Set; as root, sudo is not needed.') };
  return {
    ...check,
    ...failed(
      'Set for this process, so sudo cannot work.',
      'Start it from outside of the sandbox or service that sets it (NoNewPrivileges=, --security-opt no-new-privileges, a Flatpak or Snap).',
    ),
  };
}

function sudo({ sudo: file, uid }: HostFacts): DoctorCheck {
  const check = { id: 'sudo', title: 'sudo' };
  if (file !== undefined) return { ...check, ...ok(`${sanitise(file)} is there.`) };
  if (uid === 0) return { ...check, ...ok('Not installed; as root, it is not needed.') };
  return { ...check, ...failed('Not installed.', 'Install sudo, or run procnetmon as root.') };
}

function cgroupHierarchy({ cgroup }: HostFacts, attempt: Attempt): DoctorCheck {
  const check = { id: 'cgroup', title: 'Control groups (cgroup v2)' };
  if (cgroup?.path === undefined) {
    if ('opened' in attempt) {
      return { ...check, ...ok('Not mounted here; the helper mounts it for itself.') };
    }
    return {
      ...check,
      ...failed(
        'No cgroup v2 hierarchy is mounted.',
        'Mount one: "mount -t cgroup2 none /sys/fs/cgroup/unified", or boot with systemd.unified_cgroup_hierarchy=1.',
      ),
    };
  }
  const folder = sanitise(cgroup.path);
  if (cgroup.whole) return { ...check, ...ok(`Mounted at ${folder}, with its root.`) };
  return {
    ...check,
    ...warning(
      `Mounted at ${folder}, but only a part of the hierarchy: processes outside of it are not seen.`,
      'In a container, share the hierarchy of the host (--cgroupns host and the mount /sys/fs/cgroup) to see all.',
    ),
  };
}

function programs(attempt: Attempt): DoctorCheck {
  const check = { id: 'programs', title: 'Kernel programs, ring buffer, socket storage' };
  if ('opened' in attempt) return { ...check, ...ok('Loaded and attached.') };
  if ('untried' in attempt) return { ...check, ...warning('Not tried, for want of rights.', asRoot) };
  const { failure } = attempt;
  if (failure instanceof StartupError) return { ...check, ...failed(failure.message, failure.remedy) };
  const reason = failure instanceof Error ? failure.message : String(failure);
  return {
    ...check,
    ...failed(sanitise(`They could not be loaded: ${reason}`, 1_024), 'Report this with the text above.'),
  };
}

function packetHooks({ kernelRelease }: HostFacts, attempt: Attempt): DoctorCheck {
  const check = { id: 'packet-hooks', title: 'Packet hooks' };
  const cleanup =
    'a killed procnetmon leaves filters behind, which the next start or "procnetmon cleanup" removes';
  if ('opened' in attempt) {
    return attempt.opened.attachment === 'tcx'
      ? { ...check, ...ok('tcx links; they go when procnetmon does.') }
      : { ...check, ...ok(`clsact filters; ${cleanup}.`) };
  }
  const expected = atLeast(kernelRelease, 6, 6) === true ? 'tcx links' : `clsact filters: ${cleanup}`;
  return { ...check, ...warning(`Not tried; this kernel should have ${expected}.`, unanswered(attempt)) };
}

function processEvents(attempt: Attempt): DoctorCheck {
  const check = { id: 'process-events', title: 'Process events (process connector)' };
  if (!('opened' in attempt)) return { ...check, ...warning('Not tried.', unanswered(attempt)) };
  if (attempt.opened.processEvents) return { ...check, ...ok('Child processes are seen as they start.') };
  return {
    ...check,
    ...warning(
      'Not available: children are found at each interval only, and very short ones may be missed.',
      'Use a kernel with CONFIG_PROC_EVENTS, in the first process and network namespace of the machine.',
    ),
  };
}

function unanswered(attempt: Attempt): string {
  return 'untried' in attempt ? asRoot : 'Mend what has failed above.';
}

/** Present only when something was found. */
function limitations(attempt: Attempt): DoctorCheck[] {
  if (!('opened' in attempt) || attempt.opened.limitations.length === 0) return [];
  const detail = sanitise(attempt.opened.limitations.join(' '), 2_048);
  return [
    {
      id: 'limitations',
      title: 'What cannot be had in full',
      ...warning(detail, 'Monitoring works nevertheless; the checks above tell what can be done.'),
    },
  ];
}

function lockedMemory({ lockedMemoryBytes, kernelRelease, uid }: HostFacts): DoctorCheck {
  const check = { id: 'locked-memory', title: 'Limit of locked memory' };
  if (atLeast(kernelRelease, 5, 11) === true) {
    return {
      ...check,
      ...ok('Of no account: this kernel charges the memory of programs to the control group.'),
    };
  }
  if (lockedMemoryBytes >= neededLockedMemory) {
    const limit = lockedMemoryBytes === Infinity ? 'None' : formatBytes(lockedMemoryBytes);
    return { ...check, ...ok(`${limit}; enough.`) };
  }
  const detail = `${formatBytes(lockedMemoryBytes)}; before Linux 5.11 the programs need ${formatBytes(neededLockedMemory)}.`;
  const remedy =
    'procnetmon raises the limit where it may (CAP_SYS_RESOURCE); else run "ulimit -l unlimited" first.';
  return {
    ...check,
    ...(uid === 0 ? ok(`${detail} Raised when procnetmon starts.`) : warning(detail, remedy)),
  };
}

function ptraceScope({ ptraceScope: scope }: HostFacts): DoctorCheck {
  const check = { id: 'ptrace-scope', title: 'Tracing of processes (Yama)' };
  if (scope === undefined) return { ...check, ...ok('Not restricted by Yama.') };
  if (scope < 3)
    return { ...check, ...ok(`ptrace_scope is ${String(scope)}; procnetmon does not attach to processes.`) };
  return {
    ...check,
    ...warning(
      'ptrace_scope is 3: connections that were open before procnetmon started cannot be given to their processes.',
      'Set kernel.yama.ptrace_scope to 2 or less; this takes a restart of the machine.',
    ),
  };
}

function container({
  container: name,
  initialPidNamespace,
  initialNetworkNamespace,
}: HostFacts): DoctorCheck {
  const check = { id: 'container', title: 'Container and namespaces' };
  const found = [
    name === undefined ? '' : `in a container (${sanitise(name, 64)})`,
    initialPidNamespace ? '' : 'process ids are not those of the machine',
    initialNetworkNamespace === false ? 'in another network namespace than process 1' : '',
  ].filter((part) => part !== '');
  if (found.length === 0)
    return { ...check, ...ok('None: processes and interfaces are those of the machine.') };
  const detail = `Found: ${found.join('; ')}.`;
  if (initialPidNamespace)
    return { ...check, ...ok(`${detail} Only the interfaces of this namespace are listed.`) };
  return {
    ...check,
    ...failed(
      `${detail} The kernel speaks of processes by the ids of the machine, so nothing would be counted here.`,
      'Run procnetmon on the machine itself, or start the container with --pid host.',
    ),
  };
}

/** Exit status of `procnetmon doctor`. */
export function doctorStatus(report: DoctorReport): number {
  return usable(report) ? ExitStatus.Success : ExitStatus.Failure;
}
