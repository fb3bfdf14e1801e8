import { expect, test } from 'vitest';
import {
  isGapBetween,
  maximumHistoryPoints,
  startOf,
  sumRange,
  TrafficHistory,
} from '../../../src/shared/traffic-history';

const hour = 3_600_000;

/** One reading a second, each of 10 bytes sent and 20 received. */
function readings(count: number, stepMillis = 1_000): TrafficHistory {
  const history = new TrafficHistory();
  for (let index = 1; index <= count; index += 1) {
    history.read({ timeMillis: index * stepMillis, tx: 10, rx: 20, txBytes: 10, rxBytes: 20 });
  }
  return history;
}

test('the last minutes are kept reading by reading, a day in few points, and no byte is lost', () => {
  const day = 24 * 3_600;
  const { points } = readings(day);
  expect(points.length).toBeLessThan(8_000);
  expect(points.slice(-900).every(({ spanMillis }) => spanMillis === 1_000)).toBe(true);
  const whole = { fromMillis: 0, toMillis: day * 1_000 };
  expect(sumRange(points, whole)).toEqual({ txBytes: day * 10, rxBytes: day * 20 });
  // Rates are means, so they stay what they were.
  expect(points.every(({ tx }) => Math.abs(tx - 10) < 1e-6)).toBe(true);
  for (const point of points) {
    expect(point.spanMillis).toBeLessThanOrEqual(Math.max(1_000, (day * 1_000 - point.timeMillis) / 900));
  }
});

test('stretches adjoin, however often they were put together', () => {
  const { points } = readings(10_000, 100);
  for (const [index, point] of points.entries()) {
    const next = points[index + 1];
    if (next !== undefined) expect(startOf(next)).toBeCloseTo(point.timeMillis, 3);
  }
});

test('the number of points is bounded whatever comes in', () => {
  const history = new TrafficHistory();
  for (let index = 0; index < 40_000; index += 1) {
    // Nothing adjoins, so nothing can be put together.
    history.add({ timeMillis: index * 10_000, spanMillis: 1, tx: 1, rx: 1, txBytes: 1, rxBytes: 1 });
  }
  expect(history.points.length).toBeLessThanOrEqual(maximumHistoryPoints + 512);
});

test('a pause that is much longer than usual is a gap, and what lies in it is not known', () => {
  const history = readings(5);
  history.read({ timeMillis: hour, tx: 1, rx: 1, txBytes: 1, rxBytes: 1 });
  const [before, after] = history.points.slice(-2);
  expect(before && after && isGapBetween(before, after)).toBe(true);
  expect(after?.spanMillis).toBe(1_000);
});

test('another interval is a gap once, and then the usual', () => {
  const history = readings(5);
  for (const timeMillis of [65_000, 125_000, 185_000]) {
    history.read({ timeMillis, tx: 1, rx: 1, txBytes: 1, rxBytes: 1 });
  }
  expect(history.points.slice(-3).map(({ spanMillis }) => spanMillis)).toEqual([1_000, 60_000, 60_000]);
});

test('a moment that was read before is left out', () => {
  const history = readings(2);
  expect(history.read({ timeMillis: 2_000, tx: 1, rx: 1, txBytes: 1, rxBytes: 1 })).toBeUndefined();
  expect(history.points).toHaveLength(2);
});
