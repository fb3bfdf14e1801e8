// How many may come in a time: messages of a client, events of a monitor.
import { monotonicNanos } from './clock';

/** A token bucket: `burst` at once, `perSecond` in the long run. */
export class RateLimit {
  #tokens: number;
  #filledNanos: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly now: () => number = monotonicNanos,
  ) {
    this.#tokens = burst;
    this.#filledNanos = now();
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    const now = this.now();
    const gained = ((now - this.#filledNanos) / 1e9) * this.perSecond;
    this.#filledNanos = now;
    this.#tokens = Math.min(this.burst, this.#tokens + gained);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
