// What can be read about this machine and this process without asking for anything: the ground on which the
// doctor stands. Read before the helper gives up its rights, as some of it changes with them.
import { accessSync, constants, readFileSync, readlinkSync, statSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { parseMounts, type CgroupMount } from './cgroup';
import type { Capabilities, KernelAddon } from './kernel';

export interface HostFacts {
  /** Release of the kernel, such as `6.18.5-arch1-1`. */
  kernelRelease: string;
  /** Active lockdown mode; undefined where the kernel does not say. */
  lockdown: 'none' | 'integrity' | 'confidentiality' | undefined;
  /** Whether the kernel describes its types (BTF). */
  typeInformation: boolean;
  uid: number;
  /** Undefined where the addon could not be loaded. */
  capabilities: Capabilities | undefined;
  noNewPrivileges: boolean;
  /** The cgroup v2 hierarchy, and whether every process of the machine is below it. */
  cgroup: CgroupMount | undefined;
  /** Soft limit of locked memory in bytes; Infinity for none. */
  lockedMemoryBytes: number;
  /** `kernel.yama.ptrace_scope`, 0 to 3; undefined where the kernel has no Yama. */
  ptraceScope: number | undefined;
  /** How the container calls itself; undefined outside. */
  container: string | undefined;
  /** False when process ids here differ from those of the machine. */
  initialPidNamespace: boolean;
  /** Undefined where it cannot be told. */
  initialNetworkNamespace: boolean | undefined;
  /** Path of sudo; undefined where it is not installed. */
  sudo: string | undefined;
}

/** What the facts are read from; replaced in tests. */
export interface HostSources {
  /** Content of a file; undefined when it cannot be read. */
  read(file: string): string | undefined;
  /** Where a symbolic link points; undefined when it cannot be read. */
  link(file: string): string | undefined;
  /** Whether a file exists and may be executed. */
  executable(file: string): boolean;
  exists(file: string): boolean;
  release: string;
  uid: number;
  environment: NodeJS.ProcessEnv;
}

export const realHost: HostSources = {
  read: (file) => attempt(() => readFileSync(file, 'latin1')),
  link: (file) => attempt(() => readlinkSync(file)),
  executable: (file) =>
    attempt(() => {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    }) ?? false,
  exists: (file) => attempt(() => statSync(file)) !== undefined,
  release: release(),
  uid: process.getuid?.() ?? 0,
  environment: process.env,
};

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// Inode numbers of the namespaces that the kernel makes at boot, the same in every version (PROC_PID_INIT_INO,
// PROC_CGROUP_INIT_INO).
const initialPidNamespaceLink = 'pid:[4026531836]';
const initialCgroupNamespaceLink = 'cgroup:[4026531835]';

/** Reads the facts. Never fails: what cannot be read is missing or the harmless case. */
export function collectFacts(
  addon: Pick<KernelAddon, 'capabilities'> | undefined,
  host = realHost,
): HostFacts {
  const status = host.read('/proc/self/status') ?? '';
  return {
    kernelRelease: host.release,
    lockdown: readLockdown(host.read('/sys/kernel/security/lockdown')),
    typeInformation: host.exists('/sys/kernel/btf/vmlinux'),
    uid: host.uid,
    capabilities: attempt(() => addon?.capabilities()),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    cgroup: readCgroup(host),
    lockedMemoryBytes: readLockedMemory(host.read('/proc/self/limits') ?? ''),
    ptraceScope: readNumber(host.read('/proc/sys/kernel/yama/ptrace_scope')),
    container: readContainer(host),
    initialPidNamespace: isInitialPidNamespace(host),
    initialNetworkNamespace: readNetworkNamespace(host),
    sudo: (host.environment['PATH'] ?? '')
      .split(':')
      .concat('/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin')
      .filter((folder) => folder.startsWith('/'))
      .map((folder) => path.join(folder, 'sudo'))
      .find((file) => host.executable(file)),
  };
}

/**
 * Whether process ids here are those of the machine, by which the kernel half counts. Where it cannot be told they
 * are taken to be.
 */
export function isInitialPidNamespace(host: Pick<HostSources, 'link'> = realHost): boolean {
  const own = host.link('/proc/self/ns/pid');
  return own === undefined || own === initialPidNamespaceLink;
}

function readLockdown(text: string | undefined): HostFacts['lockdown'] {
  const mode = /\[(none|integrity|confidentiality)\]/.exec(text ?? '')?.[1];
  return mode as HostFacts['lockdown'];
}

function readCgroup(host: HostSources): CgroupMount | undefined {
  const mount = parseMounts(host.read('/proc/self/mountinfo') ?? '');
  const initial = host.link('/proc/self/ns/cgroup') === initialCgroupNamespaceLink;
  return mount === undefined ? undefined : { path: mount.path, whole: mount.whole && initial };
}

function readLockedMemory(limits: string): number {
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
}

function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function readContainer(host: HostSources): string | undefined {
  if (host.exists('/.dockerenv')) return 'docker';
  if (host.exists('/run/.containerenv')) return 'podman';
  const named = host.read('/run/host/container-manager') ?? host.environment['container'];
  return named === undefined || named.trim() === '' ? undefined : named.trim();
}

function readNetworkNamespace(host: HostSources): boolean | undefined {
  const own = host.link('/proc/self/ns/net');
  const first = host.link('/proc/1/ns/net');
  return own === undefined || first === undefined ? undefined : own === first;
}
