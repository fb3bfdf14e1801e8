// Where the keys lead in a grid, as the ARIA authoring practices have it. Row -1 is the header.

export const headerRow = -1;

export interface GridPosition {
  /** `headerRow` or the index of a row. */
  row: number;
  column: number;
}

export interface GridSize {
  rows: number;
  columns: number;
  /** Rows that a page key moves by. */
  page: number;
}

/** The position that a key leads to; `undefined` for keys that do not move. */
export function moveInGrid(
  from: GridPosition,
  key: string,
  control: boolean,
  size: GridSize,
): GridPosition | undefined {
  const lastRow = size.rows - 1;
  const lastColumn = size.columns - 1;
  const to = (row: number, column: number): GridPosition => ({
    row: Math.min(Math.max(row, headerRow), lastRow),
    column: Math.min(Math.max(column, 0), lastColumn),
  });
  // A page key in the body stays in the body.
  const firstOfBody = from.row === headerRow ? headerRow : Math.min(0, lastRow);
  switch (key) {
    case 'ArrowUp':
      return to(from.row - 1, from.column);
    case 'ArrowDown':
      return to(from.row + 1, from.column);
    case 'ArrowLeft':
      return to(from.row, from.column - 1);
    case 'ArrowRight':
      return to(from.row, from.column + 1);
    case 'PageUp':
      return to(Math.max(firstOfBody, from.row - size.page), from.column);
    case 'PageDown':
      return to(from.row + size.page, from.column);
    case 'Home':
      return to(control ? Math.min(0, lastRow) : from.row, 0);
    case 'End':
      return to(control ? lastRow : from.row, lastColumn);
    default:
      return undefined;
  }
}
