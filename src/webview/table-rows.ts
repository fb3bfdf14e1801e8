// The rows of the connection table that are in sight. They are made once and filled again and again.
import type { Column } from './columns';
import { groupText, nameSpan } from './connection-groups';
import type { Connection } from './connections';
import { element, setAttribute, setText } from './dom';

/** Pixels; the style sheet has the same number. */
export const rowHeight = 22;

interface Row {
  element: HTMLElement;
  cells: HTMLElement[];
  /** Key of the connection in it. */
  connection: string;
}

export class TableRows {
  readonly element = element('div', { class: 'grid-body', attributes: { role: 'rowgroup' } });
  readonly #placeholder = element('div', { class: 'grid-placeholder', attributes: { role: 'row' } });
  #pool: Row[] = [];
  #columns: readonly Column[] = [];
  #isGrouped = false;

  /** Whether some rows stand for groups, and the others lie below them. */
  setGrouped(isGrouped: boolean): void {
    this.#isGrouped = isGrouped;
    this.element.classList.toggle('grouped', isGrouped);
  }

  setColumns(columns: readonly Column[]): void {
    this.#columns = columns;
    for (const { element: row } of this.#pool) row.remove();
    this.#pool = [];
    this.#placeholder.replaceChildren(
      element('div', { attributes: { role: 'gridcell', 'aria-colspan': `${columns.length}` } }),
    );
  }

  setRowCount(count: number): void {
    this.element.style.height = `${Math.max(1, count) * rowHeight}px`;
  }

  /** Fills the rows in sight. `first`: the place of the first among all. */
  draw(shown: readonly Connection[], first: number, nowMillis: number): void {
    while (this.#pool.length < shown.length) {
      const row = makeRow(this.#columns, this.#pool.length);
      this.#pool.push(row);
      this.element.append(row.element);
    }
    for (const spare of this.#pool.splice(shown.length)) spare.element.remove();
    for (const [index, connection] of shown.entries()) {
      const row = this.#pool[index];
      if (row !== undefined) this.#fill(row, connection, first + index, nowMillis);
    }
  }

  /** An empty grid says why, in a row of its own. */
  showPlaceholder(text: string | undefined): void {
    if (text === undefined) {
      this.#placeholder.remove();
      return;
    }
    const [cell] = this.#placeholder.children;
    if (cell !== undefined) setText(cell, text);
    if (this.#placeholder.parentElement === null) this.element.append(this.#placeholder);
  }

  /** The cell of a connection, while it is in sight. */
  cellOf(connection: string, column: number): HTMLElement | undefined {
    return this.#pool.find((row) => row.connection === connection)?.cells[column];
  }

  /** Which of the rows in sight, and which column, a cell is. */
  placeOf(cell: HTMLElement): { row: number; column: number } | undefined {
    const row = this.#pool.findIndex(({ element: each }) => each === cell.parentElement);
    const column = this.#pool[row]?.cells.indexOf(cell) ?? -1;
    return column < 0 ? undefined : { row, column };
  }

  #fill(row: Row, connection: Connection, index: number, nowMillis: number): void {
    row.connection = connection.key;
    row.element.style.transform = `translateY(${index * rowHeight}px)`;
    setAttribute(row.element, 'aria-rowindex', `${index + 2}`);
    row.element.classList.toggle('closed', connection.flow.state === 'closed');
    row.element.classList.toggle('failed', connection.failureText !== '');
    const { group } = connection;
    row.element.classList.toggle('group', group !== undefined);
    setAttribute(row.element, 'aria-expanded', group && String(!group.isFolded));
    setAttribute(row.element, 'aria-level', this.#isGrouped ? (group === undefined ? '2' : '1') : undefined);
    const span = group === undefined ? 1 : nameSpan(this.#columns);
    for (const [position, column] of this.#columns.entries()) {
      const cell = row.cells[position];
      if (cell === undefined) continue;
      const text =
        group === undefined
          ? column.text(connection, nowMillis)
          : groupText(connection, column, position, nowMillis);
      setText(cell, text);
      setAttribute(
        cell,
        'title',
        text === '' || (group !== undefined && position < span)
          ? text
          : (column.tooltip?.(connection) ?? text),
      );
      cell.classList.toggle('empty', column.empty?.(connection) ?? false);
      cell.hidden = position > 0 && position < span;
      if (position === 0) cell.style.gridColumn = span === 1 ? '' : `1 / span ${span}`;
    }
  }
}

function makeRow(columns: readonly Column[], index: number): Row {
  const cells = columns.map((column, position) =>
    element('div', {
      class: column.numeric ? 'grid-cell numeric' : 'grid-cell',
      attributes: { role: 'gridcell', id: `cell-${index}-${column.id}`, 'aria-colindex': `${position + 1}` },
    }),
  );
  return {
    element: element('div', { class: 'grid-row', attributes: { role: 'row' }, children: cells }),
    cells,
    connection: '',
  };
}
