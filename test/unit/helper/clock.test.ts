import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { monotonicNanos, monotonicOffset, WallClock } from '../../../helper/src/clock';

it.each([
  ['monotonic           0         0\nboottime            0         0\n', 0n],
  ['monotonic       86400         5\nboottime        86400         0\n', 86_400_000_000_005n],
  ['monotonic          -2 500000000\nboottime           -2 500000000\n', -1_500_000_000n],
  ['1 7 0\n7 7 0\n', 7_000_000_000n],
  ['', 0n],
  ['monotonic x y', 0n],
])('a time namespace with %j adds %d nanoseconds', (offsets, expected) => {
  expect(monotonicOffset(offsets)).toBe(expected);
});

describe('WallClock', () => {
  let wallMillis = 0;
  let bootNanos = 0n;
  beforeEach(() => {
    wallMillis = Date.UTC(2026, 0, 1);
    bootNanos = 5_000_000_000n;
    vi.spyOn(Date, 'now').mockImplementation(() => wallMillis);
    vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => bootNanos);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function pass(millis: number): void {
    wallMillis += millis;
    bootNanos += BigInt(millis) * 1_000_000n;
  }

  it('tells what the wall clock said at a moment since boot', () => {
    const clock = new WallClock();
    const then = monotonicNanos();
    pass(90_000);
    expect(clock.iso(then)).toBe('2026-01-01T00:00:00.000Z');
    expect(clock.iso(monotonicNanos())).toBe('2026-01-01T00:01:30.000Z');
  });

  it('follows every step of the wall clock, and no jitter, for any sequence of both', () => {
    const step = fc.record({
      passed: fc.integer({ min: 0, max: 600_000 }),
      moved: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -1e10, max: 1e10 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new WallClock();
        for (const { passed, moved } of steps) {
          pass(passed);
          wallMillis += moved;
          clock.measure();
          const told = Date.parse(clock.iso(monotonicNanos()));
          expect(Math.abs(told - wallMillis)).toBeLessThanOrEqual(20);
        }
      }),
    );
  });

  it('knows of what was before the machine was suspended when that was', () => {
    let sleptMillis = 0;
    const clock = new WallClock(() => Number(bootNanos) / 1e6 + sleptMillis);
    const opened = monotonicNanos();
    for (const hours of [1, 8]) {
      pass(60_000);
      wallMillis += hours * 3_600_000;
      sleptMillis += hours * 3_600_000;
      clock.measure();
      expect(clock.iso(opened)).toBe('2026-01-01T00:00:00.000Z');
    }
    expect(clock.iso(monotonicNanos())).toBe('2026-01-01T09:02:00.000Z');
  });

  it('does not flicker: two readings of one moment are the same as long as nobody sets the clock', () => {
    const clock = new WallClock();
    const then = monotonicNanos();
    const first = clock.iso(then);
    for (const jitter of [7, -12, 15, -9]) {
      pass(1_000);
      wallMillis += jitter;
      clock.measure();
      expect(clock.iso(then)).toBe(first);
      wallMillis -= jitter;
    }
  });

  it('never throws, whatever number it is given', () => {
    const clock = new WallClock();
    fc.assert(
      fc.property(fc.double(), (nanos) => {
        expect(clock.iso(nanos)).toMatch(/^[+-]?\d+-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }),
    );
  });
});
