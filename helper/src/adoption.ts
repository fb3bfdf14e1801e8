// Sockets from before the programs were loaded, taken into account while there are rights to look at all of them.
import { errorCode } from './errors';
import type { Kernel } from './kernel';
import { listProcessIds } from './processes';

/** How long the start may take over it: anybody can have many processes with many descriptors. */
const budgetMillis = 5_000;

/** Of how many processes not all sockets were taken into account, and why. */
export interface LeftOut {
  /** The kernel does not let us look. */
  refused: number;
  /** They have more descriptors than are looked at. */
  cut: number;
  /** Their turn would have come when the time was over. */
  late: number;
}

/**
 * Takes the sockets of every process into account. Later processes come later, so a socket that was passed on in a
 * fork counts on the child.
 * @param nowMillis a clock that is never set
 */
export function adoptEverything(
  kernel: Pick<Kernel, 'adoptSockets'>,
  processIds = listProcessIds(),
  nowMillis = () => performance.now(),
): LeftOut {
  const left: LeftOut = { refused: 0, cut: 0, late: 0 };
  const untilMillis = nowMillis() + budgetMillis;
  for (const [index, pid] of processIds.entries()) {
    if (nowMillis() >= untilMillis) {
      left.late = processIds.length - index;
      break;
    }
    try {
      kernel.adoptSockets(pid);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'E2BIG') left.cut += 1;
      else if (code !== 'ESRCH') left.refused += 1;
    }
  }
  return left;
}
