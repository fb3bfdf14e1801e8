// The connection table: a grid of which only the visible rows exist in the page. The focus stays on the grid;
// `aria-activedescendant` names the cell that the keys are on.
import { addressText, ownFilter, packetFilter, socketFilter } from '../shared/copy-texts';
import type { FilterPredicate } from '../shared/filter-language';
import { estimateLegend, estimateNotes, estimateOf } from '../shared/estimate';
import { formatCount } from '../shared/format';
import type { PanelContext } from '../shared/panel-messages';
import type { ColumnLayout } from '../shared/panel-preferences';
import {
  gridTemplate,
  leastWidth,
  moved,
  movedTo,
  shownColumns,
  withoutWidth,
  withWidth,
} from './column-layout';
import { columns, comparisonFor, nextSort, type Column, type Sort } from './columns';
import { filterConnections, RowOrder, type Connection } from './connections';
import { groupConnections, type RowGrouping } from './connection-groups';
import { element, setAttribute, setText } from './dom';
import { headerRow, moveInGrid } from './grid-navigation';
import { plural, t, texts } from './l10n';
import { TableHeader, widthStep } from './table-header';
import { TableRows, rowHeight } from './table-rows';
import { rowsPerPage, scrollToShow, visibleRows, type Viewport } from './virtual-window';

/** Pixels; the style sheet has the same number. */
const headerHeight = 24;
/** Pixels of padding at both sides of a row. */
const rowPadding = 20;

export interface TableEvents {
  sort: (sort: Sort) => void;
  layout: (layout: ColumnLayout) => void;
  /** The user wants to see more of a connection. */
  open: (connection: Connection) => void;
  /** The keys are on another connection now. */
  activate: (connection: Connection) => void;
  /** Escape was pressed. */
  close: () => void;
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
    attributes: { role: 'grid', tabindex: '0', 'aria-label': t('Connections') },
  });
  readonly #header: TableHeader;
  readonly #rowArea = new TableRows();
  readonly #footer = element('div', { class: 'table-footer' });
  readonly #order = new RowOrder();
  readonly #groupOrder = new RowOrder();
  readonly #folded = new Set<string>();
  readonly #events: TableEvents;
  #columns: readonly Column[] = [];
  #layout: ColumnLayout;
  #connections: readonly Connection[] = [];
  #rows: readonly Connection[] = [];
  #nowMillis = 0;
  #sort: Sort;
  #filter: FilterPredicate | undefined;
  #grouping: RowGrouping;
  #found = 0;
  #active: ActiveCell = { connection: undefined, column: 0 };
  #pointerInside = false;

  constructor(
    sort: Sort,
    layout: ColumnLayout,
    grouping: RowGrouping,
    bar: HTMLElement,
    events: TableEvents,
  ) {
    this.#sort = sort;
    this.#grouping = grouping;
    this.#layout = layout;
    this.#events = events;
    this.#header = new TableHeader({
      sort: (column) => this.#sortBy(column),
      resize: (column, width) =>
        this.#changeLayout(
          width === undefined
            ? withoutWidth(this.#layout, column.id)
            : withWidth(this.#layout, column.id, width),
        ),
      move: (column, target, behind) =>
        this.#changeLayout(movedTo(columns, this.#layout, column.id, target.id, behind)),
    });
    this.#grid.append(this.#header.element, this.#rowArea.element);
    this.element = element('section', {
      class: 'table-pane',
      attributes: { 'aria-label': t('Connections') },
      children: [bar, this.#grid, this.#footer],
    });
    this.setLayout(layout);
    this.#listen();
  }

  /** Shows these connections. `nowMillis`: Unix time of the host. */
  setConnections(connections: readonly Connection[], nowMillis: number): void {
    this.#connections = connections;
    this.#nowMillis = nowMillis;
    this.#arrange();
  }

  /** `undefined`: everything is shown. */
  setFilter(matches: FilterPredicate | undefined): void {
    this.#filter = matches;
    this.#arrange();
  }

  /** Puts the rows together by something, or not. */
  setGrouping(grouping: RowGrouping): void {
    this.#grouping = grouping;
    this.#arrange(true);
  }

  setLayout(layout: ColumnLayout): void {
    const shown = shownColumns(columns, layout);
    const isSame = shown.map(({ id }) => id).join() === this.#columns.map(({ id }) => id).join();
    const before = this.#columns[this.#active.column];
    this.#layout = layout;
    if (!isSame) {
      this.#columns = shown;
      this.#header.setColumns(shown);
      this.#rowArea.setColumns(shown);
      // The keys stay on the column that they were on.
      const column = shown.findIndex(({ id }) => id === before?.id);
      this.#active = { ...this.#active, column: Math.max(0, column) };
      setAttribute(this.#grid, 'aria-colcount', `${shown.length}`);
    }
    const { style } = this.#grid;
    style.setProperty('--column-widths', gridTemplate(shown, layout));
    style.setProperty('--table-width', `${leastWidth(shown, layout) + rowPadding}px`);
    this.#header.showSort(this.#sort);
    this.#draw();
  }

  /** Header and rows, which have the focus as a whole. */
  get grid(): HTMLElement {
    return this.#grid;
  }

  /** Rows stay where they are while one of them is pointed at, or the keys are on one. */
  get #held(): boolean {
    const isAmongRows = this.#active.connection !== undefined;
    return this.#pointerInside || (isAmongRows && document.activeElement === this.#grid);
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
    grid.addEventListener('click', (event) => {
      const position = this.#locate(event.target);
      if (position !== undefined && position.row !== headerRow) this.#openActive();
    });
    grid.addEventListener('contextmenu', (event) => this.#offerContext(event));
    document.addEventListener('copy', (event) => this.#copy(event));
    new ResizeObserver(() => this.#draw()).observe(grid);
  }

  #arrange(resort = false): void {
    const found = filterConnections(this.#connections, this.#filter, this.#nowMillis);
    const hold = this.#held && !resort;
    const sorted = this.#order.arrange(found, comparisonFor(this.#sort), hold);
    const grouping = this.#grouping;
    this.#rows =
      grouping === 'none'
        ? sorted
        : groupConnections(sorted, grouping, this.#folded, this.#sort, this.#groupOrder, hold);
    this.#found = found.length;
    this.#rowArea.setGrouped(grouping !== 'none');
    setAttribute(this.#grid, 'role', grouping === 'none' ? 'grid' : 'treegrid');
    this.#rowArea.setRowCount(this.#rows.length);
    setAttribute(this.#grid, 'aria-rowcount', `${this.#rows.length + 1}`);
    this.#draw();
    this.#drawFooter();
  }

  #draw(): void {
    const { first, end } = visibleRows(this.#viewport);
    this.#rowArea.draw(this.#rows.slice(first, end), first, this.#nowMillis);
    this.#rowArea.showPlaceholder(this.#rows.length > 0 ? undefined : this.#placeholder());
    this.#markActive();
  }

  #placeholder(): string {
    if (this.#connections.length === 0) {
      return t('No connections yet. They appear here as soon as the program opens one.');
    }
    const inRange = this.#connections.some((connection) => connection.moved !== undefined);
    return inRange
      ? t('No connection moved anything in the chosen range and matches the filter.')
      : t('No connection matches the filter.');
  }

  #drawFooter(): void {
    const total = this.#connections.length;
    const closed = this.#connections.filter(({ flow }) => flow.state === 'closed').length;
    const all = plural(total, '{0} connection', '{0} connections');
    const parts = [this.#found === total ? all : t('{0} of {1}', formatCount(this.#found), all)];
    if (closed > 0) parts.push(t('{0} closed', formatCount(closed)));
    if (this.#held && total > 1) parts.push(t('order held while you are here'));
    const estimated = estimateOf(this.#rows.map(({ flow }) => flow));
    parts.push(...estimateLegend(estimated, texts));
    setText(this.#footer, parts.join(' · '));
    setAttribute(this.#footer, 'title', estimateNotes(estimated, texts).join('\n') || undefined);
  }

  #markActive(): void {
    const focused = document.activeElement === this.#grid;
    const { connection, column } = this.#active;
    const cell =
      connection === undefined ? this.#header.cells[column] : this.#rowArea.cellOf(connection, column);
    for (const marked of this.#grid.querySelectorAll('.active')) marked.classList.remove('active');
    setAttribute(this.#grid, 'aria-activedescendant', focused ? cell?.id : undefined);
    if (!focused || cell === undefined) return;
    cell.classList.add('active');
    cell.parentElement?.classList.add('active');
  }

  #keyPressed(event: KeyboardEvent): void {
    if (this.#headerKeyPressed(event)) {
      event.preventDefault();
      return;
    }
    const row = this.#activeRow;
    const { column } = this.#active;
    if (event.key === 'Escape') this.#events.close();
    if (row !== headerRow && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      this.#openActive();
      return;
    }
    if (event.altKey || event.shiftKey) return;
    const size = {
      rows: this.#rows.length,
      columns: this.#columns.length,
      page: rowsPerPage(this.#viewport),
    };
    const target = moveInGrid({ row, column }, event.key, event.ctrlKey || event.metaKey, size);
    if (target === undefined) return;
    event.preventDefault();
    this.#activate(target.row, target.column);
  }

  /** Whether a key meant the header: sorts, moves the column, or makes it wider or narrower. */
  #headerKeyPressed({ key, altKey, shiftKey }: KeyboardEvent): boolean {
    const column = this.#columns[this.#active.column];
    if (this.#active.connection !== undefined || column === undefined) return false;
    const direction = key === 'ArrowLeft' ? -1 : key === 'ArrowRight' ? 1 : 0;
    if (key === 'Enter' || key === ' ') {
      this.#sortBy(column);
    } else if (direction !== 0 && altKey) {
      this.#changeLayout(moved(columns, this.#layout, column.id, direction));
    } else if (direction !== 0 && shiftKey) {
      this.#header.widen(this.#active.column, direction * widthStep);
    } else {
      return false;
    }
    return true;
  }

  #activate(row: number, column: number): void {
    this.#active = { connection: this.#rows[row]?.key, column };
    const grid = this.#grid;
    const { scrollTop, height } = this.#viewport;
    if (row !== headerRow) grid.scrollTop = scrollToShow(row * rowHeight, rowHeight, scrollTop, height);
    const header = this.#header.cells[column];
    if (header !== undefined) {
      const { offsetLeft, offsetWidth } = header;
      grid.scrollLeft = scrollToShow(offsetLeft, offsetWidth, grid.scrollLeft, grid.clientWidth);
    }
    this.#draw();
    this.#drawFooter();
    const connection = this.#rows[row];
    if (connection !== undefined && connection.group === undefined) this.#events.activate(connection);
  }

  /** The row and column of a cell in the page; `undefined` outside of the rows. */
  #locate(target: EventTarget | null): { row: number; column: number } | undefined {
    const cell = target instanceof Element ? target.closest('[role=gridcell], [role=columnheader]') : null;
    if (!(cell instanceof HTMLElement)) return undefined;
    const header = this.#header.cells.indexOf(cell);
    if (header >= 0) return { row: headerRow, column: header };
    const place = this.#rowArea.placeOf(cell);
    return place && { row: visibleRows(this.#viewport).first + place.row, column: place.column };
  }

  #cellPressed(event: PointerEvent): void {
    const position = this.#locate(event.target);
    if (position === undefined) return;
    this.#active = { connection: this.#rows[position.row]?.key, column: position.column };
    this.#draw();
  }

  #openActive(): void {
    const row = this.#rows[this.#activeRow];
    if (row?.group !== undefined) this.#fold(row.key);
    else if (row !== undefined) this.#events.open(row);
  }

  /** Hides the connections of a group, or shows them again. */
  #fold(key: string): void {
    if (!this.#folded.delete(key)) this.#folded.add(key);
    this.#arrange();
  }

  #sortBy(column: Column): void {
    this.#sort = nextSort(this.#sort, column);
    this.#header.showSort(this.#sort);
    this.#arrange(true);
    this.#events.sort(this.#sort);
  }

  #changeLayout(layout: ColumnLayout): void {
    this.setLayout(layout);
    this.#events.layout(layout);
  }

  #activeTexts(): Omit<PanelContext, 'webviewSection'> | undefined {
    const connection = this.#rows[this.#activeRow];
    if (connection === undefined || connection.group !== undefined) return undefined;
    const texts = this.#columns.map((column) => column.text(connection, this.#nowMillis));
    const { flow } = connection;
    return {
      value: texts[this.#active.column] ?? '',
      row: texts.join('\t'),
      address: addressText(flow),
      filter: ownFilter(flow),
      socketFilter: socketFilter(flow),
      packetFilter: packetFilter(flow),
    };
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
