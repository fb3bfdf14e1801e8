// Files that may be anybody's, read with bounds.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Holds a file without opening it, so that a device does not notice. Of Linux; Node has no name for it. */
const O_PATH = 0o10000000;

/** A regular file that is looked at. */
export interface SmallFile {
  /** What would change with the content: time, size, inode. */
  readonly stamp: string;
  /** Reads the beginning, as Latin-1; undefined when it may not be read. */
  readonly read: (maximumBytes: number) => string | undefined;
}

/**
 * The beginning of a regular file, as Latin-1. Links are followed.
 * @returns undefined when there is none, it may not be read, or it is something else
 */
export function readSmallFile(path: string, maximumBytes: number): string | undefined {
  return lookAtSmallFile(path, ({ read }) => read(maximumBytes));
}

/**
 * What `look` makes of a regular file, which is opened only where it is read: being opened alone has a device do
 * something, as `/dev/watchdog`, and can make us wait.
 *
 * With `root`, where somebody else's file system begins (`/proc/PID/root`), nothing need be what it is elsewhere. No link
 * is followed then, as an absolute one leads to files of this process's own file system, with the rights of this process.
 * What the kernel makes up as it is read, in `/proc` and `/sys`, is no file either: it can be mounted there, and reading
 * `/proc/kmsg` takes away what is read. Such files take up no blocks.
 * @returns undefined when there is none, or it is something else
 */
export function lookAtSmallFile<T>(path: string, look: (file: SmallFile) => T, root = ''): T | undefined {
  try {
    return withDescriptor(root === '' ? hold(path) : holdBeneath(root, path), (held) => {
      const stats = fstatSync(held, { bigint: true });
      if (!stats.isFile() || (root !== '' && stats.blocks === 0n)) return undefined;
      return look({
        stamp: [stats.mtimeNs, stats.size, stats.ino, stats.dev].join('/'),
        read: (maximumBytes) => readBeginning(pathOf(held), maximumBytes)?.toString('latin1'),
      });
    });
  } catch {
    return undefined;
  }
}

/**
 * The beginning of a file that is known to be one, as those in `/proc`.
 * @returns undefined when it cannot be read, which for a process means that it is as good as gone
 */
export function readBeginning(path: string, maximumBytes: number): Buffer | undefined {
  try {
    return withDescriptor(
      openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY),
      (descriptor) => {
        const buffer = Buffer.allocUnsafe(maximumBytes);
        let length = 0;
        for (;;) {
          const more = readSync(descriptor, buffer, length, maximumBytes - length, null);
          length += more;
          if (more === 0 || length === maximumBytes) return buffer.subarray(0, length);
        }
      },
    );
  } catch {
    return undefined;
  }
}

function hold(path: string, flags = 0): number {
  return openSync(path, O_PATH | flags);
}

/** Name by name: O_NOFOLLOW is about the last one only, and the helper's filter refuses openat2(). */
function holdBeneath(root: string, path: string): number {
  return path
    .split('/')
    .filter((name) => name !== '')
    .reduce(
      (folder, name) => withDescriptor(folder, () => hold(`${pathOf(folder)}/${name}`, constants.O_NOFOLLOW)),
      hold(root),
    );
}

function withDescriptor<T>(descriptor: number, use: (descriptor: number) => T): T {
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Leads to the very file that is held, whatever stands under its name by now. */
function pathOf(descriptor: number): string {
  return `/proc/self/fd/${String(descriptor)}`;
}
