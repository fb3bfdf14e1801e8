// The order of rows in a live table: busiest first, without rows that change places at every tick.

/** What a row is ordered by. */
export interface Ranked {
  /** Bytes per second, both directions. */
  rate: number;
  /** Bytes, both directions. */
  total: number;
}

/** How much busier than the row above a row must be to take its place. */
const advantage = 1.25;
/** Rates below this, in bytes per second, count as equal: a keep-alive is no reason to move. */
const quietRate = 1_000;

/**
 * Keeps the order of a set of rows from one call to the next. A row passes the one above it only when its
 * rate is clearly higher, or when both are quiet and its total is clearly higher; equal rows stay put.
 */
export class Ranking<Key> {
  #previous = new Map<Key, number>();

  /** The items, best first. Items not seen before start at their place by rate and total. */
  order<Item>(items: readonly Item[], key: (item: Item) => Key, measure: (item: Item) => Ranked): Item[] {
    const measured = items.map((item) => ({ item, key: key(item), ...measure(item) }));
    const place = (entry: { key: Key }): number => this.#previous.get(entry.key) ?? Number.MAX_SAFE_INTEGER;
    measured.sort((a, b) => place(a) - place(b) || b.rate - a.rate || b.total - a.total);

    const ordered: typeof measured = [];
    for (const entry of measured) {
      let position = ordered.length;
      while (position > 0) {
        const above = ordered[position - 1];
        if (above === undefined || !passes(entry, above)) break;
        position -= 1;
      }
      ordered.splice(position, 0, entry);
    }
    this.#previous = new Map(ordered.map((entry, index) => [entry.key, index]));
    return ordered.map((entry) => entry.item);
  }
}

function passes(lower: Ranked, upper: Ranked): boolean {
  if (lower.rate >= quietRate || upper.rate >= quietRate) return lower.rate > upper.rate * advantage;
  return lower.total > upper.total * advantage;
}
