// From a bare process to one that counts: loading the addon, making sure that kernel and rights will do, and opening
// the kernel with everything that exists already taken into account.
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import { checkOnlyRootWrites } from '../../src/installation/trusted-files';
import { adoptEverything } from './adoption';
import { type CgroupMount, explainNoCgroup, findCgroup } from './cgroup';
import { asError, errorCode, errorOperation, ExitStatus, StartupError } from './errors';
import { isInitialPidNamespace, realHost, type HostSources } from './host-facts';
import type { Kernel, KernelAddon, OpenOptions } from './kernel';

export interface OpenedKernel {
  kernel: Kernel;
  /** Sentences about what could not be had in full, such as processes whose sockets could not be read. */
  limitations: string[];
}

const addonName = 'procnetmon.node';
const developmentFolder = join('helper', 'addon', 'build', 'Release');

const oldestKernel = { major: 5, minor: 10 };

/**
 * Loads the native addon: beside the executable, or, when this is plain JavaScript, beside the script or in the build
 * folder of the source tree that the script is in. The current folder is never looked at: it is anybody's.
 */
export function loadAddon(path = findAddon()): KernelAddon {
  if (isSea()) checkInstalled(path);
  const loaded: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(loaded, path);
  } catch (error) {
    throw new StartupError(
      ExitStatus.Failure,
      `The native part of the helper cannot be loaded: ${asError(error).message}`,
      'Build or install the helper anew; both files must be of the same build.',
      { cause: error },
    );
  }
  return loaded.exports as KernelAddon;
}

/**
 * A helper that has more rights than its user, by capabilities of the file, loads only what root has put beside it. The
 * user may reach the executable under another path, such as that of a hard link.
 */
function checkInstalled(addonPath: string): void {
  if (process.getuid?.() === 0 || !hasCapabilities()) return;
  try {
    checkOnlyRootWrites(process.execPath);
    checkOnlyRootWrites(addonPath);
  } catch (error) {
    throw new StartupError(
      ExitStatus.Failure,
      `The helper has rights that its user has not, and is not used: ${asError(error).message}`,
      'Install it anew with "sudo procnetmon install".',
      { cause: error },
    );
  }
}

function hasCapabilities(): boolean {
  const permitted = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return permitted === undefined || BigInt(`0x${permitted}`) !== 0n;
}

function findAddon(): string {
  const folders: string[] = [];
  if (isSea()) {
    folders.push(dirname(process.execPath));
  } else {
    let folder = dirname(process.argv[1] ?? process.execPath);
    folders.push(folder);
    for (; folder !== dirname(folder); folder = dirname(folder))
      folders.push(join(folder, developmentFolder));
  }
  const found = folders.map((folder) => join(folder, addonName)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new StartupError(
    ExitStatus.Failure,
    `The native part of the helper, ${addonName}, is not where it belongs: ${folders[0] ?? ''}.`,
    'Build or install the helper anew.',
  );
}

/** Compares the kernel's release with a version; undefined when the release cannot be understood. */
export function atLeast(kernelRelease: string, major: number, minor: number): boolean | undefined {
  const match = /^(\d+)\.(\d+)/.exec(kernelRelease);
  if (match === null) return undefined;
  const [found, foundMinor] = [Number(match[1]), Number(match[2])];
  return found > major || (found === major && foundMinor >= minor);
}

/** Throws a `StartupError` for kernels that lack what counting needs. */
export function checkKernel(kernelRelease = release()): void {
  if (atLeast(kernelRelease, oldestKernel.major, oldestKernel.minor)) return;
  throw new StartupError(
    ExitStatus.KernelUnsuitable,
    `Linux ${kernelRelease} is too old: ${String(oldestKernel.major)}.${String(oldestKernel.minor)} or later is needed.`,
    'Use a later kernel.',
  );
}

/**
 * What loading and attaching takes: CAP_PERFMON, because the kernel refuses the programs' pointer arithmetic without it.
 * Once they are attached, the helper does without that one.
 */
export const neededCapabilities = ['cap_bpf', 'cap_perfmon', 'cap_net_admin'] as const;

/** What raises the limit of locked memory, to which kernels below 5.11 charge programs and maps. */
export const raisingCapability = 'cap_sys_resource';

/** Whether loading takes `raisingCapability` as well, unless that limit is high enough already. */
export function chargesLockedMemory(kernelRelease = release()): boolean {
  return !atLeast(kernelRelease, 5, 11);
}

/** Which of them a process lacks. CAP_SYS_ADMIN stands for the first two. */
export function missingCapabilities(effective: readonly string[]): string[] {
  const isHeld = (name: string): boolean =>
    effective.includes(name) || (name !== 'cap_net_admin' && effective.includes('cap_sys_admin'));
  return neededCapabilities.filter((name) => !isHeld(name));
}

/** Throws a `StartupError` when the process may not load and attach programs. */
export function checkRights(addon: Pick<KernelAddon, 'capabilities'>): void {
  const missing = missingCapabilities(addon.capabilities().effective);
  if (missing.length === 0) return;
  throw new StartupError(
    ExitStatus.NoRights,
    `Counting packets needs rights that this process does not have (${missing.join(', ').toUpperCase()}).`,
    'Run it as root, or through sudo; in a container, add them: --cap-add BPF --cap-add PERFMON --cap-add NET_ADMIN.',
  );
}

/**
 * Throws a `StartupError` in a process namespace of its own: the kernel half tells processes apart by the ids of the
 * machine, so with others nothing would ever be counted, without a word.
 */
export function checkProcessNamespace(host: Pick<HostSources, 'link'> = realHost): void {
  if (isInitialPidNamespace(host)) return;
  throw new StartupError(
    ExitStatus.ProcessNamespace,
    'This is a process namespace of its own (a container, or WSL): the kernel counts by the process ids of the machine, which are others.',
    'Run it on the machine itself, or start the container with --pid=host.',
  );
}

/**
 * Loads the programs, attaches every interface, and takes every socket that exists into account. To be called with all
 * rights; throws a `StartupError` that says what is missing.
 */
export function openKernel(
  addon: KernelAddon,
  options: Partial<OpenOptions> = {},
  host: Pick<HostSources, 'link'> = realHost,
): OpenedKernel {
  checkKernel();
  checkProcessNamespace(host);
  checkRights(addon);
  const mount: CgroupMount =
    options.cgroup === undefined ? findCgroup() : { path: options.cgroup, whole: true };
  const { attachment = 'auto', onlyUser } = options;
  let kernel: Kernel;
  try {
    kernel = addon.open({ cgroup: mount.path, attachment, onlyUser });
  } catch (error) {
    throw errorOperation(error).endsWith('(cgroup2)') ? explainNoCgroup(error) : refusal(error, addon);
  }
  try {
    const limitations = [...sweepUp(addon, kernel), ...takeIntoAccount(kernel, mount)];
    return { kernel, limitations };
  } catch (error) {
    kernel.close();
    throw refusal(error, addon);
  }
}

/** Takes away what a helper that was killed has left; only filters outlive one. */
function sweepUp(addon: Pick<KernelAddon, 'sweep'>, kernel: Kernel): string[] {
  if (kernel.attachment !== 'clsact') return [];
  try {
    addon.sweep();
    return [];
  } catch (error) {
    return [`What a killed helper left behind could not be removed: ${asError(error).message}.`];
  }
}

function takeIntoAccount(kernel: Kernel, mount: CgroupMount): string[] {
  const limitations: string[] = [];
  for (const { index, name } of kernel.interfaces()) {
    try {
      kernel.attachInterface(index);
    } catch (error) {
      limitations.push(`Interface ${name} is counted at its sockets only: ${asError(error).message}.`);
    }
  }
  const { refused, cut, late } = adoptEverything(kernel);
  if (refused > 0) {
    limitations.push(`The sockets that ${String(refused)} processes opened earlier could not be looked at.`);
  }
  if (cut > 0) {
    limitations.push(
      `Of the sockets that ${String(cut)} processes opened earlier some were left out: they have too many descriptors.`,
    );
  }
  if (late > 0) {
    limitations.push(
      `The sockets that ${String(late)} processes opened earlier were left out: to look at those of the others took too long.`,
    );
  }
  if (!mount.whole) limitations.push('Only processes of this container are seen.');
  if (!kernel.processEvents) {
    limitations.push(
      'The kernel gives no process events: a process that lives shorter than an interval may be missed.',
    );
  }
  return limitations;
}

function refusal(error: unknown, addon: Pick<KernelAddon, 'capabilities'>): StartupError {
  if (error instanceof StartupError) return error;
  const { message } = asError(error);
  const code = errorCode(error);
  if (code === 'EUSERS') {
    return new StartupError(
      ExitStatus.TooManyHelpers,
      'Eight helpers count on this machine already, which is as many as can.',
      'Close an editor window that monitors, stop monitoring in one, or end another procnetmon.',
      { cause: error },
    );
  }
  const isRefused = code === 'EPERM' || code === 'EACCES';
  if (isRefused && chargesLockedMemory() && !addon.capabilities().effective.includes(raisingCapability)) {
    return new StartupError(
      ExitStatus.NoRights,
      `The kernel refuses to load the programs that count packets: ${message}. Below Linux 5.11 they count as locked memory, and this process may not raise the limit of it (CAP_SYS_RESOURCE).`,
      'Run it as root, or through sudo; in a container, add --cap-add SYS_RESOURCE, or set its limit with --ulimit memlock=-1.',
      { cause: error },
    );
  }
  if (isRefused) {
    return new StartupError(
      ExitStatus.NoRights,
      `The kernel refuses to load or attach the programs that count packets: ${message}.`,
      'Run as root, outside of a container or in a privileged one; procnetmon doctor tells more.',
      { cause: error },
    );
  }
  if (['ENOSYS', 'EINVAL', 'EOPNOTSUPP', 'ENOTSUPP', 'ENOENT'].includes(code)) {
    return new StartupError(
      ExitStatus.KernelUnsuitable,
      `This kernel lacks something that counting needs: ${message}.`,
      'Run procnetmon doctor, which says what; kernels of the distributions have it from 5.10 on.',
      { cause: error },
    );
  }
  return new StartupError(
    ExitStatus.Failure,
    `The programs that count packets could not be started: ${message}.`,
    'Run procnetmon doctor, which looks for the cause.',
    { cause: error },
  );
}
