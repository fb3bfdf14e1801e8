// What a test file has to take back at its end, however far it came: the last thing made goes first, and what
// cannot be taken back does not keep the rest from it.
import { afterAll } from 'vitest';

/** Returns a function that remembers an action for the end of the file. To be called while the file loads. */
export function cleanUpAfterAll(): (action: () => unknown) => void {
  const actions: (() => unknown)[] = [];
  afterAll(async () => {
    const failures: unknown[] = [];
    for (const action of actions.reverse()) {
      try {
        await action();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be cleaned up');
  });
  return (action) => {
    actions.push(action);
  };
}
