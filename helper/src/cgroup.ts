// Where the cgroup v2 hierarchy is mounted. Hooks at its root see the sockets of every process below it.
import { readFileSync, readlinkSync } from 'node:fs';
import { asError, ExitStatus, StartupError } from './errors';

export interface CgroupMount {
  /** Mount point; absent where it is mounted nowhere in sight, as under `ip netns exec`. */
  path?: string | undefined;
  /** Whether every process of the machine is below it, as far as the mount itself can tell. */
  whole: boolean;
}

/** Inode of the first cgroup namespace (PROC_CGROUP_INIT_INO), the same on every kernel. */
const firstNamespace = 'cgroup:[4026531835]';

/**
 * Finds the hierarchy in the text of `/proc/self/mountinfo`. In hybrid mode it is mounted beside the hierarchies of
 * version 1. Mounts of its root go first.
 */
export function parseMounts(mountinfo: string): CgroupMount | undefined {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    // Optional fields end at a lone hyphen; the type of the file system follows.
    const [before, after] = line.split(' - ');
    if (after?.split(' ')[0] !== 'cgroup2') continue;
    const fields = before?.split(' ') ?? [];
    const root = fields[3];
    const path = fields[4];
    if (root !== undefined && path !== undefined)
      mounts.push({ path: unescapePath(path), whole: root === '/' });
  }
  return mounts.find(({ whole }) => whole) ?? mounts[0];
}

/** The hierarchy as this process sees it. */
export function findCgroup(mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupMount {
  const mount = parseMounts(mountinfo) ?? { whole: true };
  return { ...mount, whole: mount.whole && inFirstNamespace() };
}

/** Why there is no counting where the hierarchy is mounted nowhere, and could not be mounted either. */
export function explainNoCgroup(cause: unknown): StartupError {
  return new StartupError(
    ExitStatus.NoCgroup,
    `No cgroup v2 hierarchy is mounted, so sockets cannot be told by process: ${asError(cause).message}.`,
    'Mount one (mount -t cgroup2 none /sys/fs/cgroup/unified), or boot with systemd.unified_cgroup_hierarchy=1.',
    { cause },
  );
}

function inFirstNamespace(): boolean {
  try {
    return readlinkSync('/proc/self/ns/cgroup') === firstNamespace;
  } catch {
    return false;
  }
}

/** Blanks, tabs, newlines and backslashes stand as octal numbers. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
