// Sockets from before the programs were loaded, taken into account while there are rights to look at all of them.
import { errorCode } from './errors';
import type { Kernel } from './kernel';
import { listProcessIds } from './processes';

/**
 * Takes the sockets of every process into account. Later processes come later, so a socket that was passed on in a
 * fork counts on the child. Returns how many processes refused.
 */
export function adoptEverything(kernel: Kernel, processIds = listProcessIds()): number {
  let refused = 0;
  for (const pid of processIds) {
    try {
      kernel.adoptSockets(pid);
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') refused += 1;
    }
  }
  return refused;
}
