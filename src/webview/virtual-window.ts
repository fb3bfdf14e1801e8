// The arithmetic of a list of which only the visible rows exist.

export interface Viewport {
  rowCount: number;
  /** Pixels, all of them. */
  rowHeight: number;
  scrollTop: number;
  height: number;
}

/** Rows made beyond each edge, so that a fast wheel finds them drawn. */
const overscan = 4;

/** Rows to make: from `first` up to, not including, `end`. */
export function visibleRows(viewport: Viewport): { first: number; end: number } {
  const { rowCount, rowHeight, scrollTop, height } = viewport;
  // Rubber-band scrolling gives negative positions, and a list that shrank positions beyond its end.
  const top = Math.min(Math.max(0, scrollTop), Math.max(0, rowCount * rowHeight - height));
  const first = Math.max(0, Math.floor(top / rowHeight) - overscan);
  const end = Math.min(rowCount, Math.ceil((top + Math.max(0, height)) / rowHeight) + overscan);
  return { first, end };
}

/** Rows that fit in whole; what a page key moves by. */
export function rowsPerPage({ rowHeight, height }: Pick<Viewport, 'rowHeight' | 'height'>): number {
  return Math.max(1, Math.floor(height / rowHeight));
}

/**
 * The scroll position nearest to the present one at which something is seen in whole. All in pixels.
 * @param start where it begins
 * @param room how much is seen at once
 */
export function scrollToShow(start: number, length: number, scrollPosition: number, room: number): number {
  if (start < scrollPosition) return start;
  return Math.max(scrollPosition, start + length - room);
}
