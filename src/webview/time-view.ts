// Which stretch of time the chart shows: the last so many minutes, moving along, or one that was taken hold of.
import type { TimeRange } from '../shared/traffic-history';

export interface TimeView {
  /** Length in milliseconds. */
  spanMillis: number;
  /** Where it ends, in Unix milliseconds; `undefined` while it follows the newest point. */
  endMillis?: number;
}

/** The oldest and the newest moment that anything is known of, in Unix milliseconds. */
export interface TimeBounds {
  firstMillis: number;
  lastMillis: number;
}

/** The chart of a young session grows from this length to the chosen one. */
const shortestLiveSpan = 60_000;
export const shortestSpan = 2_000;
const longestSpan = 14 * 86_400_000;

function clampSpan(spanMillis: number): number {
  return Math.min(longestSpan, Math.max(shortestSpan, spanMillis));
}

/** The stretch that is on show. */
export function visibleRange(view: TimeView, { firstMillis, lastMillis }: TimeBounds): TimeRange {
  if (view.endMillis !== undefined) {
    return { fromMillis: view.endMillis - view.spanMillis, toMillis: view.endMillis };
  }
  // A session that has just begun would be a sliver at the edge of a long window.
  const known = Math.max(lastMillis - firstMillis, shortestLiveSpan);
  return { fromMillis: lastMillis - Math.min(known, view.spanMillis), toMillis: lastMillis };
}

/** Holds a stretch within what is known; one that reaches the newest point follows it again. */
function hold({ fromMillis, toMillis }: TimeRange, { firstMillis, lastMillis }: TimeBounds): TimeView {
  const spanMillis = clampSpan(toMillis - fromMillis);
  if (toMillis >= lastMillis) return { spanMillis };
  const earliestEnd = Math.min(firstMillis + spanMillis, lastMillis);
  return { spanMillis, endMillis: Math.max(toMillis, earliestEnd) };
}

/**
 * Makes the stretch longer or shorter around a moment.
 * @param factor above 1 shows more time
 */
export function zoom(view: TimeView, factor: number, atMillis: number, bounds: TimeBounds): TimeView {
  const { fromMillis, toMillis } = visibleRange(view, bounds);
  const spanMillis = clampSpan((toMillis - fromMillis) * factor);
  const share = (atMillis - fromMillis) / Math.max(1, toMillis - fromMillis);
  const from = atMillis - share * spanMillis;
  return hold({ fromMillis: from, toMillis: from + spanMillis }, bounds);
}

/** Moves the stretch; negative is to earlier times. */
export function pan(view: TimeView, byMillis: number, bounds: TimeBounds): TimeView {
  const { fromMillis, toMillis } = visibleRange(view, bounds);
  return hold({ fromMillis: fromMillis + byMillis, toMillis: toMillis + byMillis }, bounds);
}

/** The same stretch where a range of time lies in it; else one around the range. */
export function reveal(view: TimeView, range: TimeRange, bounds: TimeBounds): TimeView {
  const { fromMillis, toMillis } = visibleRange(view, bounds);
  if (range.fromMillis >= fromMillis && range.toMillis <= toMillis) return view;
  const spanMillis = clampSpan(Math.max(toMillis - fromMillis, 2 * (range.toMillis - range.fromMillis)));
  // What is known may be that of another session still, so nothing is held within it.
  return { spanMillis, endMillis: (range.fromMillis + range.toMillis + spanMillis) / 2 };
}

/** The same stretch, moving along with the newest point. */
export function followLive({ spanMillis }: TimeView): TimeView {
  return { spanMillis };
}
