// Which columns the table has, in which order and how wide. No drawing here.
import { columnWidthRange, type ColumnLayout } from '../shared/panel-preferences';
import type { Column } from './columns';

/** The columns in the user's order, hidden ones too. Those that the order does not name stand where they do by themselves. */
export function orderedColumns(all: readonly Column[], { order }: ColumnLayout): Column[] {
  const named = order
    .map((id) => all.find((column) => column.id === id))
    .filter((column) => column !== undefined);
  const result = [...named];
  for (const [index, column] of all.entries()) {
    if (named.includes(column)) continue;
    // Behind the column that it stands behind by itself.
    const before = all.slice(0, index).findLast((each) => result.includes(each));
    result.splice(before === undefined ? 0 : result.indexOf(before) + 1, 0, column);
  }
  return result;
}

/** The columns on show, in their order. Never none. */
export function shownColumns(all: readonly Column[], layout: ColumnLayout): Column[] {
  const ordered = orderedColumns(all, layout);
  const shown = ordered.filter(({ id }) => !layout.hidden.includes(id));
  return shown.length > 0 ? shown : ordered.slice(0, 1);
}

/** Widths for `grid-template-columns`. Columns that the user made no width for share what is left. */
export function gridTemplate(shown: readonly Column[], { widths }: ColumnLayout): string {
  return shown
    .map(({ id, width, share }) => {
      const chosen = widths[id];
      if (chosen !== undefined) return `${chosen}px`;
      return share === 0 ? `${width}px` : `minmax(${width}px, ${share}fr)`;
    })
    .join(' ');
}

/** The least width of all columns together, in pixels. */
export function leastWidth(shown: readonly Column[], { widths }: ColumnLayout): number {
  return shown.reduce((sum, { id, width }) => sum + (widths[id] ?? width), 0);
}

export function withWidth(layout: ColumnLayout, id: string, width: number): ColumnLayout {
  const { minimum, maximum } = columnWidthRange;
  const bounded = Math.round(Math.min(maximum, Math.max(minimum, width)));
  return { ...layout, widths: { ...layout.widths, [id]: bounded } };
}

export function withoutWidth(layout: ColumnLayout, id: string): ColumnLayout {
  const widths = Object.fromEntries(Object.entries(layout.widths).filter(([name]) => name !== id));
  return { ...layout, widths };
}

export function withVisibility(layout: ColumnLayout, id: string, visible: boolean): ColumnLayout {
  const hidden = layout.hidden.filter((each) => each !== id);
  return { ...layout, hidden: visible ? hidden : [...hidden, id] };
}

/**
 * Moves a column among those that are on show.
 * @param by places to the right; negative to the left
 */
export function moved(all: readonly Column[], layout: ColumnLayout, id: string, by: number): ColumnLayout {
  const shown = shownColumns(all, layout);
  const from = shown.findIndex((column) => column.id === id);
  const target = shown[Math.min(shown.length - 1, Math.max(0, from + by))];
  return target === undefined || from < 0 ? layout : movedTo(all, layout, id, target.id, by > 0);
}

/** Moves a column to another one's place. */
export function movedTo(
  all: readonly Column[],
  layout: ColumnLayout,
  id: string,
  target: string,
  behind: boolean,
): ColumnLayout {
  if (id === target) return layout;
  const order = orderedColumns(all, layout).map((column): string => column.id);
  const rest = order.filter((each) => each !== id);
  const at = rest.indexOf(target);
  if (at < 0 || rest.length === order.length) return layout;
  rest.splice(behind ? at + 1 : at, 0, id);
  return { ...layout, order: rest };
}
