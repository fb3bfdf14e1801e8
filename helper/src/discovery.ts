// Finds the processes of a monitor of everything: by their traffic, so that no other process is looked at. Every socket
// knows its owner, whether or not anybody watches that, so nothing is missed meanwhile.
import { RequestError } from './errors';
import type { Ledger, ProcessAccount } from './ledger';
import type { Monitor } from './monitor';
import type { WatchedProcesses } from './watched-processes';

/** Between two looks at a process that the caller could not see: it may have become another user's. */
const secondLookNanos = 10e9;

export class Discovery {
  /** Covered, or ended and made room since. */
  readonly #known = new WeakSet<ProcessAccount>();
  /** When the caller was found not to see a process, in nanoseconds since boot. */
  readonly #refused = new WeakMap<ProcessAccount, number>();
  readonly #leftOut = new WeakSet<ProcessAccount>();
  /** Processes that found no room. */
  dropped = 0;

  constructor(
    private readonly monitor: Monitor,
    private readonly ledger: Ledger,
    private readonly processes: WatchedProcesses,
  ) {}

  /** Covers who has moved anything, or could, since the last look. */
  look(now: number): void {
    for (const account of this.ledger.all()) {
      if (account.flows.size === 0 || this.#known.has(account)) continue;
      if (now - (this.#refused.get(account) ?? -Infinity) >= secondLookNanos) this.#cover(account, now);
    }
  }

  #cover(account: ProcessAccount, now: number): void {
    try {
      const process = this.processes.discover(this.monitor, account, now);
      // The account of a process that has just been found to be another one is no longer in use.
      if (this.monitor.discover(process)) {
        this.#known.add(account).add(process.account);
        return;
      }
      this.processes.release(this.monitor, process);
      if (!this.#leftOut.has(account)) this.dropped += 1;
      this.#leftOut.add(account);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
    this.#refused.set(account, now);
  }
}
