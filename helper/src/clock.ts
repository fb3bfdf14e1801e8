// The two clocks: the monotonic one, which every timestamp of the kernel uses and every rate is computed
// from, and wall-clock time, which people read.
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/**
 * Nanoseconds since boot (CLOCK_MONOTONIC of the machine), exact to a few nanoseconds for the first hundred days of
 * uptime.
 */
export function monotonicNanos(): number {
  return Number(process.hrtime.bigint() - namespaceOffset);
}

/** The kernel half knows nothing of time namespaces, in which this clock is set to another time. */
const namespaceOffset = monotonicOffset(readOffsets());

function readOffsets(): string {
  try {
    return readFileSync('/proc/self/timens_offsets', 'utf8');
  } catch {
    // A kernel without them.
    return '';
  }
}

/** What a time namespace adds to CLOCK_MONOTONIC, in nanoseconds, from `/proc/PID/timens_offsets`. */
export function monotonicOffset(offsets: string): bigint {
  const [, seconds, nanos] = /^\s*(?:monotonic|1)\s+(-?\d+)\s+(-?\d+)\s*$/m.exec(offsets) ?? [];
  return seconds === undefined || nanos === undefined ? 0n : BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
}

/** `/proc` tells start times in hundredths of a second, on every architecture. */
const nanosPerTick = 1e7;

/**
 * The start time that `/proc` would show of a process that was forked at a time, give or take one: in clock ticks
 * since boot, while the machine was suspended included.
 */
export function startTicksAt(nanos: number): number {
  return Math.max(1, Math.floor((nanos + uptime() * 1e9 - monotonicNanos()) / nanosPerTick));
}

/** Beyond this the wall clock was set; below it the difference is jitter of the two readings. */
const stepMillis = 20;
/** Beyond this the machine was suspended; uptime is told in hundredths of a second. */
const suspendedMillis = 50;
/** The latest times that the machine was suspended; what was before earlier ones is told too late. */
const maximumSuspends = 100;

/**
 * Converts monotonic time to wall-clock time, following steps of the wall clock. While the machine is suspended the
 * monotonic clock stands still: what was before is further away than that one says.
 */
export class WallClock {
  #offsetMillis = Date.now() - monotonicNanos() / 1e6;
  #sleptMillis: number;
  readonly #suspends: { beforeNanos: number; millis: number }[] = [];

  /** @param uptimeMillis time since boot, while the machine was suspended included */
  constructor(private readonly uptimeMillis = () => uptime() * 1e3) {
    this.#sleptMillis = this.#slept();
  }

  /** Measures the distance of the clocks again; to be called now and then. */
  measure(): void {
    const offset = Date.now() - monotonicNanos() / 1e6;
    if (Math.abs(offset - this.#offsetMillis) > stepMillis) this.#offsetMillis = offset;
    const slept = this.#slept();
    const millis = slept - this.#sleptMillis;
    if (Math.abs(millis) <= suspendedMillis) return;
    this.#sleptMillis = slept;
    if (millis > 0) this.#suspends.push({ beforeNanos: monotonicNanos(), millis });
    if (this.#suspends.length > maximumSuspends) this.#suspends.shift();
  }

  /** For how long the machine was suspended since boot, in milliseconds. */
  #slept(): number {
    return this.uptimeMillis() - monotonicNanos() / 1e6;
  }

  /** ISO 8601 in UTC with milliseconds. */
  iso(nanos: number): string {
    const sleptSince = this.#suspends
      .filter(({ beforeNanos }) => nanos < beforeNanos)
      .reduce((sum, { millis }) => sum + millis, 0);
    const date = new Date(Math.round(nanos / 1e6 + this.#offsetMillis - sleptSince));
    // A timestamp from outside may be anything; a date that cannot be written must not end monitoring.
    return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
  }
}
