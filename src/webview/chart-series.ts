// What the chart draws: points of the history as lines, or groups as layers upon each other. No drawing here.
import type { Grouping, PanelGroupPoint } from '../shared/panel-messages';
import type { ChartStyle } from '../shared/panel-preferences';
import { isGapBetween, startOf, type HistoryPoint } from '../shared/traffic-history';

/** Values by time; `null` is a gap. What goes down is negative. */
export interface ChartSeries {
  /** Unix seconds, as uPlot has them. */
  times: number[];
  lines: ChartLine[];
}

export interface ChartLine {
  /** Of a layer: which, counted from the axis outwards. Of sent and received: 0 and 1. */
  layer: number;
  direction: 'sent' | 'received';
  /** Whether it is of the run that is compared with. */
  isCompared?: boolean;
  /** Where the line is drawn. */
  values: (number | null)[];
}

/** Layers that are told apart; what is beyond is one more layer. */
export const maximumLayers = 6;

export function groupingOf(style: ChartStyle): Grouping {
  return style === 'mirrored' || style === 'overlaid' ? 'direction' : style;
}

/** Sent above the axis and received below it, or both above. */
export function directionSeries(points: readonly HistoryPoint[], overlaid: boolean): ChartSeries {
  const times: number[] = [];
  const sent: (number | null)[] = [];
  const received: (number | null)[] = [];
  let before: HistoryPoint | undefined;
  for (const point of points) {
    if (before !== undefined && isGapBetween(before, point)) {
      times.push((before.timeMillis + 1) / 1000);
      sent.push(null);
      received.push(null);
    }
    times.push(point.timeMillis / 1000);
    sent.push(point.tx);
    received.push(point.rx === 0 || overlaid ? point.rx : -point.rx);
    before = point;
  }
  return {
    times,
    lines: [
      { layer: 0, direction: 'sent', values: sent },
      { layer: 1, direction: 'received', values: received },
    ],
  };
}

/**
 * The rates of another run at the times of a series, both beginning at the same moment.
 * @param shiftMillis how much later the run on show began
 */
export function comparedLines(
  { times, lines }: ChartSeries,
  other: readonly HistoryPoint[],
  shiftMillis: number,
  overlaid: boolean,
): ChartLine[] {
  const sent: (number | null)[] = [];
  const received: (number | null)[] = [];
  let next = 0;
  for (const [index, seconds] of times.entries()) {
    const millis = seconds * 1000 - shiftMillis;
    while ((other[next]?.timeMillis ?? Infinity) < millis) next += 1;
    const point = other[next];
    const isKnown = point !== undefined && startOf(point) <= millis && lines[0]?.values[index] !== null;
    sent.push(isKnown ? point.tx : null);
    received.push(isKnown ? (overlaid || point.rx === 0 ? point.rx : -point.rx) : null);
  }
  return [
    { layer: 0, direction: 'sent', isCompared: true, values: sent },
    { layer: 1, direction: 'received', isCompared: true, values: received },
  ];
}

/** What one group moved at each point of the history, in bytes per second. */
export interface Layer {
  /** Empty for what is not told apart. */
  name: string;
  tx: number[];
  rx: number[];
  /** Bytes over all points. */
  txBytes: number;
  rxBytes: number;
}

/**
 * The groups that moved the most within some points of the history, the largest first, and the rest as one.
 * @param sources what each session told of its groups
 */
export function layersOf(
  points: readonly HistoryPoint[],
  sources: readonly (readonly PanelGroupPoint[])[],
): Layer[] {
  const layers = new Map<string, Layer>();
  const layerOf = (name: string): Layer => {
    let layer = layers.get(name);
    if (layer === undefined) {
      const nothing = (): number[] => new Array<number>(points.length).fill(0);
      layer = { name, tx: nothing(), rx: nothing(), txBytes: 0, rxBytes: 0 };
      layers.set(name, layer);
    }
    return layer;
  };
  for (const source of sources) {
    let next = 0;
    for (const [index, point] of points.entries()) {
      // The stretch in which the middle of the point lies; none where everything was at rest.
      const middle = point.timeMillis - point.spanMillis / 2;
      while ((source[next]?.timeMillis ?? Infinity) < middle) next += 1;
      const stretch = source[next];
      if (stretch === undefined || startOf(stretch) > middle) continue;
      const seconds = Math.max(1, stretch.spanMillis) / 1000;
      for (const [name, tx, rx] of stretch.groups) {
        const layer = layerOf(name);
        layer.tx[index] = (layer.tx[index] ?? 0) + tx / seconds;
        layer.rx[index] = (layer.rx[index] ?? 0) + rx / seconds;
        layer.txBytes += (tx / seconds) * (point.spanMillis / 1000);
        layer.rxBytes += (rx / seconds) * (point.spanMillis / 1000);
      }
    }
  }
  return putTogether([...layers.values()]);
}

/** Groups that would not be told apart become one. */
function putTogether(layers: readonly Layer[]): Layer[] {
  const bytes = ({ txBytes, rxBytes }: Layer): number => txBytes + rxBytes;
  const named = layers.filter(({ name }) => name !== '').sort((one, other) => bytes(other) - bytes(one));
  const kept = named.slice(0, maximumLayers);
  const rest = [...named.slice(maximumLayers), ...layers.filter(({ name }) => name === '')];
  const [first, ...others] = rest;
  if (first === undefined) return kept;
  const together: Layer = { ...first, name: '', tx: [...first.tx], rx: [...first.rx] };
  for (const other of others) {
    together.txBytes += other.txBytes;
    together.rxBytes += other.rxBytes;
    for (const index of together.tx.keys()) {
      together.tx[index] = (together.tx[index] ?? 0) + (other.tx[index] ?? 0);
      together.rx[index] = (together.rx[index] ?? 0) + (other.rx[index] ?? 0);
    }
  }
  return [...kept, together];
}

/** Layers upon each other, sent above the axis and received below it. The outermost comes first, to be drawn first. */
export function layeredSeries(points: readonly HistoryPoint[], layers: readonly Layer[]): ChartSeries {
  const { times, lines } = directionSeries(points, false);
  const gaps = lines[0]?.values.map((value) => value === null) ?? [];
  const stacked: ChartLine[] = [];
  const height = {
    tx: new Array<number>(points.length).fill(0),
    rx: new Array<number>(points.length).fill(0),
  };
  for (const [layer, { tx, rx }] of layers.entries()) {
    for (const index of points.keys()) {
      height.tx[index] = (height.tx[index] ?? 0) + (tx[index] ?? 0);
      height.rx[index] = (height.rx[index] ?? 0) - (rx[index] ?? 0);
    }
    stacked.unshift(
      { layer, direction: 'sent', values: withGaps(height.tx, gaps) },
      { layer, direction: 'received', values: withGaps(height.rx, gaps) },
    );
  }
  return { times, lines: stacked };
}

function withGaps(values: readonly number[], gaps: readonly boolean[]): (number | null)[] {
  let next = 0;
  return gaps.map((isGap) => (isGap ? null : (values[next++] ?? 0)));
}

/** The highest value in each direction. */
export function peakOf({ lines }: ChartSeries): { tx: number; rx: number } {
  const peak = { tx: 0, rx: 0 };
  for (const { values } of lines) {
    for (const value of values) {
      if (value === null) continue;
      if (value >= 0) peak.tx = Math.max(peak.tx, value);
      else peak.rx = Math.max(peak.rx, -value);
    }
  }
  return peak;
}
