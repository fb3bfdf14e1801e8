// The columns of the connection table: what each says, how it compares, what its tooltip adds.
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMicroseconds,
  formatRate,
  unknownMark,
} from '../shared/format';
import { sanitise } from '../shared/sanitise';
import type { Comparison, Connection } from './connections';

export type ColumnId =
  | 'process'
  | 'protocol'
  | 'local'
  | 'remote'
  | 'state'
  | 'sentRate'
  | 'receivedRate'
  | 'sentTotal'
  | 'receivedTotal'
  | 'roundTrip'
  | 'retransmits'
  | 'age';

export interface Column {
  id: ColumnId;
  title: string;
  /** The title in full, for tooltips and screen readers. */
  description: string;
  /** Figures stand at the right and sort from the largest down at first. */
  numeric: boolean;
  /** `nowMillis`: Unix time of the host. */
  text: (connection: Connection, nowMillis: number) => string;
  /** Ascending. */
  compare: Comparison;
  /** More about the cell; the text itself when absent. */
  tooltip?: (connection: Connection) => string;
  /** Whether the figure says nothing, and may step back. */
  empty?: (connection: Connection) => boolean;
}

const byKey =
  (key: (connection: Connection) => string): Comparison =>
  (one, other) => {
    const [first, second] = [key(one), key(other)];
    return first < second ? -1 : first > second ? 1 : 0;
  };

const byNumber =
  (value: (connection: Connection) => number): Comparison =>
  (one, other) =>
    value(one) - value(other);

/** How long a connection lasted, in milliseconds; `undefined` when its end is not known. */
export function ageMillis({ flow }: Connection, nowMillis: number): number | undefined {
  const end = flow.state === 'closed' ? flow.closedMillis : nowMillis;
  return end === undefined || Number.isNaN(flow.openedMillis)
    ? undefined
    : Math.max(0, end - flow.openedMillis);
}

function totalTooltip(wire: number, payload: number): string {
  return `${formatCount(wire)} bytes on the wire, ${formatCount(payload)} of them payload`;
}

export const columns: readonly Column[] = [
  {
    id: 'process',
    title: 'Process',
    description: 'Process name and id',
    numeric: false,
    text: ({ processText }) => processText,
    compare: byKey(({ processKey }) => processKey),
  },
  {
    id: 'protocol',
    title: 'Prot.',
    description: 'Transport protocol',
    numeric: false,
    text: ({ flow }) => flow.protocol.toUpperCase(),
    compare: byKey(({ flow }) => flow.protocol),
  },
  {
    id: 'local',
    title: 'Local',
    description: 'Local address and port',
    numeric: false,
    text: ({ localText }) => localText,
    compare: byKey(({ localKey }) => localKey),
    tooltip: ({ localText, flow }) => `${localText} on interface ${sanitise(flow.interface)}`,
  },
  {
    id: 'remote',
    title: 'Remote',
    description: 'Remote address and port',
    numeric: false,
    text: ({ remoteText }) => remoteText,
    compare: byKey(({ remoteKey }) => remoteKey),
  },
  {
    id: 'state',
    title: 'State',
    description: 'State of the connection',
    numeric: false,
    text: ({ flow }) => flow.state,
    compare: byKey(({ flow }) => flow.state),
  },
  {
    id: 'sentRate',
    title: '↑ Rate',
    description: 'Sent, bytes per second on the wire',
    numeric: true,
    text: ({ flow }) => formatRate(flow.txRate),
    compare: byNumber(({ flow }) => flow.txRate),
    empty: ({ flow }) => flow.txRate === 0,
  },
  {
    id: 'receivedRate',
    title: '↓ Rate',
    description: 'Received, bytes per second on the wire',
    numeric: true,
    text: ({ flow }) => formatRate(flow.rxRate),
    compare: byNumber(({ flow }) => flow.rxRate),
    empty: ({ flow }) => flow.rxRate === 0,
  },
  {
    id: 'sentTotal',
    title: '↑ Total',
    description: 'Sent in total, bytes on the wire',
    numeric: true,
    text: ({ flow }) => formatBytes(flow.txBytes),
    compare: byNumber(({ flow }) => flow.txBytes),
    tooltip: ({ flow }) => totalTooltip(flow.txBytes, flow.payloadTxBytes),
    empty: ({ flow }) => flow.txBytes === 0,
  },
  {
    id: 'receivedTotal',
    title: '↓ Total',
    description: 'Received in total, bytes on the wire',
    numeric: true,
    text: ({ flow }) => formatBytes(flow.rxBytes),
    compare: byNumber(({ flow }) => flow.rxBytes),
    tooltip: ({ flow }) => totalTooltip(flow.rxBytes, flow.payloadRxBytes),
    empty: ({ flow }) => flow.rxBytes === 0,
  },
  {
    id: 'roundTrip',
    title: 'RTT',
    description: 'Smoothed round-trip time',
    numeric: true,
    text: ({ flow }) => formatMicroseconds(flow.rttMicros),
    compare: byNumber(({ flow }) => flow.rttMicros),
    empty: ({ flow }) => flow.rttMicros === 0,
  },
  {
    id: 'retransmits',
    title: 'Retr.',
    description: 'Retransmitted segments',
    numeric: true,
    text: ({ flow }) => (flow.protocol === 'tcp' ? formatCount(flow.retransmits) : unknownMark),
    compare: byNumber(({ flow }) => flow.retransmits),
    empty: ({ flow }) => flow.retransmits === 0,
  },
  {
    id: 'age',
    title: 'Age',
    description: 'How long the connection has been open',
    numeric: true,
    text: (connection, nowMillis) => {
      const age = ageMillis(connection, nowMillis);
      return age === undefined ? unknownMark : formatDuration(Math.max(age, 100));
    },
    // Of two open connections the one that was opened earlier is the older one.
    compare: byNumber(({ flow }) => -flow.openedMillis),
    tooltip: ({ flow }) =>
      Number.isNaN(flow.openedMillis) ? '' : `Opened ${new Date(flow.openedMillis).toLocaleTimeString()}`,
  },
];

export interface Sort {
  column: ColumnId;
  descending: boolean;
}

export const defaultSort: Sort = { column: 'receivedTotal', descending: true };

/** What a click on a header makes of the order: a new column in its natural direction, the same one reversed. */
export function nextSort(sort: Sort, column: Column): Sort {
  if (sort.column === column.id) return { column: column.id, descending: !sort.descending };
  return { column: column.id, descending: column.numeric };
}

/** Compares by a column; what is equal there stands by total traffic, then by the newest. */
export function comparisonFor(sort: Sort): Comparison {
  const column = columns.find(({ id }) => id === sort.column) ?? columns[0];
  const direction = sort.descending ? -1 : 1;
  return (one, other) =>
    direction * (column?.compare(one, other) ?? 0) ||
    other.flow.txBytes + other.flow.rxBytes - (one.flow.txBytes + one.flow.rxBytes) ||
    other.flow.openedMillis - one.flow.openedMillis ||
    other.flow.id - one.flow.id;
}
