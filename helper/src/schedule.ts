// When what is due: deadlines on a grid that a late timer does not shift, all served by one timer.
import { monotonicNanos } from './clock';

/** A timer may fire this much early: its resolution is a millisecond. */
const earlyNanos = 1e6;

interface Entry {
  intervalNanos: number;
  dueNanos: number;
}

export class Schedule {
  readonly #entries = new Map<string, Entry>();
  #timer: NodeJS.Timeout | undefined;
  #wakeNanos = Infinity;

  /** @param onDue called with the names that are due and the time, in nanoseconds since boot */
  constructor(private readonly onDue: (names: string[], now: number) => void) {}

  /** Makes a name due at `firstNanos` and in even intervals from then on. Setting it again begins anew. */
  set(name: string, intervalNanos: number, firstNanos: number): void {
    this.#entries.set(name, { intervalNanos, dueNanos: firstNanos });
    this.#arm();
  }

  delete(name: string): void {
    this.#entries.delete(name);
    this.#arm();
  }

  close(): void {
    this.#entries.clear();
    this.#arm();
  }

  #arm(): void {
    let next = Infinity;
    for (const { dueNanos } of this.#entries.values()) next = Math.min(next, dueNanos);
    if (next === this.#wakeNanos) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeNanos = next;
    if (next === Infinity) return;
    const delayMillis = Math.max(0, Math.ceil((next - monotonicNanos()) / 1e6));
    this.#timer = setTimeout(() => this.#fire(), delayMillis);
  }

  #fire(): void {
    this.#wakeNanos = Infinity;
    const now = monotonicNanos();
    const due: string[] = [];
    for (const [name, entry] of this.#entries) {
      if (entry.dueNanos > now + earlyNanos) continue;
      due.push(name);
      // Deadlines that were missed are skipped; the grid stays where it is.
      const missed = Math.floor((now + earlyNanos - entry.dueNanos) / entry.intervalNanos);
      entry.dueNanos += (missed + 1) * entry.intervalNanos;
    }
    try {
      if (due.length > 0) this.onDue(due, now);
    } finally {
      this.#arm();
    }
  }
}
