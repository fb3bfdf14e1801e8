import { describe, expect, it } from 'vitest';
import type { PanelGroupPoint } from '../../../src/shared/panel-messages';
import type { HistoryPoint } from '../../../src/shared/traffic-history';
import {
  comparedLines,
  directionSeries,
  layeredSeries,
  layersOf,
  maximumLayers,
  peakOf,
} from '../../../src/webview/chart-series';

const points = [1, 2, 3, 4].map((second): HistoryPoint => ({
  timeMillis: second * 1_000,
  spanMillis: 1_000,
  tx: 1,
  rx: 1,
  txBytes: 1,
  rxBytes: 1,
}));
const stretch = (second: number, groups: PanelGroupPoint['groups'], spanMillis = 1_000): PanelGroupPoint => ({
  timeMillis: second * 1_000,
  spanMillis,
  groups,
});

describe('layers', () => {
  it('have the rates of each group at each point, the largest group first', () => {
    const layers = layersOf(points, [
      [
        stretch(1, [
          ['a', 10, 1],
          ['b', 90, 9],
        ]),
        stretch(3, [['a', 30, 3]]),
      ],
    ]);
    expect(layers.map(({ name, tx, txBytes }) => [name, tx, txBytes])).toEqual([
      ['b', [90, 0, 0, 0], 90],
      ['a', [10, 0, 30, 0], 40],
    ]);
  });

  it('spread a longer stretch over the points in it', () => {
    expect(layersOf(points, [[stretch(4, [['a', 40, 0]], 4_000)]])[0]?.tx).toEqual([10, 10, 10, 10]);
  });

  it('of several sessions add up', () => {
    const sources = [[stretch(1, [['a', 1, 0]])], [stretch(1, [['a', 2, 0]])]];
    expect(layersOf(points, sources)[0]?.tx[0]).toBe(3);
  });

  it('that are too many are one', () => {
    const many = Array.from({ length: 20 }, (_, index): [string, number, number] => [
      `group ${index}`,
      100 - index,
      0,
    ]);
    const layers = layersOf(points, [[stretch(1, [...many, ['', 5, 0]])]]);
    expect(layers).toHaveLength(maximumLayers + 1);
    expect(layers.at(-1)?.name).toBe('');
    const sum = layers.reduce((total, { tx }) => total + (tx[0] ?? 0), 0);
    expect(sum).toBe(many.reduce((total, [, tx]) => total + tx, 5));
  });

  it('lie upon each other, the outermost first', () => {
    const layers = layersOf(points, [
      [
        stretch(2, [
          ['a', 10, 4],
          ['b', 5, 2],
        ]),
      ],
    ]);
    const series = layeredSeries(points, layers);
    expect(series.lines.map(({ layer, direction, values }) => [layer, direction, values[1]])).toEqual([
      [1, 'sent', 15],
      [1, 'received', -6],
      [0, 'sent', 10],
      [0, 'received', -4],
    ]);
    expect(peakOf(series)).toEqual({ tx: 15, rx: 6 });
  });
});

describe('another run', () => {
  it('is laid over the one on show, so that both begin at the same moment', () => {
    const other = points
      .slice(0, 2)
      .map((point) => ({ ...point, timeMillis: point.timeMillis - 500, tx: 7 }));
    const series = directionSeries(points, false);
    const [sent, received] = comparedLines(series, other, 500, false);
    expect(sent).toMatchObject({ isCompared: true, values: [7, 7, null, null] });
    expect(received?.values).toEqual([-1, -1, null, null]);
  });
});
