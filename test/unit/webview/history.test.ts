import { describe, expect, it } from 'vitest';
import type { PanelHistoryPoint } from '../../../src/shared/panel-messages';
import {
  cutWindow,
  gapAfter,
  sumHistories,
  summarise,
  toSeries,
  verticalRange,
} from '../../../src/webview/history';

const point = (timeMillis: number, tx: number, rx: number): PanelHistoryPoint => ({ timeMillis, tx, rx });
const every = (step: number, count: number, tx: number, rx: number, from = 0): PanelHistoryPoint[] =>
  Array.from({ length: count }, (_, index) => point(from + index * step, tx, rx));

describe('the chart series', () => {
  it('draws sent upwards and received downwards, in seconds', () => {
    expect(toSeries([point(1_000, 10, 20), point(2_000, 0, 0)])).toEqual({
      times: [1, 2],
      sent: [10, 0],
      received: [-20, 0],
    });
  });

  it('never has a negative zero, which would be written as such', () => {
    expect(Object.is(toSeries([point(1_000, 0, 0)]).received[0], 0)).toBe(true);
  });

  it('breaks the line where samples are missing', () => {
    const { times, sent } = toSeries([...every(1_000, 5, 7, 7), ...every(1_000, 5, 7, 7, 60_000)]);
    expect(sent).toEqual([7, 7, 7, 7, 7, null, 7, 7, 7, 7, 7]);
    expect(times).toEqual([...times].sort((one, other) => one - other));
  });

  it('takes the pace of the samples into account', () => {
    expect(gapAfter(every(10_000, 10, 0, 0))).toBe(30_000);
    expect(toSeries(every(10_000, 10, 1, 1)).sent).not.toContain(null);
  });

  it('is empty without points', () => {
    expect(toSeries([])).toEqual({ times: [], sent: [], received: [] });
  });
});

describe('the window', () => {
  it('ends at the newest point and keeps the one before its edge', () => {
    const cut = cutWindow(every(1_000, 100, 1, 1), 10_000);
    expect(cut.at(-1)?.timeMillis).toBe(99_000);
    expect(cut[0]?.timeMillis).toBe(88_000);
  });

  it('keeps all of a short history', () => {
    expect(cutWindow(every(1_000, 3, 1, 1), 60_000)).toHaveLength(3);
    expect(cutWindow([], 60_000)).toEqual([]);
  });
});

describe('several sessions', () => {
  it('add up at each moment to the sum of the rates that stand then', () => {
    const sum = sumHistories([
      [point(1_000, 10, 1), point(2_000, 20, 2)],
      [point(1_500, 100, 5), point(2_000, 200, 6)],
    ]);
    expect(sum).toEqual([point(1_000, 10, 1), point(1_500, 110, 6), point(2_000, 220, 8)]);
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
    verticalRange(summarise([point(0, tx, rx), point(1_000, 0, 0)]));

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
