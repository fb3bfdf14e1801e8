// From a bare process to one that counts, and from root to the caller: loading the addon, finding the
// cgroup hierarchy, opening the kernel, and giving up every right that is not needed afterwards.
import type { Caller } from './access';
import type { Kernel, KernelAddon, OpenOptions } from './kernel';

export interface OpenedKernel {
  kernel: Kernel;
  /** Where the cgroup v2 hierarchy is mounted. */
  cgroup: string;
  /** Sentences about what could not be had in full, such as processes whose sockets could not be read. */
  limitations: string[];
}

/** The user behind the process: the one who called sudo, or the one it runs as. */
export interface CallerIdentity extends Caller {
  userName: string;
  /** Supplementary groups. */
  groups: number[];
}

/** Loads `procnetmon.node` beside the executable, or from the build folder in development. */
export function loadAddon(): KernelAddon {
  throw new Error('being written');
}

/** Folder of the cgroup v2 hierarchy. Throws a `StartupError` when there is none. */
export function findCgroup(): string {
  throw new Error('being written');
}

/**
 * Loads the programs, attaches every interface, and takes every socket that exists into account. To be called
 * with all rights; throws a `StartupError` that says what is missing.
 */
export function openKernel(addon: KernelAddon, options?: Partial<OpenOptions>): OpenedKernel {
  throw new Error(`being written ${String(addon.open.name)}${options?.cgroup ?? ''}`);
}

/** Finds out who the caller is, from SUDO_UID and SUDO_GID when the process runs as root. */
export function identifyCaller(addon: KernelAddon, environment: NodeJS.ProcessEnv): CallerIdentity {
  throw new Error(`being written ${String(addon.open.name)}${environment['SUDO_UID'] ?? ''}`);
}

/** Irreversibly becomes the caller, with no more rights than counting needs. Children are to be spawned before. */
export function dropToCaller(addon: KernelAddon, caller: CallerIdentity): void {
  throw new Error(`being written ${String(addon.open.name)}${String(caller.uid)}`);
}
