// The arithmetic of the chart: which points it draws, where it has gaps, how high it is.
import type { PanelHistoryPoint } from '../shared/panel-messages';

/** Sent upwards, received downwards; `null` is a gap. Times are Unix seconds, as uPlot has them. */
export interface ChartSeries {
  times: number[];
  sent: (number | null)[];
  received: (number | null)[];
}

/** Rates of a stretch of time, in bytes per second. */
export interface RateSummary {
  now: { tx: number; rx: number };
  peak: { tx: number; rx: number };
}

/** Below this many bytes per second the chart does not grow: the traffic of an idle program stays small. */
const smallestScale = 1_000;
/** Part of the height that each direction has at least, so that its label and line can be seen. */
const smallestShare = 0.2;

/**
 * How long after a point its rate still stands, in milliseconds. After that there is a gap: the helper was
 * away or the computer asleep.
 */
export function gapAfter(history: readonly PanelHistoryPoint[]): number {
  const recent = history.slice(-20);
  const pauses = recent.slice(1).map((point, index) => point.timeMillis - (recent[index]?.timeMillis ?? 0));
  pauses.sort((one, other) => one - other);
  const typical = pauses[Math.floor(pauses.length / 2)] ?? 1_000;
  return Math.max(3 * typical, 1_500);
}

/** Adds histories up: at each moment the sum of the rates that stand then. */
export function sumHistories(histories: readonly (readonly PanelHistoryPoint[])[]): PanelHistoryPoint[] {
  const [only] = histories;
  if (histories.length === 1 && only !== undefined) return [...only];
  const sources = histories.map((points) => ({ points, next: 0, gap: gapAfter(points) }));
  const times = new Set(histories.flatMap((points) => points.map(({ timeMillis }) => timeMillis)));
  return [...times]
    .sort((one, other) => one - other)
    .map((timeMillis) => {
      const sum = { timeMillis, tx: 0, rx: 0 };
      for (const source of sources) {
        while ((source.points[source.next]?.timeMillis ?? Infinity) <= timeMillis) source.next += 1;
        const latest = source.points[source.next - 1];
        if (latest !== undefined && timeMillis - latest.timeMillis <= source.gap) {
          sum.tx += latest.tx;
          sum.rx += latest.rx;
        }
      }
      return sum;
    });
}

/** The points of the last `windowMillis` before the newest one, and one before them so that the line enters. */
export function cutWindow(history: readonly PanelHistoryPoint[], windowMillis: number): PanelHistoryPoint[] {
  const end = history.at(-1)?.timeMillis ?? 0;
  const first = history.findIndex(({ timeMillis }) => timeMillis >= end - windowMillis);
  return history.slice(Math.max(0, first - 1));
}

/** What the chart draws for these points. */
export function toSeries(points: readonly PanelHistoryPoint[]): ChartSeries {
  const series: ChartSeries = { times: [], sent: [], received: [] };
  const gap = gapAfter(points);
  let before: number | undefined;
  for (const { timeMillis, tx, rx } of points) {
    if (before !== undefined && timeMillis - before > gap) {
      series.times.push((before + 1) / 1000);
      series.sent.push(null);
      series.received.push(null);
    }
    series.times.push(timeMillis / 1000);
    series.sent.push(tx);
    series.received.push(rx === 0 ? 0 : -rx);
    before = timeMillis;
  }
  return series;
}

/** The newest and the highest rates. */
export function summarise(points: readonly PanelHistoryPoint[]): RateSummary {
  const last = points.at(-1);
  const summary = { now: { tx: last?.tx ?? 0, rx: last?.rx ?? 0 }, peak: { tx: 0, rx: 0 } };
  for (const { tx, rx } of points) {
    summary.peak.tx = Math.max(summary.peak.tx, tx);
    summary.peak.rx = Math.max(summary.peak.rx, rx);
  }
  return summary;
}

/** The next round number at or above a rate, in steps small enough to use the height and few enough to be calm. */
function roundUp(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * magnitude >= value * 0.999_999);
  return (step ?? 10) * magnitude;
}

/** Bounds of the vertical axis: received below zero, sent above, both in one scale. */
export function verticalRange({ peak }: RateSummary): [minimum: number, maximum: number] {
  const larger = roundUp(Math.max(peak.tx, peak.rx, smallestScale) * 1.05);
  const least = (larger * smallestShare) / (1 - smallestShare);
  const side = (rate: number): number =>
    Math.max(least, rate > 0 ? Math.min(larger, roundUp(rate * 1.05)) : 0);
  const [sent, received] = [side(peak.tx), side(peak.rx)];
  return Math.max(sent, received) < larger ? [-larger, larger] : [-received, sent];
}
