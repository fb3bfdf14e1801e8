// What each connection carried, over time: the part of the history that a range selected in the chart is answered
// from. Bounded memory: only connections that moved take room, old stretches are put together, and connections that
// are forgotten are put together by process, protocol and peer.
import { compactByAge, isWithin, startOf, type Stretch, type TimeRange } from '../../shared/traffic-history';

/** Numbers a record takes: id of the connection, bytes sent, bytes received. */
const recordLength = 3;
/** Bytes that a record takes. */
export const recordBytes = recordLength * 8;
/** Records kept at most, unless told otherwise: 6 MB. */
export const defaultMaximumRecords = 262_144;
/** A stretch may span this part of its age, more where many connections move. */
const shareOfAge = 1 / 200;
const largestShare = 1 / 2;
const stretchesBetweenRounds = 128;
/** Groups of forgotten connections that are told apart; beyond them only process and protocol are. */
const maximumForgottenGroups = 1_000;

/** Bytes on the wire. */
export interface Moved {
  tx: number;
  rx: number;
}

/** What is remembered of a connection whose own figures are gone. */
export interface FlowIdentity {
  pid: number;
  protocol: string;
  /** Host name or address of the peer; absent where it is none or not told apart. */
  peer?: string;
}

/** One stretch of time. Records are sorted by id. */
interface LogStretch extends Stretch {
  readonly records: Float64Array;
}

/** The log in plain lists. */
export interface SavedFlowLog {
  /** Each: end and length in milliseconds, then id, bytes sent and bytes received of each connection. */
  stretches: number[][];
  forgotten: [id: number, identity: FlowIdentity][];
}

/** What each connection moved in a range. */
export interface RangeSums {
  /** The range that the figures cover: the one asked for, its ends moved to those of whole stretches. */
  covered: TimeRange;
  /** By id; negative ids stand for forgotten connections, see `identityOf`. */
  flows: Map<number, Moved>;
}

export class FlowLog {
  #stretches: LogStretch[] = [];
  #recordCount = 0;
  #sinceRound = 0;
  /** Connections forgotten since the last round. */
  readonly #forgotten = new Map<number, FlowIdentity>();
  readonly #groups = new Map<string, { id: number; identity: FlowIdentity }>();
  readonly #identities = new Map<number, FlowIdentity>();

  /** Whether stretches had to be made longer than their age alone would have it. */
  isShortened = false;

  /** @param maximumRecords kept at most; beyond that old stretches are put together */
  constructor(private readonly maximumRecords = defaultMaximumRecords) {}

  /** Records held now. */
  get size(): number {
    return this.#recordCount;
  }

  /** What is known of a connection that the session has forgotten, or of a group of them. */
  identityOf(id: number): FlowIdentity | undefined {
    return this.#identities.get(id) ?? this.#forgotten.get(id);
  }

  /** Adds what moved in the stretch that ends at `timeMillis`. */
  append(timeMillis: number, spanMillis: number, moved: ReadonlyMap<number, Moved>): void {
    const records = new Float64Array(moved.size * recordLength);
    let index = 0;
    for (const [id, { tx, rx }] of [...moved].sort(([one], [other]) => one - other)) {
      records.set([id, tx, rx], index);
      index += recordLength;
    }
    this.#add({ timeMillis, spanMillis, records });
  }

  /** The session forgets a connection: from now on it counts in a group of its like. */
  forget(id: number, identity: FlowIdentity): void {
    this.#forgotten.set(id, identity);
  }

  /** What each connection moved in a range. */
  sum({ fromMillis, toMillis }: TimeRange): RangeSums {
    const sums: RangeSums = { flows: new Map(), covered: { fromMillis, toMillis } };
    for (const stretch of this.#stretches) {
      const { timeMillis: end } = stretch;
      const begin = startOf(stretch);
      const within = isWithin(stretch, fromMillis, toMillis);
      if (begin < fromMillis && end > fromMillis) sums.covered.fromMillis = within ? begin : end;
      if (begin < toMillis && end > toMillis) sums.covered.toMillis = within ? end : begin;
      if (!within) continue;
      forEachRecord(stretch.records, (id, tx, rx) => addTo(sums.flows, id, tx, rx));
    }
    return sums;
  }

  /**
   * What each group moved, stretch by stretch.
   * @param sinceMillis only stretches that end later, in Unix milliseconds
   * @param groupOf the name of the group of a connection
   */
  grouped(
    sinceMillis: number,
    groupOf: (id: number) => string,
  ): (Stretch & { groups: Map<string, Moved> })[] {
    const first = this.#stretches.findLastIndex(({ timeMillis }) => timeMillis <= sinceMillis) + 1;
    return this.#stretches.slice(first).map(({ timeMillis, spanMillis, records }) => {
      const groups = new Map<string, Moved>();
      forEachRecord(records, (id, tx, rx) => addTo(groups, groupOf(id), tx, rx));
      return { timeMillis, spanMillis, groups };
    });
  }

  /** What one connection moved, stretch by stretch; stretches in which it was at rest are left out. */
  seriesOf(id: number): (Stretch & Moved)[] {
    const series: (Stretch & Moved)[] = [];
    for (const { timeMillis, spanMillis, records } of this.#stretches) {
      const at = find(records, id);
      if (at >= 0) {
        series.push({ timeMillis, spanMillis, tx: records[at + 1] ?? 0, rx: records[at + 2] ?? 0 });
      }
    }
    return series;
  }

  /** Everything, as plain lists: see `SavedFlowLog`. */
  save(): SavedFlowLog {
    return {
      stretches: this.#stretches.map(({ timeMillis, spanMillis, records }) => [
        timeMillis,
        spanMillis,
        ...records,
      ]),
      forgotten: [
        ...[...this.#groups.values()].map(({ id, identity }): [number, FlowIdentity] => [id, identity]),
        ...this.#forgotten,
      ],
    };
  }

  /** Takes over what `save` gave. Expects stretches in the order of time. */
  restore({ stretches, forgotten }: SavedFlowLog): void {
    for (const stretch of stretches) {
      const [timeMillis = 0, spanMillis = 0] = stretch;
      const length = Math.max(0, stretch.length - 2);
      const records = Float64Array.from(stretch.slice(2, 2 + length - (length % recordLength)));
      this.#add({ timeMillis, spanMillis, records: isSorted(records) ? records : sorted(records) });
    }
    for (const [id, identity] of forgotten) this.#identities.set(id, identity);
  }

  #add(stretch: LogStretch): void {
    this.#stretches.push(stretch);
    this.#recordCount += stretch.records.length / recordLength;
    this.#sinceRound += 1;
    if (this.#recordCount > this.maximumRecords || this.#sinceRound >= stretchesBetweenRounds) {
      this.#compact(stretch.timeMillis);
    }
  }

  #compact(nowMillis: number): void {
    this.#sinceRound = 0;
    this.#foldForgotten();
    let share = shareOfAge;
    do {
      this.#stretches = compactByAge(this.#stretches, nowMillis, share, mergeStretches);
      this.#count();
      this.isShortened ||= share > shareOfAge;
      share *= 2;
      // Three quarters, so that the next round is not at the next stretch.
    } while (this.#recordCount > this.maximumRecords * 0.75 && share <= largestShare);
    // Nothing is lost: what is oldest becomes one stretch.
    while (this.#recordCount > this.maximumRecords && this.#stretches.length > 1) {
      const [first, second, ...later] = this.#stretches;
      if (first === undefined || second === undefined) {
        break;
      }
      this.#stretches = [mergeStretches(first, second), ...later];
      this.#count();
    }
  }

  #count(): void {
    this.#recordCount = this.#stretches.reduce((sum, { records }) => sum + records.length / recordLength, 0);
  }

  #foldForgotten(): void {
    if (this.#forgotten.size === 0) {
      return;
    }
    const target = new Map<number, number>();
    for (const [id, identity] of this.#forgotten) {
      target.set(id, this.#groupOf(identity));
    }
    this.#forgotten.clear();
    this.#stretches = this.#stretches.map((stretch) => {
      if (!hasAny(stretch.records, target)) return stretch;
      const folded = new Map<number, Moved>();
      forEachRecord(stretch.records, (id, tx, rx) => addTo(folded, target.get(id) ?? id, tx, rx));
      return { ...stretch, records: toRecords(folded) };
    });
  }

  #groupOf(identity: FlowIdentity): number {
    const { pid, protocol, peer } = identity;
    const exact = `${String(pid)} ${protocol} ${peer ?? ''}`;
    const isRoom = this.#groups.has(exact) || this.#groups.size < maximumForgottenGroups;
    const name = isRoom ? exact : `${String(pid)} ${protocol} `;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { id: -1 - this.#groups.size, identity: isRoom ? identity : { pid, protocol } };
      this.#groups.set(name, group);
      this.#identities.set(group.id, group.identity);
    }
    return group.id;
  }
}

/** There are hundreds of thousands: a generator's pair for each would be the work of the garbage collector. */
function forEachRecord(records: Float64Array, visit: (id: number, tx: number, rx: number) => void): void {
  for (let index = 0; index < records.length; index += recordLength) {
    visit(records[index] ?? 0, records[index + 1] ?? 0, records[index + 2] ?? 0);
  }
}

function hasAny(records: Float64Array, ids: ReadonlyMap<number, unknown>): boolean {
  for (let index = 0; index < records.length; index += recordLength) {
    if (ids.has(records[index] ?? 0)) return true;
  }
  return false;
}

function addTo<Key>(sums: Map<Key, Moved>, key: Key, tx: number, rx: number): void {
  const sum = sums.get(key);
  if (sum === undefined) {
    sums.set(key, { tx, rx });
  } else {
    sum.tx += tx;
    sum.rx += rx;
  }
}

/** By id, each once: what `find` and `mergeStretches` lean on, and no file has to keep to. */
function isSorted(records: Float64Array): boolean {
  for (let index = recordLength; index < records.length; index += recordLength) {
    if ((records[index - recordLength] ?? 0) >= (records[index] ?? 0)) return false;
  }
  return true;
}

function sorted(records: Float64Array): Float64Array {
  const moved = new Map<number, Moved>();
  forEachRecord(records, (id, tx, rx) => addTo(moved, id, tx, rx));
  return toRecords(moved);
}

function toRecords(moved: ReadonlyMap<number, Moved>): Float64Array {
  const sorted = [...moved].sort(([one], [other]) => one - other);
  return Float64Array.from(sorted.flatMap(([id, { tx, rx }]) => [id, tx, rx]));
}

/** Index of a connection's record; -1 where it has none. */
function find(records: Float64Array, id: number): number {
  let low = 0;
  let high = records.length / recordLength - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = records[middle * recordLength] ?? 0;
    if (found === id) return middle * recordLength;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Both are sorted, and so is what comes out. */
function mergeStretches(earlier: LogStretch, later: LogStretch): LogStretch {
  const [one, other] = [earlier.records, later.records];
  const merged = new Float64Array(one.length + other.length);
  let [first, second, end] = [0, 0, 0];
  while (first < one.length || second < other.length) {
    const left = first < one.length ? (one[first] ?? 0) : Infinity;
    const right = second < other.length ? (other[second] ?? 0) : Infinity;
    merged[end] = Math.min(left, right);
    if (left <= right) {
      merged[end + 1] = (merged[end + 1] ?? 0) + (one[first + 1] ?? 0);
      merged[end + 2] = (merged[end + 2] ?? 0) + (one[first + 2] ?? 0);
      first += recordLength;
    }
    if (right <= left) {
      merged[end + 1] = (merged[end + 1] ?? 0) + (other[second + 1] ?? 0);
      merged[end + 2] = (merged[end + 2] ?? 0) + (other[second + 2] ?? 0);
      second += recordLength;
    }
    end += recordLength;
  }
  return {
    timeMillis: later.timeMillis,
    spanMillis: later.timeMillis - startOf(earlier),
    records: merged.slice(0, end),
  };
}
