// The header of the connection table: sorts by a click, makes columns wider at their edge, moves them by dragging.
// Keys do the same: Alt with an arrow moves the column, Shift with an arrow makes it wider or narrower.
import type { Column, Sort } from './columns';
import { element, setAttribute } from './dom';

/** Pixels that a pointer has to move before a press is a drag. */
const dragDistance = 5;
/** Pixels that one press of a key makes a column wider. */
export const widthStep = 16;

export interface HeaderEvents {
  sort: (column: Column) => void;
  /** `undefined`: as wide as it is by itself. */
  resize: (column: Column, width: number | undefined) => void;
  move: (column: Column, target: Column, behind: boolean) => void;
}

export class TableHeader {
  readonly element = element('div', { class: 'grid-header', attributes: { role: 'rowgroup' } });
  readonly #row = element('div', { class: 'grid-row', attributes: { role: 'row', 'aria-rowindex': '1' } });
  readonly #events: HeaderEvents;
  #columns: readonly Column[] = [];
  cells: readonly HTMLElement[] = [];

  constructor(events: HeaderEvents) {
    this.#events = events;
    this.element.append(this.#row);
  }

  setColumns(columns: readonly Column[]): void {
    this.#columns = columns;
    this.cells = columns.map((column, index) => this.#cell(column, index));
    this.#row.replaceChildren(...this.cells);
  }

  showSort(sort: Sort): void {
    for (const [index, column] of this.#columns.entries()) {
      const cell = this.cells[index];
      if (cell === undefined) continue;
      const direction = sort.descending ? 'descending' : 'ascending';
      setAttribute(cell, 'aria-sort', column.id === sort.column ? direction : undefined);
    }
  }

  /** Makes a column wider, from the width that it has now. */
  widen(index: number, by: number): void {
    const [column, cell] = [this.#columns[index], this.cells[index]];
    if (column && cell) this.#events.resize(column, cell.offsetWidth + by);
  }

  #cell(column: Column, index: number): HTMLElement {
    const edge = element('span', { class: 'column-edge', attributes: { 'aria-hidden': 'true' } });
    const cell = element('div', {
      class: column.numeric ? 'grid-cell numeric' : 'grid-cell',
      attributes: {
        role: 'columnheader',
        id: `header-${column.id}`,
        title: column.description,
        'aria-label': column.description,
        'aria-colindex': `${index + 1}`,
      },
      children: [
        element('span', { class: 'grid-title', text: column.title }),
        element('span', { class: 'sort-mark', attributes: { 'aria-hidden': 'true' } }),
        edge,
      ],
    });
    edge.addEventListener('pointerdown', (event) => this.#resizeFrom(event, column, cell));
    edge.addEventListener('click', (event) => event.stopPropagation());
    edge.addEventListener('dblclick', (event) => {
      event.stopPropagation();
      this.#events.resize(column, undefined);
    });
    cell.addEventListener('pointerdown', (event) => this.#dragFrom(event, column, cell));
    return cell;
  }

  #resizeFrom(event: PointerEvent, column: Column, cell: HTMLElement): void {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.preventDefault();
    const [startX, startWidth] = [event.clientX, cell.offsetWidth];
    follow(event, (moved) => this.#events.resize(column, startWidth + moved.clientX - startX));
  }

  /** A press without moving sorts; a drag moves the column to where it is let go. */
  #dragFrom(event: PointerEvent, column: Column, cell: HTMLElement): void {
    if (event.button !== 0) return;
    const startX = event.clientX;
    let dragging = false;
    let target: { column: Column; behind: boolean } | undefined;
    const show = (): void => {
      for (const [index, each] of this.cells.entries()) {
        const isTarget = dragging && this.#columns[index] === target?.column && target?.column !== column;
        each.classList.toggle('drop-before', isTarget && target?.behind === false);
        each.classList.toggle('drop-behind', isTarget && target?.behind === true);
      }
      cell.classList.toggle('dragged', dragging);
    };
    follow(
      event,
      ({ clientX }) => {
        dragging ||= Math.abs(clientX - startX) >= dragDistance;
        target = this.#columnAt(clientX);
        show();
      },
      (finished) => {
        const wasDragging = dragging;
        dragging = false;
        show();
        if (!finished) return;
        if (!wasDragging) this.#events.sort(column);
        else if (target) this.#events.move(column, target.column, target.behind);
      },
    );
  }

  #columnAt(x: number): { column: Column; behind: boolean } | undefined {
    for (const [index, cell] of this.cells.entries()) {
      const { left, right } = cell.getBoundingClientRect();
      const column = this.#columns[index];
      if (column && x >= left && x < right) return { column, behind: x > (left + right) / 2 };
    }
    return undefined;
  }
}

/** Follows a pressed pointer until it is let go (`finished`) or taken away by the system. */
export function follow(
  { pointerId }: PointerEvent,
  moved: (event: PointerEvent) => void,
  ended: (finished: boolean, event: PointerEvent) => void = () => undefined,
): void {
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const mine = (listener: (event: PointerEvent) => void) => (event: PointerEvent) => {
    if (event.pointerId === pointerId) listener(event);
  };
  const end = (finished: boolean) => (event: PointerEvent) => {
    controller.abort();
    ended(finished, event);
  };
  window.addEventListener('pointermove', mine(moved), options);
  window.addEventListener('pointerup', mine(end(true)), options);
  window.addEventListener('pointercancel', mine(end(false)), options);
}
