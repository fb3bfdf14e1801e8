// Counters with their rates, as they go out.
import type { Usage } from '../../src/shared/protocol';
import { standingStill } from '../../src/shared/usage';
import { Counters } from './counters';
import { SlidingRate } from './sliding-rate';

/** Used within one call at a time, so that a reading costs no memory. */
const growth = new Counters();

/**
 * Counters as they were at the last sample, and how fast they move. What never moves costs no ring of readings.
 */
export class UsageView {
  readonly counters = new Counters();
  #rate: SlidingRate | undefined;
  /** Nothing was read yet, and what the first reading holds was counted before. */
  #baseline: boolean;

  /** @param baseline whether the first reading says where counting begins, and not how far it has come since */
  constructor(baseline: boolean) {
    this.#baseline = baseline;
  }

  /** The next reading says where counting begins. */
  restart(): void {
    this.#baseline = true;
    this.#rate = undefined;
  }

  /** Whether any rate is above 0. */
  get moving(): boolean {
    return this.#rate?.moving ?? false;
  }

  /**
   * Takes a reading into account.
   * @param total is increased by what was counted since the last reading
   */
  advance(reading: Counters, period: Period, total?: Counters): void {
    if (this.#baseline) {
      this.#baseline = false;
    } else if (!this.counters.equals(reading)) {
      if (total !== undefined) {
        growth.setDifference(reading, this.counters);
        total.add(growth);
      }
      this.#rate ??= new SlidingRate(period.windowNanos, period.sinceNanos);
      // It stood still until the last sample; nothing was recorded as long as it did.
      if (this.#rate.lastNanos < period.lastNanos) this.#rate.push(period.lastNanos, this.counters);
      this.#rate.push(period.nowNanos, reading);
    }
    this.counters.set(reading);
  }

  /** Computes the rates at the end of the period; returns whether they differ from before. */
  update(period: Period): boolean {
    return this.#rate?.update(period.nowNanos) ?? false;
  }

  usage(): Usage {
    return {
      wire: this.counters.wire(),
      payload: this.counters.payload(),
      rates: this.#rate?.rates() ?? standingStill(),
    };
  }
}

/** What a sample covers. All in nanoseconds; times since boot. */
export interface Period {
  /** Time of the sample before. */
  lastNanos: number;
  /** Time of this one. */
  nowNanos: number;
  /** When watching began: before a window is full, growth is divided by the time since then. */
  sinceNanos: number;
  windowNanos: number;
}
