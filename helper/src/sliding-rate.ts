// Rates over a sliding window, from counters and the exact times at which they were read.
import type { Directions, Usage } from '../../src/shared/protocol';
import type { CounterValues } from './counters';

/** Bytes sent and received, on the wire and as payload: what has a rate. */
const channels = 4;
/** A point is its time and the accumulated growth of each channel until then. */
const stride = channels + 1;
const initialPoints = 8;
/**
 * No three points are within the window over this, so that a ring never exceeds 128 points, and no rate is off by more
 * than what was counted within that time.
 */
const pointsPerWindow = 60;

const nanosPerSecond = 1e9;

/**
 * How fast a set of counters moves. Each reading is a point of a piecewise linear curve; a rate is the growth of
 * the curve over the window divided by the time covered, so it depends on when readings were taken only, never on
 * when they should have been taken. A counter that goes back is a new baseline, never a negative rate.
 */
export class SlidingRate {
  #points = new Float64Array(initialPoints * stride);
  /** Index of the oldest point in the ring. */
  #first = 0;
  #count = 0;
  readonly #last = new Float64Array(channels);
  readonly #rates = new Float64Array(channels);

  /**
   * @param windowNanos width of the window, above 0
   * @param sinceNanos start of what is covered: before the window is full, growth is divided by the time since
   *   then. Until the first reading the counters are taken to have stood still.
   */
  constructor(
    readonly windowNanos: number,
    readonly sinceNanos: number,
  ) {}

  /** Time of the last reading, or -Infinity before the first. */
  get lastNanos(): number {
    return this.#count === 0 ? -Infinity : this.#at(this.#count - 1, 0);
  }

  /** Takes a reading into account. Readings that are not later than the last one are put at the time of the last. */
  push(nanos: number, counters: CounterValues): void {
    const time = Math.max(nanos, this.lastNanos);
    const previous = this.#count - 1;
    const merge = this.#mergesWithLast(time);
    if (!merge) this.#append();
    const newest = this.#count - 1;
    this.#set(newest, 0, time);
    this.#grow(newest, previous, 1, counters.wireTxBytes);
    this.#grow(newest, previous, 2, counters.wireRxBytes);
    this.#grow(newest, previous, 3, counters.payloadTxBytes);
    this.#grow(newest, previous, 4, counters.payloadRxBytes);
    this.#forget(time - this.windowNanos);
  }

  /**
   * Computes the rates at a time, which is not before the last reading; the counters are taken to have stood
   * still since. Returns whether they differ from those computed before.
   */
  update(nanos: number): boolean {
    const covered = Math.min(this.windowNanos, nanos - this.sinceNanos);
    const edge = nanos - covered;
    // The newest point at or before the window's left edge.
    let left = 0;
    while (left + 1 < this.#count && this.#at(left + 1, 0) <= edge) left += 1;
    const leftTime = this.#count === 0 ? 0 : this.#at(left, 0);
    const right = Math.min(left + 1, this.#count - 1);
    const span = this.#count === 0 ? 0 : this.#at(right, 0) - leftTime;
    const fraction = span > 0 ? Math.min(1, Math.max(0, (edge - leftTime) / span)) : 0;
    let changed = false;
    for (let channel = 0; channel < channels; channel += 1) {
      let rate = 0;
      if (this.#count > 0 && covered > 0) {
        const from = this.#at(left, channel + 1);
        const atEdge = from + (this.#at(right, channel + 1) - from) * fraction;
        const growth = Math.max(0, this.#at(this.#count - 1, channel + 1) - atEdge);
        rate = Math.round((growth / covered) * nanosPerSecond);
      }
      if (rate !== this.#rates[channel]) changed = true;
      this.#rates[channel] = rate;
    }
    return changed;
  }

  /** Whether any of the rates last computed is above 0. */
  get moving(): boolean {
    return this.#rates.some((rate) => rate > 0);
  }

  /** The rates last computed, in whole bytes per second: a figure that stands still must not flicker. */
  rates(): Usage['rates'] {
    return { wire: this.#direction(0), payload: this.#direction(2) };
  }

  #direction(channel: number): Directions {
    return { tx: this.#rates[channel] ?? 0, rx: this.#rates[channel + 1] ?? 0 };
  }

  /** A reading replaces the last one where the last but one is so near that no window could tell. */
  #mergesWithLast(time: number): boolean {
    // The first one stays: it says where growth begins.
    if (this.#count < 2) return false;
    if (this.#at(this.#count - 1, 0) === time) return true;
    // As far as the new reading: what the last one knows is spread over all of that time.
    return time - this.#at(this.#count - 2, 0) < this.windowNanos / pointsPerWindow;
  }

  #append(): void {
    const capacity = this.#points.length / stride;
    if (this.#count === capacity) {
      const larger = new Float64Array(this.#points.length * 2);
      const head = this.#points.subarray(this.#first * stride);
      larger.set(head);
      larger.set(this.#points.subarray(0, this.#first * stride), head.length);
      this.#points = larger;
      this.#first = 0;
    }
    this.#count += 1;
  }

  /** Sets a channel of the newest point to what `previous` had plus the growth of the counter since. */
  #grow(newest: number, previous: number, channel: number, counter: number): void {
    const last = this.#last[channel - 1] ?? 0;
    const growth = previous < 0 ? 0 : Math.max(0, counter - last);
    this.#set(newest, channel, (previous < 0 ? 0 : this.#at(previous, channel)) + growth);
    this.#last[channel - 1] = counter;
  }

  /** Drops what no window can reach any more; one point at or before the left edge stays. */
  #forget(edge: number): void {
    while (this.#count > 2 && this.#at(1, 0) <= edge) {
      this.#first = (this.#first + 1) % (this.#points.length / stride);
      this.#count -= 1;
    }
  }

  #at(point: number, field: number): number {
    return this.#points[this.#index(point, field)] ?? 0;
  }

  #set(point: number, field: number, value: number): void {
    this.#points[this.#index(point, field)] = value;
  }

  #index(point: number, field: number): number {
    return ((this.#first + point) % (this.#points.length / stride)) * stride + field;
  }
}
