// Files that may be anybody's, read with bounds.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The beginning of a regular file, as Latin-1.
 * @returns undefined when there is none, it may not be read, or it is a pipe or a device, which could make us wait
 */
export function readSmallFile(path: string, maximumBytes: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined;
    const buffer = Buffer.alloc(maximumBytes);
    let length = 0;
    for (;;) {
      const more = readSync(descriptor, buffer, length, maximumBytes - length, null);
      length += more;
      if (more === 0 || length === maximumBytes) return buffer.toString('latin1', 0, length);
    }
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}
