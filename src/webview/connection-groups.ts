// Connections put together by process or by host: a row for each group, with its sums, and its connections below.
import { estimateOf } from '../shared/estimate';
import type { PanelFlow } from '../shared/panel-messages';
import type { Directions } from '../shared/protocol';
import { comparisonFor, columns, type Column, type ColumnId, type Sort } from './columns';
import { plural } from './l10n';
import { Connection, sortKey, type Comparison, type RowOrder } from './connections';

export const rowGroupings = ['none', 'process', 'host'] as const;
export type RowGrouping = (typeof rowGroupings)[number];

/** Columns that a group has a sum in. */
const summed: ReadonlySet<ColumnId> = new Set([
  'sentRate',
  'receivedRate',
  'sentTotal',
  'receivedTotal',
  'retransmits',
]);

/** What a cell of a group's row says: the name and number of its connections in the first, sums in others. */
export function groupText(row: Connection, column: Column, position: number, nowMillis: number): string {
  if (summed.has(column.id)) return column.text(row, nowMillis);
  if (position > 0 || row.group === undefined) return '';
  const { name, count } = row.group;
  return `${name} · ${plural(count, '{0} connection', '{0} connections')}`;
}

/** Cells that the name of a group may take: those up to the first sum. */
export function nameSpan(shown: readonly Column[]): number {
  const first = shown.findIndex(({ id }) => summed.has(id));
  return Math.max(1, first < 0 ? shown.length : first);
}

/**
 * @param sorted connections in their order, which they keep within their group
 * @param folded keys of groups whose connections are not shown
 * @param order remembers where the groups stand
 * @param hold the groups stay where they are, see `RowOrder`
 */
export function groupConnections(
  sorted: readonly Connection[],
  grouping: Exclude<RowGrouping, 'none'>,
  folded: ReadonlySet<string>,
  sort: Sort,
  order: RowOrder,
  hold: boolean,
): Connection[] {
  const members = new Map<string, Connection[]>();
  for (const connection of sorted) {
    const name = grouping === 'process' ? connection.processText : connection.hostText;
    const known = members.get(name);
    if (known === undefined) members.set(name, [connection]);
    else known.push(connection);
  }
  const rows = [...members].map(([name, list]) => groupRow(name, list, grouping, folded));
  return order
    .arrange(rows, comparisonOfGroups(sort), hold)
    .flatMap((row) =>
      row.group?.isFolded === true ? [row] : [row, ...(members.get(row.group?.name ?? '') ?? [])],
    );
}

/** By their sums; by their names where the column has none. */
function comparisonOfGroups(sort: Sort): Comparison {
  if (summed.has(sort.column)) return comparisonFor(sort);
  const isNumeric = columns.find(({ id }) => id === sort.column)?.numeric ?? false;
  const direction = sort.descending && !isNumeric ? -1 : 1;
  const key = ({ group }: Connection): string => sortKey(group?.name ?? '');
  return (one, other) => direction * (key(one) < key(other) ? -1 : 1);
}

/** A row that sums up its connections. Of the rest it has what the first one has, which is not shown. */
function groupRow(
  name: string,
  members: readonly Connection[],
  grouping: RowGrouping,
  folded: ReadonlySet<string>,
): Connection {
  const flows = members.map(({ flow }) => flow);
  const sum = (figure: (flow: PanelFlow) => number): number =>
    flows.reduce((total, flow) => total + figure(flow), 0);
  const [first] = members;
  if (first === undefined) throw new RangeError('A group has connections');
  const flow: PanelFlow = {
    ...(members.find(({ flow: each }) => each.protocol === 'tcp') ?? first).flow,
    ...estimateOf(flows),
    state: flows.every(({ state }) => state === 'closed') ? 'closed' : 'open',
    txRate: sum(({ txRate }) => txRate),
    rxRate: sum(({ rxRate }) => rxRate),
    txBytes: sum(({ txBytes }) => txBytes),
    rxBytes: sum(({ rxBytes }) => rxBytes),
    payloadTxBytes: sum(({ payloadTxBytes }) => payloadTxBytes),
    payloadRxBytes: sum(({ payloadRxBytes }) => payloadRxBytes),
    retransmits: sum(({ retransmits }) => retransmits),
  };
  delete flow.failure;
  const key = `${grouping} ${name}`;
  const group = { name, count: members.length, isFolded: folded.has(key) };
  return new Connection(key, flow, first.process, first.session, movedBy(members), group);
}

function movedBy(members: readonly Connection[]): Directions | undefined {
  if (members.every(({ moved }) => moved === undefined)) return undefined;
  const sum = { tx: 0, rx: 0 };
  for (const { moved } of members) {
    sum.tx += moved?.tx ?? 0;
    sum.rx += moved?.rx ?? 0;
  }
  return sum;
}
