// The arithmetic of the chart: which points it draws, and how high it is.
import { startOf, type HistoryPoint, type TimeRange } from '../shared/traffic-history';

/** Rates of a stretch of time, in bytes per second. */
export interface RateSummary {
  now: { tx: number; rx: number };
  peak: { tx: number; rx: number };
}

/** Below this many bytes per second the chart does not grow: the traffic of an idle program stays small. */
const smallestScale = 1_000;
/** Part of the height that each direction has at least, so that its label and line can be seen. */
const smallestShare = 0.2;

/** Adds histories up: at each moment the sum of the rates that stand then. */
export function sumHistories(histories: readonly (readonly HistoryPoint[])[]): readonly HistoryPoint[] {
  const [only] = histories;
  if (histories.length === 1 && only !== undefined) return only;
  const times = new Set(histories.flatMap((points) => points.map(({ timeMillis }) => timeMillis)));
  const sources = histories.map((points) => ({ points, next: 0 }));
  let before: number | undefined;
  return [...times]
    .sort((one, other) => one - other)
    .map((timeMillis) => {
      const sum = { timeMillis, spanMillis: 0, tx: 0, rx: 0, txBytes: 0, rxBytes: 0 };
      for (const source of sources) {
        while ((source.points[source.next]?.timeMillis ?? Infinity) < timeMillis) source.next += 1;
        const point = source.points[source.next];
        // Between two readings of one session the rate is that of the stretch that the later one ends.
        if (point === undefined || startOf(point) >= timeMillis) continue;
        const from = Math.max(startOf(point), before ?? startOf(point));
        const spanMillis = timeMillis - from;
        const share = point.spanMillis === 0 ? 0 : spanMillis / point.spanMillis;
        sum.spanMillis = Math.max(sum.spanMillis, spanMillis);
        sum.tx += point.tx;
        sum.rx += point.rx;
        sum.txBytes += point.txBytes * share;
        sum.rxBytes += point.rxBytes * share;
      }
      before = timeMillis;
      return sum;
    });
}

/** The points within a range, and one beyond each end so that the line reaches the edges. */
export function cutRange(
  history: readonly HistoryPoint[],
  { fromMillis, toMillis }: TimeRange,
): HistoryPoint[] {
  const first = history.findIndex(({ timeMillis }) => timeMillis >= fromMillis);
  if (first < 0) return history.slice(-1);
  const end = history.findIndex(({ timeMillis }) => timeMillis > toMillis);
  return history.slice(Math.max(0, first - 1), end < 0 ? undefined : end + 1);
}

/** The newest and the highest rates. */
export function summarise(points: readonly HistoryPoint[]): RateSummary {
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
export function verticalRange(peak: { tx: number; rx: number }): [minimum: number, maximum: number] {
  const larger = roundUp(Math.max(peak.tx, peak.rx, smallestScale) * 1.05);
  const least = (larger * smallestShare) / (1 - smallestShare);
  const side = (rate: number): number =>
    Math.max(least, rate > 0 ? Math.min(larger, roundUp(rate * 1.05)) : 0);
  const [sent, received] = [side(peak.tx), side(peak.rx)];
  return Math.max(sent, received) < larger ? [-larger, larger] : [-received, sent];
}

/** The same where nothing lies below the axis. */
export function verticalRangeAbove(peak: number): [minimum: number, maximum: number] {
  return [0, roundUp(Math.max(peak, smallestScale) * 1.05)];
}

/** Rounds a range to whole points: from the beginning of the first to the end of the last that it touches. */
export function snapToPoints(history: readonly HistoryPoint[], range: TimeRange): TimeRange | undefined {
  const touched = history.filter(
    (point) => point.timeMillis > range.fromMillis && startOf(point) < range.toMillis,
  );
  const [first, last] = [touched[0], touched.at(-1)];
  return first && last && { fromMillis: startOf(first), toMillis: last.timeMillis };
}
