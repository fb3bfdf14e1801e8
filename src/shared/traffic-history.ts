// Rates over time, from the last second to days, in bounded memory: what is old is kept in coarser points. Both the
// extension host and the webview keep a history, by the same rule.

/** What passed in one stretch of time. */
export interface HistoryPoint {
  /** End of the stretch, Unix time in milliseconds. */
  timeMillis: number;
  /** Length of the stretch in milliseconds; what lies before it and after the point before is not known. */
  spanMillis: number;
  /** Bytes per second on the wire by direction; the mean, where points were put together. */
  tx: number;
  rx: number;
  /** Bytes on the wire within the stretch. */
  txBytes: number;
  rxBytes: number;
}

/** A stretch of time that ends at `timeMillis`. */
export interface Stretch {
  readonly timeMillis: number;
  readonly spanMillis: number;
}

/** A point may span this part of its age: every view that reaches up to now has a thousand points or so. */
const shareOfAge = 1 / 1_000;
/** Points that come in between two rounds of putting old ones together. */
const pointsBetweenRounds = 512;
/** Points that are kept at most, whatever the interval: the oldest go. At one a second that is months. */
export const maximumHistoryPoints = 16_384;
/** Milliseconds by which stretches that adjoin may lie apart. */
const tolerance = 1;
/** A pause this many times as long as the one before is a gap: the helper was away or the computer asleep. */
const gapFactor = 3;
const shortestGap = 1_500;

/** Where a stretch begins, in Unix milliseconds. */
export function startOf({ timeMillis, spanMillis }: Stretch): number {
  return timeMillis - spanMillis;
}

/** Whether nothing is known of the time between two stretches. */
export function isGapBetween(earlier: Stretch, later: Stretch): boolean {
  return startOf(later) > earlier.timeMillis + tolerance;
}

/**
 * Puts neighbours together as long as what comes out spans no more than a part of its age. Never across a gap.
 * @param items in the order of time
 * @param share the part of its age that an item may span
 * @returns a new list; items that stay alone are the same objects
 */
export function compactByAge<Item extends Stretch>(
  items: readonly Item[],
  nowMillis: number,
  share: number,
  merge: (earlier: Item, later: Item) => Item,
): Item[] {
  const kept: Item[] = [];
  for (const item of items) {
    const before = kept.at(-1);
    const room = (nowMillis - item.timeMillis) * share;
    const fits =
      before !== undefined &&
      !isGapBetween(before, item) &&
      item.timeMillis - startOf(before) <= room &&
      before.spanMillis > 0;
    if (fits) kept[kept.length - 1] = merge(before, item);
    else kept.push(item);
  }
  return kept;
}

function mergePoints(earlier: HistoryPoint, later: HistoryPoint): HistoryPoint {
  const spanMillis = later.timeMillis - startOf(earlier);
  const mean = (one: number, other: number): number =>
    (one * earlier.spanMillis + other * later.spanMillis) / (earlier.spanMillis + later.spanMillis);
  return {
    timeMillis: later.timeMillis,
    spanMillis,
    tx: mean(earlier.tx, later.tx),
    rx: mean(earlier.rx, later.rx),
    txBytes: earlier.txBytes + later.txBytes,
    rxBytes: earlier.rxBytes + later.rxBytes,
  };
}

/** A growing history. */
export class TrafficHistory {
  #points: HistoryPoint[] = [];
  #sinceRound = 0;
  /** Milliseconds between the last two readings. */
  #lastPause: number | undefined;

  /** In the order of time. A new list whenever old points were put together. */
  get points(): readonly HistoryPoint[] {
    return this.#points;
  }

  /**
   * Adds what was read at a moment.
   * @returns the point that was made of it; `undefined` where the moment is not after the last one
   */
  read(reading: Omit<HistoryPoint, 'spanMillis'>): HistoryPoint | undefined {
    const last = this.#points.at(-1);
    const pause = last === undefined ? undefined : reading.timeMillis - last.timeMillis;
    if (pause !== undefined && pause <= 0) return undefined;
    const usual = this.#lastPause ?? 1_000;
    const isGap = pause === undefined || pause > Math.max(usual * gapFactor, shortestGap);
    const point = { ...reading, spanMillis: isGap ? Math.min(usual, pause ?? usual) : pause };
    this.add(point);
    this.#lastPause = pause;
    return point;
  }

  /** Adds a point that knows its stretch. */
  add(point: HistoryPoint): void {
    this.#points.push(point);
    this.#sinceRound += 1;
    if (this.#sinceRound < pointsBetweenRounds) return;
    this.#sinceRound = 0;
    this.#points = compactByAge(this.#points, point.timeMillis, shareOfAge, mergePoints);
    this.#points.splice(0, Math.max(0, this.#points.length - maximumHistoryPoints));
  }
}

/** A stretch of time from a moment to another, in Unix milliseconds. */
export interface TimeRange {
  fromMillis: number;
  toMillis: number;
}

/** What passed in a range: whole points only, those of which more than half lies within. */
export function sumRange(
  points: readonly HistoryPoint[],
  { fromMillis, toMillis }: TimeRange,
): { txBytes: number; rxBytes: number } {
  const sum = { txBytes: 0, rxBytes: 0 };
  for (const point of points) {
    if (!isWithin(point, fromMillis, toMillis)) continue;
    sum.txBytes += point.txBytes;
    sum.rxBytes += point.rxBytes;
  }
  return sum;
}

/** Whether the middle of a stretch lies in a range. */
export function isWithin(stretch: Stretch, fromMillis: number, toMillis: number): boolean {
  const middle = stretch.timeMillis - stretch.spanMillis / 2;
  return middle > fromMillis && middle <= toMillis;
}
