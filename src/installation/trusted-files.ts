// Whether only root can have written a file: it, and every folder above it.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';
import { quoteValue } from '../shared/sanitise';

/** Bits of the mode by which group and others may write. */
const writableByOthers = 0o022;

/** As many symbolic links as the kernel itself follows on one path. */
const maximumLinks = 40;

type FileStatus = Pick<Stats, 'uid' | 'mode' | 'isSymbolicLink'>;

export interface FileSystem {
  lstat: (file: string) => FileStatus;
  readlink: (file: string) => string;
}

const realFileSystem: FileSystem = { lstat: lstatSync, readlink: readlinkSync };

/** A file that somebody other than root may have written. `message` is a sentence that names it and why. */
class UntrustedFileError extends Error {
  override readonly name = 'UntrustedFileError';
}

/**
 * Checks a file or folder and every folder above it. Symbolic links must belong to root too, and so must everything
 * that they lead through and to: the path is followed link by link, as the kernel does it.
 * @throws UntrustedFileError for the first that does not belong to root, or that others may write to; the system's own
 *   error where one is not there
 */
export function checkOnlyRootWrites(file: string, fileSystem = realFileSystem): void {
  const ahead = path.resolve(file).split('/').filter(isName);
  let links = 0;
  let reached = '/';
  checkStatus(reached, fileSystem.lstat(reached));
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    const next = path.join(reached, name);
    const status = fileSystem.lstat(next);
    checkStatus(next, status);
    if (!status.isSymbolicLink()) {
      reached = next;
      continue;
    }
    links += 1;
    if (links > maximumLinks)
      throw new UntrustedFileError(`${quoteValue(file, 256)} leads through too many symbolic links.`);
    const target = fileSystem.readlink(next);
    if (path.isAbsolute(target)) reached = '/';
    ahead.unshift(...target.split('/').filter(isName));
  }
}

function isName(part: string): boolean {
  return part !== '' && part !== '.';
}

function checkStatus(file: string, status: FileStatus): void {
  const name = quoteValue(file, 256);
  if (status.uid !== 0) {
    throw new UntrustedFileError(`${name} belongs to the user ${String(status.uid)}, not to root.`);
  }
  // The mode of a symbolic link says nothing.
  if (!status.isSymbolicLink() && (status.mode & writableByOthers) !== 0) {
    throw new UntrustedFileError(`${name} may be written by others than root.`);
  }
}

/**
 * Reads a text file that only root can have written; undefined when there is none.
 * @throws UntrustedFileError when somebody else could have, when it is something else than a file, or larger than
 *   `maximumBytes`
 */
export function readTrustedFile(file: string, maximumBytes: number): string | undefined {
  let descriptor: number;
  try {
    checkOnlyRootWrites(file);
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const status = fstatSync(descriptor);
    checkStatus(file, status);
    const name = quoteValue(file, 256);
    if (!status.isFile()) throw new UntrustedFileError(`${name} is not a file.`);
    if (status.size > maximumBytes) {
      throw new UntrustedFileError(
        `${name} has ${String(status.size)} bytes, and may have ${String(maximumBytes)} at most.`,
      );
    }
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
