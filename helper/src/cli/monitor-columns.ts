// The columns of the table of processes and connections: how wide each is, where it stands, and which come first into a
// narrow window.
import type { Column } from './columns';

export type MonitorColumn =
  | 'user'
  | 'sentRate'
  | 'receivedRate'
  | 'sentTotal'
  | 'receivedTotal'
  | 'state'
  | 'application'
  | 'roundTrip'
  | 'interface'
  | 'sentPayload'
  | 'receivedPayload'
  | 'retransmits'
  | 'reason'
  | 'connectTime';

/** As wide as `tcp 192.168.100.100:40000 → 192.168.100.100:443`, less what may be cut without loss. */
const connectionWidth = 38;

/** What moves right now, in the order in which the columns matter. */
const rateColumns: Column<MonitorColumn>[] = [
  { id: 'sentRate', title: '↑ RATE', width: 9, align: 'right', leaves: 12 },
  { id: 'receivedRate', title: '↓ RATE', width: 9, align: 'right', leaves: 12 },
];

/** The rest, in the order in which they matter. Amounts have room for the mark of an estimate. */
const otherColumns: Column<MonitorColumn>[] = [
  { id: 'sentTotal', title: '↑ TOTAL', width: 8, align: 'right', leaves: 12 },
  { id: 'receivedTotal', title: '↓ TOTAL', width: 8, align: 'right', leaves: 12 },
  { id: 'state', title: 'STATE', width: 11, align: 'left', leaves: 25 },
  { id: 'application', title: 'PROTOCOL', width: 16, align: 'left', leaves: 26 },
  { id: 'roundTrip', title: 'RTT', width: 7, align: 'right', leaves: connectionWidth },
  { id: 'interface', title: 'INTERFACE', width: 10, align: 'left', leaves: connectionWidth },
  { id: 'sentPayload', title: '↑ DATA', width: 8, align: 'right', leaves: connectionWidth },
  { id: 'receivedPayload', title: '↓ DATA', width: 8, align: 'right', leaves: connectionWidth },
  { id: 'retransmits', title: 'RESENT', width: 6, align: 'right', leaves: connectionWidth },
  { id: 'reason', title: 'REASON', width: 20, align: 'left', leaves: connectionWidth },
  { id: 'connectTime', title: 'CONNECT', width: 7, align: 'right', leaves: connectionWidth },
];

/** Of processes without their connections. */
const userColumn: Column<MonitorColumn> = { id: 'user', title: 'USER', width: 10, align: 'left', leaves: 26 };

/** All columns as they stand, left to right. */
export const displayOrder: MonitorColumn[] = [
  'user',
  'application',
  'sentRate',
  'receivedRate',
  'sentTotal',
  'receivedTotal',
  'sentPayload',
  'receivedPayload',
  'state',
  'reason',
  'interface',
  'connectTime',
  'roundTrip',
  'retransmits',
];

/** Of the others, those that say something of a process without its connections. */
const columnsOfProcesses = new Set<MonitorColumn>([
  'sentTotal',
  'receivedTotal',
  'state',
  'sentPayload',
  'receivedPayload',
]);

/**
 * The columns in the order in which they matter.
 * @param shows whether rates are among them, and whether the rows are processes only
 */
export function monitorColumns(shows: { rates: boolean; processesOnly: boolean }): Column<MonitorColumn>[] {
  const others = shows.processesOnly
    ? [userColumn, ...otherColumns.filter(({ id }) => columnsOfProcesses.has(id))]
    : otherColumns;
  return shows.rates ? [...rateColumns, ...others] : others;
}
