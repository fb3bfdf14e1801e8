import { describe, expect, it } from 'vitest';
import type { HistoryPoint } from '../../../src/shared/traffic-history';
import { directionSeries } from '../../../src/webview/chart-series';
import { cutRange, snapToPoints, sumHistories, summarise, verticalRange } from '../../../src/webview/history';

const point = (timeMillis: number, tx: number, rx: number, spanMillis = 1_000): HistoryPoint => ({
  timeMillis,
  spanMillis,
  tx,
  rx,
  txBytes: (tx * spanMillis) / 1_000,
  rxBytes: (rx * spanMillis) / 1_000,
});
const every = (step: number, count: number, tx: number, rx: number, from = 0): HistoryPoint[] =>
  Array.from({ length: count }, (_, index) => point(from + index * step, tx, rx, step));

describe('the chart series', () => {
  const values = (points: HistoryPoint[], overlaid = false): (number | null)[][] =>
    directionSeries(points, overlaid).lines.map((line) => line.values);

  it('draws sent upwards and received downwards, in seconds', () => {
    const points = [point(1_000, 10, 20), point(2_000, 0, 0)];
    expect(directionSeries(points, false).times).toEqual([1, 2]);
    expect(values(points)).toEqual([
      [10, 0],
      [-20, 0],
    ]);
    expect(values(points, true)).toEqual([
      [10, 0],
      [20, 0],
    ]);
  });

  it('never has a negative zero, which would be written as such', () => {
    expect(Object.is(values([point(1_000, 0, 0)])[1]?.[0], 0)).toBe(true);
  });

  it('breaks the line where samples are missing', () => {
    const points = [...every(1_000, 5, 7, 7), ...every(1_000, 5, 7, 7, 60_000)];
    const { times, lines } = directionSeries(points, false);
    expect(lines[0]?.values).toEqual([7, 7, 7, 7, 7, null, 7, 7, 7, 7, 7]);
    expect(times).toEqual([...times].sort((one, other) => one - other));
  });

  it('takes the pace of the samples into account', () => {
    expect(values(every(10_000, 10, 1, 1))[0]).not.toContain(null);
  });

  it('is empty without points', () => {
    expect(values([])).toEqual([[], []]);
  });
});

describe('the points on show', () => {
  it('reach one beyond each edge', () => {
    const cut = cutRange(every(1_000, 100, 1, 1), { fromMillis: 50_000, toMillis: 60_000 });
    expect([cut[0]?.timeMillis, cut.at(-1)?.timeMillis]).toEqual([49_000, 61_000]);
  });

  it('are all of a short history', () => {
    expect(cutRange(every(1_000, 3, 1, 1), { fromMillis: -60_000, toMillis: 2_000 })).toHaveLength(3);
    expect(cutRange([], { fromMillis: 0, toMillis: 1 })).toEqual([]);
  });
});

describe('a chosen range', () => {
  it('is rounded to whole points', () => {
    const range = { fromMillis: 10_400, toMillis: 12_100 };
    expect(snapToPoints(every(1_000, 20, 1, 1), range)).toEqual({ fromMillis: 10_000, toMillis: 13_000 });
    expect(snapToPoints(every(1_000, 5, 1, 1), range)).toBeUndefined();
  });
});

describe('several sessions', () => {
  it('add up at each moment to the sum of the rates that stand then', () => {
    const sum = sumHistories([
      [point(1_000, 10, 1), point(2_000, 20, 2)],
      [point(1_500, 100, 5), point(2_000, 200, 6)],
    ]);
    expect(sum.map(({ timeMillis, tx, rx }) => [timeMillis, tx, rx])).toEqual([
      [1_000, 110, 6],
      [1_500, 120, 7],
      [2_000, 220, 8],
    ]);
    // However the stretches lie to each other, nothing is counted twice or lost.
    const bytes = sum.reduce((total, { txBytes }) => total + txBytes, 0);
    expect(bytes).toBeCloseTo(10 + 20 + 100 + 100);
  });

  it('is worth the same bytes as each of them', () => {
    const [one, other] = [every(1_000, 50, 8, 0), every(700, 50, 3, 0, 200)];
    const bytes = (points: readonly HistoryPoint[]): number =>
      points.reduce((total, { txBytes }) => total + txBytes, 0);
    expect(bytes(sumHistories([one, other]))).toBeCloseTo(bytes(one) + bytes(other), 0);
  });

  it('leave a session out once it has ended', () => {
    const sum = sumHistories([every(1_000, 3, 5, 5), every(1_000, 10, 1, 1)]);
    expect(sum[2]?.tx).toBe(6);
    expect(sum.at(-1)?.tx).toBe(1);
  });

  it('leave one alone as it is', () => {
    const only = every(1_000, 3, 5, 6);
    expect(sumHistories([only])).toEqual(only);
    expect(sumHistories([])).toEqual([]);
  });
});

describe('the vertical axis', () => {
  const range = (tx: number, rx: number): [number, number] =>
    verticalRange(summarise([point(0, tx, rx), point(1_000, 0, 0)]).peak);

  it.each([
    [0, 0],
    [1, 1],
    [999, 5],
    [1e3, 2e9],
    [123_456_789, 0],
    [5e12, 4.99e12],
  ])('holds a peak of %d sent and %d received', (tx, rx) => {
    const [minimum, maximum] = range(tx, rx);
    expect(maximum).toBeGreaterThanOrEqual(tx);
    expect(-minimum).toBeGreaterThanOrEqual(rx);
  });

  it('leaves a fifth of the height at least to the weaker direction', () => {
    const [minimum, maximum] = range(1e9, 10);
    expect(-minimum / (maximum - minimum)).toBeGreaterThanOrEqual(0.199);
  });

  it('does not blow up the noise of an idle program', () => {
    const [minimum, maximum] = range(40, 40);
    expect(maximum).toBeGreaterThanOrEqual(1_000);
    expect(minimum).toBeLessThanOrEqual(-1_000);
  });

  it('stays while the peak moves a little', () => {
    expect(range(1_000_000, 0)).toEqual(range(1_010_000, 0));
  });
});

it('sums a stretch of time up to its newest and its highest rates', () => {
  expect(summarise([point(0, 5, 50), point(1, 9, 10), point(2, 1, 2)])).toEqual({
    now: { tx: 1, rx: 2 },
    peak: { tx: 9, rx: 50 },
  });
});
