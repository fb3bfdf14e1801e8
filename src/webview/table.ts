// The connection table: a grid of which only the visible rows exist in the page. The focus stays on the grid;
// `aria-activedescendant` names the cell that the keys are on.
import { formatQuantity } from '../shared/format';
import type { PanelContext } from '../shared/panel-messages';
import { columns, comparisonFor, nextSort, type Column, type Sort } from './columns';
import { filterConnections, RowOrder, type Connection } from './connections';
import { element, setAttribute, setText } from './dom';
import { headerRow, moveInGrid } from './grid-navigation';
import { rowsPerPage, scrollToShow, visibleRows, type Viewport } from './virtual-window';

/** Pixels; the style sheet has the same numbers. */
const rowHeight = 22;
const headerHeight = 24;

interface Row {
  element: HTMLElement;
  cells: HTMLElement[];
}

/** The cell that keys act on. A row goes by its connection, so that it stays the same when rows move. */
interface ActiveCell {
  connection: string | undefined;
  column: number;
}

export class ConnectionTable {
  readonly element: HTMLElement;
  readonly #grid = element('div', {
    class: 'grid',
    attributes: {
      role: 'grid',
      tabindex: '0',
      'aria-label': 'Connections',
      'aria-colcount': `${columns.length}`,
    },
  });
  readonly #headers = columns.map((column, index) => makeHeader(column, index));
  readonly #body = element('div', { class: 'grid-body', attributes: { role: 'rowgroup' } });
  readonly #placeholder = element('div', { class: 'grid-placeholder' });
  readonly #footer = element('div', { class: 'table-footer' });
  readonly #order = new RowOrder();
  readonly #sortChanged: (sort: Sort) => void;
  #pool: Row[] = [];
  #connections: readonly Connection[] = [];
  #rows: readonly Connection[] = [];
  #nowMillis = 0;
  #sort: Sort;
  #filter = '';
  #active: ActiveCell = { connection: undefined, column: 0 };
  #pointerInside = false;

  constructor(sort: Sort, sortChanged: (sort: Sort) => void) {
    this.#sort = sort;
    this.#sortChanged = sortChanged;
    const headerCells = element('div', {
      class: 'grid-row',
      attributes: { role: 'row', 'aria-rowindex': '1' },
    });
    headerCells.append(...this.#headers);
    const header = element('div', { class: 'grid-header', attributes: { role: 'rowgroup' } });
    header.append(headerCells);
    this.#grid.append(header, this.#body);
    this.element = element('section', {
      class: 'table-pane',
      attributes: { 'aria-label': 'Connections' },
      children: [this.#grid, this.#footer],
    });
    this.#listen();
    this.#showSort();
  }

  /** Shows these connections. `nowMillis`: Unix time of the host. */
  setConnections(connections: readonly Connection[], nowMillis: number): void {
    this.#connections = connections;
    this.#nowMillis = nowMillis;
    this.#arrange();
  }

  setFilter(filter: string): void {
    this.#filter = filter;
    this.#arrange();
  }

  get #held(): boolean {
    return this.#pointerInside || document.activeElement === this.#grid;
  }

  get #viewport(): Viewport {
    const { scrollTop, clientHeight } = this.#grid;
    return { rowCount: this.#rows.length, rowHeight, scrollTop, height: clientHeight - headerHeight };
  }

  get #activeRow(): number {
    const { connection } = this.#active;
    return connection === undefined ? headerRow : this.#rows.findIndex(({ key }) => key === connection);
  }

  #listen(): void {
    const grid = this.#grid;
    grid.addEventListener('scroll', () => this.#draw(), { passive: true });
    grid.addEventListener('keydown', (event) => this.#keyPressed(event));
    grid.addEventListener('focus', () => this.#draw());
    grid.addEventListener('blur', () => this.#arrange());
    grid.addEventListener('pointerenter', () => {
      this.#pointerInside = true;
      this.#drawFooter();
    });
    grid.addEventListener('pointerleave', () => {
      this.#pointerInside = false;
      this.#arrange();
    });
    grid.addEventListener('pointerdown', (event) => this.#cellPressed(event));
    grid.addEventListener('contextmenu', (event) => this.#offerContext(event));
    document.addEventListener('copy', (event) => this.#copy(event));
    for (const [index, header] of this.#headers.entries()) {
      header.addEventListener('click', () => this.#sortBy(index));
    }
    new ResizeObserver(() => this.#draw()).observe(grid);
  }

  #arrange(resort = false): void {
    const found = filterConnections(this.#connections, this.#filter);
    this.#rows = this.#order.arrange(found, comparisonFor(this.#sort), this.#held && !resort);
    this.#body.style.height = `${Math.max(1, this.#rows.length) * rowHeight}px`;
    setAttribute(this.#grid, 'aria-rowcount', `${this.#rows.length + 1}`);
    this.#draw();
    this.#drawFooter();
  }

  #draw(): void {
    const { first, end } = visibleRows(this.#viewport);
    const shown = this.#rows.slice(first, end);
    while (this.#pool.length < shown.length) {
      const row = makeRow(this.#pool.length);
      this.#pool.push(row);
      this.#body.append(row.element);
    }
    for (const spare of this.#pool.splice(shown.length)) spare.element.remove();
    for (const [index, connection] of shown.entries()) {
      const row = this.#pool[index];
      if (row !== undefined) this.#fill(row, connection, first + index);
    }
    this.#drawPlaceholder();
    this.#markActive(first);
  }

  #fill({ element: row, cells }: Row, connection: Connection, index: number): void {
    row.style.transform = `translateY(${index * rowHeight}px)`;
    setAttribute(row, 'aria-rowindex', `${index + 2}`);
    row.classList.toggle('closed', connection.flow.state === 'closed');
    for (const [position, column] of columns.entries()) {
      const cell = cells[position];
      if (cell === undefined) continue;
      const text = column.text(connection, this.#nowMillis);
      setText(cell, text);
      setAttribute(cell, 'title', column.tooltip?.(connection) ?? text);
      cell.classList.toggle('empty', column.empty?.(connection) ?? false);
    }
  }

  /** An empty grid says why, in a row of its own. */
  #drawPlaceholder(): void {
    if (this.#rows.length > 0) {
      this.#placeholder.remove();
      return;
    }
    const text =
      this.#connections.length > 0
        ? 'No connection matches the filter.'
        : 'No connections yet. They appear here as soon as the program opens one.';
    if (this.#placeholder.childElementCount === 0) {
      const cell = element('div', { attributes: { role: 'gridcell', 'aria-colspan': `${columns.length}` } });
      this.#placeholder.append(cell);
      setAttribute(this.#placeholder, 'role', 'row');
    }
    const [cell] = this.#placeholder.children;
    if (cell !== undefined) setText(cell, text);
    if (this.#placeholder.parentElement === null) this.#body.append(this.#placeholder);
  }

  #drawFooter(): void {
    const total = this.#connections.length;
    const closed = this.#connections.filter(({ flow }) => flow.state === 'closed').length;
    const parts = [
      this.#rows.length === total
        ? formatQuantity(total, 'connection')
        : `${this.#rows.length} of ${formatQuantity(total, 'connection')}`,
    ];
    if (closed > 0) parts.push(`${closed} closed`);
    if (this.#held && total > 1) parts.push('order held while you are here');
    setText(this.#footer, parts.join(' · '));
  }

  #markActive(first: number): void {
    const focused = document.activeElement === this.#grid;
    const activeRow = this.#activeRow;
    const cell =
      activeRow === headerRow && this.#active.connection === undefined
        ? this.#headers[this.#active.column]
        : this.#pool[activeRow - first]?.cells[this.#active.column];
    for (const marked of this.#grid.querySelectorAll('.active')) marked.classList.remove('active');
    setAttribute(this.#grid, 'aria-activedescendant', focused ? cell?.id : undefined);
    if (!focused || cell === undefined) return;
    cell.classList.add('active');
    cell.parentElement?.classList.add('active');
  }

  #keyPressed(event: KeyboardEvent): void {
    const row = this.#activeRow;
    const { column } = this.#active;
    if (row === headerRow && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      this.#sortBy(column);
      return;
    }
    const size = { rows: this.#rows.length, columns: columns.length, page: rowsPerPage(this.#viewport) };
    const target = moveInGrid({ row, column }, event.key, event.ctrlKey || event.metaKey, size);
    if (target === undefined) return;
    event.preventDefault();
    this.#activate(target.row, target.column);
  }

  #activate(row: number, column: number): void {
    this.#active = { connection: this.#rows[row]?.key, column };
    const grid = this.#grid;
    const { scrollTop, height } = this.#viewport;
    if (row !== headerRow) grid.scrollTop = scrollToShow(row * rowHeight, rowHeight, scrollTop, height);
    const header = this.#headers[column];
    if (header !== undefined) {
      const { offsetLeft, offsetWidth } = header;
      grid.scrollLeft = scrollToShow(offsetLeft, offsetWidth, grid.scrollLeft, grid.clientWidth);
    }
    this.#draw();
  }

  /** The row and column of a cell in the page; `undefined` outside of the rows. */
  #locate(target: EventTarget | null): { row: number; column: number } | undefined {
    const cell = target instanceof Element ? target.closest('[role=gridcell], [role=columnheader]') : null;
    if (!(cell instanceof HTMLElement)) return undefined;
    const header = this.#headers.indexOf(cell);
    if (header >= 0) return { row: headerRow, column: header };
    const pooled = this.#pool.findIndex(({ element: row }) => row === cell.parentElement);
    const column = this.#pool[pooled]?.cells.indexOf(cell) ?? -1;
    return column < 0 ? undefined : { row: visibleRows(this.#viewport).first + pooled, column };
  }

  #cellPressed(event: PointerEvent): void {
    const position = this.#locate(event.target);
    if (position === undefined) return;
    this.#active = { connection: this.#rows[position.row]?.key, column: position.column };
    this.#draw();
  }

  #sortBy(index: number): void {
    const column = columns[index];
    if (column === undefined) return;
    this.#sort = nextSort(this.#sort, column);
    this.#showSort();
    this.#arrange(true);
    this.#sortChanged(this.#sort);
  }

  #showSort(): void {
    for (const [index, column] of columns.entries()) {
      const direction = this.#sort.descending ? 'descending' : 'ascending';
      const header = this.#headers[index];
      if (header !== undefined) {
        setAttribute(header, 'aria-sort', column.id === this.#sort.column ? direction : undefined);
      }
    }
  }

  #activeTexts(): Pick<PanelContext, 'value' | 'row'> | undefined {
    const connection = this.#rows[this.#activeRow];
    if (connection === undefined) return undefined;
    const texts = columns.map((column) => column.text(connection, this.#nowMillis));
    return { value: texts[this.#active.column] ?? '', row: texts.join('\t') };
  }

  #copy(event: ClipboardEvent): void {
    if (document.activeElement !== this.#grid) return;
    const texts = this.#activeTexts();
    if (texts === undefined || event.clipboardData === null) return;
    event.clipboardData.setData('text/plain', texts.value);
    event.preventDefault();
  }

  /** Tells the editor what the menu is about, in the attribute where it looks for it. */
  #offerContext(event: MouseEvent): void {
    const position = this.#locate(event.target);
    // The menu key opens it on the grid itself: then it is about the active cell.
    if (position !== undefined) this.#activate(position.row, position.column);
    const texts = this.#activeTexts();
    const context: PanelContext | undefined = texts && { webviewSection: 'connection', ...texts };
    setAttribute(this.#grid, 'data-vscode-context', context && JSON.stringify(context));
  }
}

function makeHeader(column: Column, index: number): HTMLElement {
  return element('div', {
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
    ],
  });
}

function makeRow(index: number): Row {
  const cells = columns.map((column, position) =>
    element('div', {
      class: column.numeric ? 'grid-cell numeric' : 'grid-cell',
      attributes: { role: 'gridcell', id: `cell-${index}-${column.id}`, 'aria-colindex': `${position + 1}` },
    }),
  );
  return {
    element: element('div', { class: 'grid-row', attributes: { role: 'row' }, children: cells }),
    cells,
  };
}
