// The columns of the connection table: what each says, how it compares, what its tooltip adds.
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMicroseconds,
  formatRate,
  unknownMark,
} from '../shared/format';
import { estimateNotes, marked, markedSent } from '../shared/estimate';
import type { PanelFlow } from '../shared/panel-messages';
import type { FlowState } from '../shared/protocol';
import { sanitise } from '../shared/sanitise';
import type { Comparison, Connection } from './connections';
import { plural, t, texts } from './l10n';

export type ColumnId =
  | 'process'
  | 'protocol'
  | 'host'
  | 'remote'
  | 'sentRate'
  | 'receivedRate'
  | 'sentTotal'
  | 'receivedTotal'
  | 'state'
  | 'failure'
  | 'local'
  | 'interface'
  | 'roundTrip'
  | 'retransmits'
  | 'age';

export interface Column {
  id: ColumnId;
  title: string;
  /** In lists, where there is more room. */
  name: string;
  /** The title in full, for tooltips and screen readers. */
  description: string;
  /** Figures stand at the right and sort from the largest down at first. */
  numeric: boolean;
  /** Pixels it takes at least, and its share of the width that is left. */
  width: number;
  share: number;
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

function totalTooltip(inRange: number | undefined, wire: number, payload: number): string {
  const whole = plural(
    wire,
    '{0} byte on the wire, {1} of it payload',
    '{0} bytes on the wire, {1} of them payload',
    formatCount(payload),
  );
  return inRange === undefined
    ? whole
    : plural(
        inRange,
        '{0} byte in the chosen range; in all {1}',
        '{0} bytes in the chosen range; in all {1}',
        whole,
      );
}

/** A tooltip, with what there is to say of estimates in lines of their own. */
function withNotes(text: string, flow: PanelFlow): string {
  return [text, ...estimateNotes(flow, texts)].join('\n');
}

/** States as `ss` names them: they are what people look for, in every language. */
function stateText(state: FlowState): string {
  return state === 'closed' ? t('closed') : state;
}

/** Bytes of a connection in the chosen range, or since the beginning where none is chosen. */
const sentTotal = ({ moved, flow }: Connection): number => moved?.tx ?? flow.txBytes;
const receivedTotal = ({ moved, flow }: Connection): number => moved?.rx ?? flow.rxBytes;

export const columns: readonly Column[] = [
  {
    id: 'process',
    title: t('Process'),
    name: t('Process'),
    description: t('Process name and id'),
    numeric: false,
    width: 148,
    share: 1.3,
    text: ({ processText }) => processText,
    compare: byKey(({ processKey }) => processKey),
  },
  {
    id: 'protocol',
    title: t('Prot.'),
    name: t('Protocol'),
    description: t('Protocol'),
    numeric: false,
    width: 72,
    share: 0.4,
    text: ({ protocolText }) => protocolText,
    compare: byKey(({ protocolText }) => protocolText),
    tooltip: ({ flow, protocolText }) =>
      flow.application === undefined
        ? protocolText
        : t('{0} over {1}', protocolText, flow.protocol.toUpperCase()),
  },
  {
    id: 'host',
    title: t('Host'),
    name: t('Host'),
    description: t('Name of the peer, or its address where no name is known'),
    numeric: false,
    width: 140,
    share: 1.3,
    text: ({ hostText }) => hostText,
    compare: byKey(({ hostKey }) => hostKey),
    empty: ({ flow }) => flow.host === undefined,
  },
  {
    id: 'remote',
    title: t('Remote'),
    name: t('Remote address'),
    description: t('Remote address and port'),
    numeric: false,
    width: 160,
    share: 1.5,
    text: ({ remoteText }) => remoteText,
    compare: byKey(({ remoteKey }) => remoteKey),
    tooltip: ({ remoteText, addressText }) =>
      remoteText === addressText ? remoteText : `${remoteText} (${addressText})`,
  },
  {
    id: 'sentRate',
    title: t('↑ Rate'),
    name: t('Sending'),
    description: t('Sent, bytes per second on the wire'),
    numeric: true,
    width: 86,
    share: 0,
    text: ({ flow }) => markedSent(formatRate(flow.txRate), flow),
    compare: byNumber(({ flow }) => flow.txRate),
    tooltip: ({ flow }) => withNotes(formatRate(flow.txRate), flow),
    empty: ({ flow }) => flow.txRate === 0,
  },
  {
    id: 'receivedRate',
    title: t('↓ Rate'),
    name: t('Receiving'),
    description: t('Received, bytes per second on the wire'),
    numeric: true,
    width: 86,
    share: 0,
    text: ({ flow }) => marked(formatRate(flow.rxRate), flow),
    compare: byNumber(({ flow }) => flow.rxRate),
    tooltip: ({ flow }) => withNotes(formatRate(flow.rxRate), flow),
    empty: ({ flow }) => flow.rxRate === 0,
  },
  {
    id: 'sentTotal',
    title: t('↑ Total'),
    name: t('Sent'),
    description: t('Sent in total, bytes on the wire'),
    numeric: true,
    width: 94,
    share: 0,
    text: (connection) => markedSent(formatBytes(sentTotal(connection)), connection.flow),
    compare: byNumber(sentTotal),
    tooltip: ({ flow, moved }) => withNotes(totalTooltip(moved?.tx, flow.txBytes, flow.payloadTxBytes), flow),
    empty: (connection) => sentTotal(connection) === 0,
  },
  {
    id: 'receivedTotal',
    title: t('↓ Total'),
    name: t('Received'),
    description: t('Received in total, bytes on the wire'),
    numeric: true,
    width: 94,
    share: 0,
    text: (connection) => marked(formatBytes(receivedTotal(connection)), connection.flow),
    compare: byNumber(receivedTotal),
    tooltip: ({ flow, moved }) => withNotes(totalTooltip(moved?.rx, flow.rxBytes, flow.payloadRxBytes), flow),
    empty: (connection) => receivedTotal(connection) === 0,
  },
  {
    id: 'state',
    title: t('State'),
    name: t('State'),
    description: t('State of the connection'),
    numeric: false,
    width: 92,
    share: 0.5,
    text: ({ flow, failureText }) =>
      failureText === '' ? stateText(flow.state) : t('failed: {0}', failureText),
    compare: byKey(({ flow }) => flow.state),
  },
  {
    id: 'failure',
    title: t('Failure'),
    name: t('Failure'),
    description: t('Why the connection failed'),
    numeric: false,
    width: 112,
    share: 0.6,
    text: ({ failureText }) => failureText,
    compare: byKey(({ failureText }) => failureText),
  },
  {
    id: 'local',
    title: t('Local'),
    name: t('Local address'),
    description: t('Local address and port'),
    numeric: false,
    width: 144,
    share: 1,
    text: ({ localText }) => localText,
    compare: byKey(({ localKey }) => localKey),
    tooltip: ({ localText, flow }) => t('{0} on interface {1}', localText, sanitise(flow.interface)),
  },
  {
    id: 'interface',
    title: t('Interface'),
    name: t('Interface'),
    description: t('Network interface'),
    numeric: false,
    width: 74,
    share: 0,
    text: ({ flow }) => sanitise(flow.interface),
    compare: byKey(({ flow }) => flow.interface),
  },
  {
    id: 'roundTrip',
    title: t('RTT'),
    name: t('Round trip'),
    description: t('Smoothed round-trip time'),
    numeric: true,
    width: 74,
    share: 0,
    text: ({ flow }) => formatMicroseconds(flow.rttMicros),
    compare: byNumber(({ flow }) => flow.rttMicros),
    empty: ({ flow }) => flow.rttMicros === 0,
  },
  {
    id: 'retransmits',
    title: t('Retr.'),
    name: t('Retransmits'),
    description: t('Retransmitted segments'),
    numeric: true,
    width: 58,
    share: 0,
    text: ({ flow }) => (flow.protocol === 'tcp' ? formatCount(flow.retransmits) : unknownMark),
    compare: byNumber(({ flow }) => flow.retransmits),
    empty: ({ flow }) => flow.retransmits === 0,
  },
  {
    id: 'age',
    title: t('Age'),
    name: t('Age'),
    description: t('How long the connection has been open'),
    numeric: true,
    width: 92,
    share: 0,
    text: (connection, nowMillis) => {
      const age = ageMillis(connection, nowMillis);
      return age === undefined ? unknownMark : formatDuration(Math.max(age, 100));
    },
    // Of two open connections the one that was opened earlier is the older one.
    compare: byNumber(({ flow }) => -flow.openedMillis),
    tooltip: ({ flow }) =>
      Number.isNaN(flow.openedMillis)
        ? ''
        : t('Opened {0}', new Date(flow.openedMillis).toLocaleTimeString('en-GB')),
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
