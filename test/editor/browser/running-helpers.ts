// The helpers that an editor has started, found as the kernel shows them.
import { readdirSync, readlinkSync } from 'node:fs';

/** Ids of the processes that run an executable from a folder: that of the extension, as an editor unpacked it. */
export function runningHelpers(folder: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${String(pid)}/exe`).startsWith(folder);
      } catch {
        return false;
      }
    });
}
