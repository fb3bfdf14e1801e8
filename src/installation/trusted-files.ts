// Whether only root can have written a file: it, and every folder above it.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';
import { quoteValue } from '../shared/sanitise';

/** Bits of the mode by which group and others may write. */
const writableByOthers = 0o022;

type FileStatus = Pick<Stats, 'uid' | 'mode' | 'isSymbolicLink'>;

export interface FileSystem {
  lstat: (file: string) => FileStatus;
  realpath: (file: string) => string;
}

const realFileSystem: FileSystem = { lstat: lstatSync, realpath: realpathSync };

/** A file that somebody other than root may have written. `message` is a sentence that names it and why. */
export class UntrustedFileError extends Error {
  override readonly name = 'UntrustedFileError';
}

/**
 * Checks a file or folder and every folder above it. Symbolic links must belong to root too, and so must everything
 * that they lead to.
 * @throws UntrustedFileError for the first that does not belong to root, or that others may write to; the system's own
 *   error where one is not there
 */
export function checkOnlyRootWrites(file: string, fileSystem = realFileSystem): void {
  const named = path.resolve(file);
  checkChain(named, fileSystem);
  const real = fileSystem.realpath(named);
  if (real !== named) checkChain(real, fileSystem);
}

function checkChain(file: string, { lstat }: FileSystem): void {
  for (let current = file; ; current = path.dirname(current)) {
    checkStatus(current, lstat(current));
    if (current === path.dirname(current)) return;
  }
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
 * @throws UntrustedFileError when somebody else could have, or it is larger than `maximumBytes`
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
    if (!status.isFile() || status.size > maximumBytes)
      throw new UntrustedFileError(`${quoteValue(file, 256)} is no file of a sensible size.`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
