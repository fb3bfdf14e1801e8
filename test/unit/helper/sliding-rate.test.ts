import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CounterValues } from '../../../helper/src/counters';
import { SlidingRate } from '../../../helper/src/sliding-rate';
import { noCounters } from './fake-kernel';

const second = 1e9;

function sent(bytes: number): CounterValues {
  return { ...noCounters, wireTxBytes: bytes };
}

/** Wire rate in the sending direction at `now`. */
function rateAt(rate: SlidingRate, now: number): number {
  rate.update(now);
  return rate.rates().wire.tx;
}

interface Reading {
  time: number;
  counter: number;
}

/** The definition, spelt out: every reading is kept, the growth curve is linear between readings. */
function referenceRate(readings: Reading[], window: number, since: number, now: number): number {
  const curve: { time: number; growth: number }[] = [];
  let growth = 0;
  readings.forEach(({ time, counter }, index) => {
    const before = readings[index - 1];
    if (before !== undefined) growth += Math.max(0, counter - before.counter);
    curve.push({ time, growth });
  });
  const covered = Math.min(window, now - since);
  if (covered <= 0) return 0;
  const edge = now - covered;
  const growthAt = (time: number): number => {
    const first = curve[0];
    const last = curve.at(-1);
    if (first === undefined || last === undefined) return 0;
    if (time <= first.time) return first.growth;
    if (time >= last.time) return last.growth;
    const right = curve.findIndex((point) => point.time > time);
    const b = curve[right];
    const a = curve[right - 1];
    if (a === undefined || b === undefined) return last.growth;
    return a.growth + ((b.growth - a.growth) * (time - a.time)) / (b.time - a.time);
  };
  return ((growthAt(now) - growthAt(edge)) / covered) * second;
}

describe('SlidingRate', () => {
  it('divides by the time covered until the window is full, then by the window', () => {
    const rate = new SlidingRate(5 * second, 0);
    rate.push(0, sent(0));
    expect(rateAt(rate, 0)).toBe(0);
    rate.push(second, sent(1_000));
    expect(rateAt(rate, second)).toBe(1_000);
    for (let tick = 2; tick <= 10; tick += 1) rate.push(tick * second, sent(tick * 1_000));
    expect(rateAt(rate, 10 * second)).toBe(1_000);
  });

  it('shows no jump when a tick comes late', () => {
    const rate = new SlidingRate(2 * second, 0);
    const times = [0, 1, 2, 3, 4.7, 5, 6.3, 7].map((time) => time * second);
    for (const time of times) {
      rate.push(time, sent(time * 3));
      if (time > 0) expect(rateAt(rate, time)).toBe(3 * second);
    }
  });

  it('falls to zero one window after the last growth, without further readings', () => {
    const rate = new SlidingRate(2 * second, 0);
    rate.push(0, sent(0));
    rate.push(second, sent(500));
    rate.push(2 * second, sent(500));
    expect(rateAt(rate, 2 * second)).toBe(250);
    expect(rateAt(rate, 2.5 * second)).toBe(125);
    expect(rate.moving).toBe(true);
    expect(rateAt(rate, 3 * second)).toBe(0);
    expect(rate.moving).toBe(false);
  });

  it('takes a counter that goes back as a new baseline', () => {
    const rate = new SlidingRate(10 * second, 0);
    rate.push(0, sent(1_000_000));
    rate.push(second, sent(1_000_100));
    rate.push(2 * second, sent(40));
    expect(rateAt(rate, 2 * second)).toBe(50);
    rate.push(3 * second, sent(140));
    expect(rateAt(rate, 3 * second)).toBe(67);
  });

  it('reports whether rates differ from those before', () => {
    const rate = new SlidingRate(second, 0);
    rate.push(0, sent(0));
    expect(rate.update(second)).toBe(false);
    rate.push(2 * second, sent(10));
    expect(rate.update(2 * second)).toBe(true);
    expect(rate.update(2 * second)).toBe(false);
  });

  const readings = fc
    .array(
      fc.record({ gap: fc.integer({ min: 0, max: 4_000 }), counter: fc.integer({ min: 0, max: 1e9 }) }),
      {
        minLength: 1,
        maxLength: 80,
      },
    )
    .map((steps) => {
      let millis = 0;
      return steps.map(({ gap, counter }) => ({ time: (millis += gap) * 1e6, counter }));
    });

  it('agrees with the definition for all readings that are no nearer than the resolution', () => {
    fc.assert(
      fc.property(
        readings,
        fc.integer({ min: 100, max: 60_000 }),
        fc.nat(5_000),
        (all, windowMillis, later) => {
          // Readings nearer than a sixtieth of the window are merged; the next property is about those.
          const kept: Reading[] = [];
          for (const reading of all) {
            const last = kept.at(-1);
            if (last === undefined || reading.time - last.time >= (windowMillis * 1e6) / 60)
              kept.push(reading);
          }
          const rate = new SlidingRate(windowMillis * 1e6, 0);
          for (const { time, counter } of kept) rate.push(time, sent(counter));
          const now = (kept.at(-1)?.time ?? 0) + later * 1e6;
          const expected = referenceRate(kept, windowMillis * 1e6, 0, now);
          const difference = Math.abs(rateAt(rate, now) - expected);
          expect(difference).toBeLessThanOrEqual(0.501 + expected * 1e-9);
        },
      ),
    );
  });

  it('is off by no more than what was counted within a sixtieth of the window, for any readings', () => {
    // Long pauses beside short ones: a reading that comes late is followed at once by the next.
    const gaps = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 50, max: 150 }));
    const steps = fc.array(fc.record({ gap: gaps, bytes: fc.nat(100_000) }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 100, max: 5_000 }), (all, windowMillis) => {
        const window = windowMillis * 1e6;
        const rate = new SlidingRate(window, 0);
        let last = { time: 0, counter: 0 };
        const read: Reading[] = [last];
        rate.push(0, sent(0));
        for (const { gap, bytes } of all) {
          last = { time: last.time + gap * 1e6, counter: last.counter + bytes };
          read.push(last);
          rate.push(last.time, sent(last.counter));
          const { time: now } = last;
          if (now < window + window / 60) continue;
          const [shorter, longer] = [-1, 1].map(
            (sign) => referenceRate(read, window + (sign * window) / 60, 0, now) * (1 + sign / 60),
          );
          expect(rateAt(rate, now)).toBeGreaterThanOrEqual((shorter ?? 0) - 0.501 - 1e-9 * (longer ?? 0));
          expect(rateAt(rate, now)).toBeLessThanOrEqual((longer ?? 0) + 0.501 + 1e-9 * (longer ?? 0));
        }
      }),
    );
  });

  it('is never negative, never more than everything over the time covered, for any readings', () => {
    fc.assert(
      fc.property(readings, fc.integer({ min: 100, max: 600_000 }), (all, windowMillis) => {
        const rate = new SlidingRate(windowMillis * 1e6, 0);
        let growth = 0;
        all.forEach(({ time, counter }, index) => {
          growth += Math.max(0, counter - (all[index - 1]?.counter ?? counter));
          rate.push(time, sent(counter));
          const value = rateAt(rate, time);
          const covered = Math.min(windowMillis * 1e6, time);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(covered === 0 ? 0 : (growth / covered) * second + 0.5);
        });
      }),
    );
  });

  it('loses nothing of what is read again at the moment of the first reading', () => {
    const rate = new SlidingRate(10 * second, 0);
    rate.push(second, sent(5));
    rate.push(second, sent(205));
    expect(rateAt(rate, 2 * second)).toBe(100);
  });

  it('takes a reading whose time went back for one at the time of the last', () => {
    const step = fc.record({
      gap: fc.integer({ min: -3_000, max: 4_000 }),
      counter: fc.integer({ min: 0, max: 1e9 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 2, maxLength: 80 }),
        fc.integer({ min: 100, max: 60_000 }),
        (steps, windowMillis) => {
          const given = new SlidingRate(windowMillis * 1e6, 0);
          const straightened = new SlidingRate(windowMillis * 1e6, 0);
          let latest = 5_000;
          for (const { gap, counter } of [{ gap: 0, counter: 0 }, ...steps]) {
            given.push((latest + gap) * 1e6, sent(counter));
            latest = Math.max(latest, latest + gap);
            straightened.push(latest * 1e6, sent(counter));
            expect(given.lastNanos).toBe(latest * 1e6);
            expect(rateAt(given, latest * 1e6)).toBe(rateAt(straightened, latest * 1e6));
            expect(rateAt(given, latest * 1e6)).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });

  it('keeps a steady rate exact however densely it is read', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 100, maxLength: 300 }),
        fc.integer({ min: 1, max: 10_000 }),
        (gaps, bytesPerMilli) => {
          const rate = new SlidingRate(10 * second, 0);
          let millis = 0;
          rate.push(0, sent(0));
          for (const gap of gaps) {
            millis += gap;
            rate.push(millis * 1e6, sent(millis * bytesPerMilli));
          }
          expect(rateAt(rate, millis * 1e6)).toBe(bytesPerMilli * 1_000);
        },
      ),
    );
  });
});
