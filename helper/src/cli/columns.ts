// A table that fits the window: one column takes the room that is left, the others come in as room allows.
import CliTable from 'cli-table3';
import stringWidth from 'string-width';

/** Blanks between two columns. */
const gap = 2;

export interface Column<Id extends string> {
  id: Id;
  title: string;
  /** Cells wide; longer content is cut. */
  width: number;
  align: 'left' | 'right';
  /** The column is shown when this much is left for the flexible one. */
  leaves: number;
}

export interface Row<Id extends string> {
  /** Writes the flexible cell in at most so many columns. */
  label: (width: number) => string;
  cells: Partial<Record<Id, string>>;
  /** Colours a whole cell, after it was cut. */
  style?: (text: string, column: Id | 'label') => string;
}

/** Columns that `text` takes on a terminal. */
export function displayWidth(text: string): number {
  return stringWidth(text);
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Cuts a text to at most `width` terminal columns; the last one is then an ellipsis. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    const segmentWidth = displayWidth(segment);
    if (used + segmentWidth > width - 1) break;
    used += segmentWidth;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : '';
}

/**
 * Chooses which columns fit. They are given in the order in which they matter and come in one after the
 * other; the first that finds no room ends it, so that a wider window never loses a column.
 * @returns the columns that are shown and what is left for the flexible one
 */
export function fitColumns<Id extends string>(
  columns: readonly Column<Id>[],
  width: number,
): { shown: Column<Id>[]; labelWidth: number } {
  const shown: Column<Id>[] = [];
  let labelWidth = width;
  for (const column of columns) {
    const left = labelWidth - column.width - gap;
    if (left < column.leaves) break;
    shown.push(column);
    labelWidth = left;
  }
  return { shown, labelWidth };
}

/**
 * Draws a table.
 * @param width terminal columns; `Infinity` where the output is no terminal, then nothing is cut
 * @param priority the columns in the order in which they matter
 * @param display the ids of the columns in the order in which they stand, left to right
 * @returns lines without line ends; none is wider than `width`
 */
export function drawTable<Id extends string>(
  title: string,
  priority: readonly Column<Id>[],
  display: readonly Id[],
  rows: readonly Row<Id>[],
  width: number,
  styleTitle: (text: string) => string,
): string[] {
  const { shown, labelWidth: room } = fitColumns(priority, width);
  const columns = display.flatMap((id) => shown.filter((column) => column.id === id));
  const labels = rows.map((row) => row.label(room));
  const widest = Math.max(displayWidth(title), ...labels.map(displayWidth));
  const labelWidth = Number.isFinite(room) ? room : widest;

  const table = new CliTable({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colWidths: [labelWidth, ...columns.map((column) => column.width)],
    colAligns: ['left', ...columns.map((column) => column.align)],
  });
  table.push([
    styleTitle(truncate(title, labelWidth)),
    ...columns.map((column) => styleTitle(truncate(column.title, column.width))),
  ]);
  rows.forEach((row, index) => {
    const style = row.style ?? ((text: string) => text);
    table.push([
      style(truncate(labels[index] ?? '', labelWidth), 'label'),
      ...columns.map((column) => style(truncate(row.cells[column.id] ?? '', column.width), column.id)),
    ]);
  });
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

export const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(gap),
};
