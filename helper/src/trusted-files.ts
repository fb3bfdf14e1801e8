// Whether only root can have written a file: it, and every folder above it.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import path from 'node:path';
import { quoteValue } from '../../src/shared/sanitise';
import { errorCode } from './errors';

/** Bits of the mode by which group and others may write. */
const writableByOthers = 0o022;

type FileStatus = Pick<Stats, 'uid' | 'mode' | 'isSymbolicLink'>;

/** A file that somebody other than root may have written. `message` is a sentence that names it and why. */
export class UntrustedFileError extends Error {
  override readonly name = 'UntrustedFileError';
}

/**
 * Checks a file or folder and every folder above it, each without following symbolic links.
 * @throws UntrustedFileError for the first that does not belong to root, that others may write to, or that is a
 *   symbolic link; the system's own error where one is not there
 */
export function checkOnlyRootWrites(file: string, inspect: (file: string) => FileStatus = lstatSync): void {
  for (let current = path.resolve(file); ; current = path.dirname(current)) {
    checkStatus(current, inspect(current));
    if (current === path.dirname(current)) return;
  }
}

function checkStatus(file: string, status: FileStatus): void {
  const name = quoteValue(file, 256);
  if (status.isSymbolicLink()) throw new UntrustedFileError(`${name} is a symbolic link.`);
  if (status.uid !== 0) {
    throw new UntrustedFileError(`${name} belongs to the user ${String(status.uid)}, not to root.`);
  }
  if ((status.mode & writableByOthers) !== 0) {
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
    checkOnlyRootWrites(path.dirname(file));
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP')
      throw new UntrustedFileError(`${quoteValue(file, 256)} is a symbolic link.`);
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
