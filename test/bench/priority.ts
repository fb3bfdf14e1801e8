// The machine may do other things as well; what is timed here is to be disturbed as little as can be.
import { getPriority, setPriority } from 'node:os';

/** Above that of ordinary programs. Programs started from here inherit it. */
const raised = -15;

/** Runs an action at a priority above that of the other programs. */
export async function beforeOthers<Result>(action: () => Result | Promise<Result>): Promise<Result> {
  const before = getPriority();
  setPriority(raised);
  try {
    return await action();
  } finally {
    setPriority(before);
  }
}
