// A session in formats of others: CSV, JSON, and HAR for the requests that were seen.
import { estimateNotes } from '../../shared/estimate';
import { formatEndpoint } from '../../shared/format';
import { processTitle } from '../../shared/process-title';
import type { FlowSample } from '../../shared/protocol';
import { sanitise } from '../../shared/sanitise';
import { applicationOf, failureOf, hostOf } from '../flow-names';
import type { SeenRequest } from '../history/request-log';
import type { WatchedSession } from '../sessions';

/** One connection, as CSV and JSON tell it. Bytes are those on the wire unless the name says payload. */
interface ExportedConnection {
  process: string;
  pid: number;
  protocol: string;
  application: string;
  host: string;
  local: string;
  remote: string;
  interface: string;
  state: string;
  failure: string;
  openedAt: string;
  sentBytes: number;
  receivedBytes: number;
  payloadSentBytes: number;
  payloadReceivedBytes: number;
  sentBytesPerSecond: number;
  receivedBytesPerSecond: number;
  roundTripMicros: number;
  retransmits: number;
  /** `~` or `≈` and why, where figures are estimates; empty elsewhere. */
  estimate: string;
}

function exportConnection(session: WatchedSession, flow: FlowSample): ExportedConnection {
  const process = session.processes.get(flow.pid);
  return {
    process: process === undefined ? '' : sanitise(processTitle(process)),
    pid: flow.pid,
    protocol: flow.protocol,
    application: applicationOf(flow) ?? '',
    host: hostOf(flow) ?? '',
    local: formatEndpoint(flow.local),
    remote: flow.remote === undefined ? '' : formatEndpoint(flow.remote),
    interface: sanitise(flow.interface),
    state: flow.state,
    failure: failureOf(flow) ?? '',
    openedAt: flow.openedAt,
    sentBytes: flow.wire.txBytes,
    receivedBytes: flow.wire.rxBytes,
    payloadSentBytes: flow.payload.txBytes,
    payloadReceivedBytes: flow.payload.rxBytes,
    sentBytesPerSecond: flow.rates.wire.tx,
    receivedBytesPerSecond: flow.rates.wire.rx,
    roundTripMicros: flow.rttMicros,
    retransmits: flow.retransmits,
    estimate: estimateNotes(flow).join(' '),
  };
}

/** One line a connection, under a line of names. RFC 4180. */
export function toCsv(session: WatchedSession, flows: Iterable<FlowSample>): string {
  const rows = [...flows].map((flow) => exportConnection(session, flow));
  const names: (keyof ExportedConnection)[] = [
    ...([
      'process',
      'pid',
      'protocol',
      'application',
      'host',
      'local',
      'remote',
      'interface',
      'state',
    ] as const),
    ...(['failure', 'openedAt', 'sentBytes', 'receivedBytes', 'payloadSentBytes'] as const),
    ...(['payloadReceivedBytes', 'sentBytesPerSecond', 'receivedBytesPerSecond'] as const),
    ...(['roundTripMicros', 'retransmits', 'estimate'] as const),
  ];
  const lines = rows.map((row) => names.map((name) => csvCell(row[name])).join(','));
  return [names.join(','), ...lines, ''].join('\r\n');
}

/** A spreadsheet takes what begins with these for a formula: names are other people's bytes. */
const formula = /^[=+\-@\t\r]/;

function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const harmless = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Totals, connections and history as one JSON document. */
export function toJson(session: WatchedSession, flows: Iterable<FlowSample>): string {
  const { label, startedAt, total, history, marks } = session;
  const document = {
    session: sanitise(label),
    startedAt: new Date(startedAt).toISOString(),
    total: { wire: total.wire, payload: total.payload, estimate: estimateNotes(total).join(' ') },
    connections: [...flows].map((flow) => exportConnection(session, flow)),
    history: history.map(({ timeMillis, spanMillis, txBytes, rxBytes }) => ({
      time: new Date(timeMillis).toISOString(),
      spanMillis,
      sentBytes: txBytes,
      receivedBytes: rxBytes,
    })),
    marks: marks.map(({ timeMillis, kind, detail }) => ({
      time: new Date(timeMillis).toISOString(),
      kind,
      detail,
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** The requests that were seen, as HAR 1.2. What was not looked at (headers, query, bodies) is empty there. */
export function toHar(session: WatchedSession, version: string): string {
  const entries = session.requests.all.map(harEntry);
  const creator = { name: 'ProcNetMon', version };
  return `${JSON.stringify({ log: { version: '1.2', creator, entries } }, undefined, 2)}\n`;
}

function harEntry({ fact, remote, host }: SeenRequest): object {
  const wait = fact.latencyMicros === undefined ? -1 : fact.latencyMicros / 1_000;
  const httpVersion = sanitise(fact.version, 32);
  const authority = sanitise(host ?? (remote === undefined ? 'unknown' : formatEndpoint(remote)));
  return {
    startedDateTime: fact.time,
    time: Math.max(0, wait),
    request: {
      method: sanitise(fact.method, 32),
      url: `http://${authority}${sanitise(fact.path, 512)}`,
      httpVersion,
      cookies: [],
      headers: [],
      queryString: [],
      headersSize: -1,
      bodySize: -1,
    },
    response: {
      status: fact.status ?? 0,
      statusText: '',
      httpVersion,
      cookies: [],
      headers: [],
      content: { size: -1, mimeType: '' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: Math.max(0, wait), receive: 0 },
    ...(remote === undefined ? {} : { serverIPAddress: remote.address }),
    connection: String(fact.flow),
    comment: fact.requestedBy === 'local' ? 'sent by the program' : 'received by the program',
  };
}
