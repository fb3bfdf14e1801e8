// What the tables of `watch` and `run` say: a heading, every process, and its connections beneath it.
import { Chalk, type ChalkInstance } from 'chalk';
import {
  formatBytes,
  formatDuration,
  formatEndpoint,
  formatMicroseconds,
  formatQuantity,
  formatRate,
} from '../../../src/shared/format';
import { type FlowGrouping, groupOf } from '../../../src/shared/flow-filter';
import { peerLabel, spokenLabel } from '../../../src/shared/flow-label';
import type { DroppedCounters, FlowSample, ProcessSample, Usage } from '../../../src/shared/protocol';
import { processTitle } from '../../../src/shared/process-title';
import { reasonText } from '../../../src/shared/reason-text';
import { sanitise } from '../../../src/shared/sanitise';
import { displayWidth, drawTable, truncate, type Column, type Row } from './columns';
import { keysOfTop, type ProcessOrder } from './process-orders';
import type { Tally, TalliedProcess } from './tally';
import { Ranking, type Ranked } from './ranking';

type ColumnId =
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

const rateColumns: Column<ColumnId>[] = [
  { id: 'sentRate', title: '↑ RATE', width: 9, align: 'right', leaves: 12 },
  { id: 'receivedRate', title: '↓ RATE', width: 9, align: 'right', leaves: 12 },
];

const otherColumns: Column<ColumnId>[] = [
  { id: 'sentTotal', title: '↑ TOTAL', width: 7, align: 'right', leaves: 12 },
  { id: 'receivedTotal', title: '↓ TOTAL', width: 7, align: 'right', leaves: 12 },
  { id: 'state', title: 'STATE', width: 11, align: 'left', leaves: 26 },
  { id: 'application', title: 'PROTOCOL', width: 16, align: 'left', leaves: 26 },
  { id: 'roundTrip', title: 'RTT', width: 7, align: 'right', leaves: connectionWidth },
  { id: 'interface', title: 'INTERFACE', width: 10, align: 'left', leaves: connectionWidth },
  { id: 'sentPayload', title: '↑ DATA', width: 7, align: 'right', leaves: connectionWidth },
  { id: 'receivedPayload', title: '↓ DATA', width: 7, align: 'right', leaves: connectionWidth },
  { id: 'retransmits', title: 'RESENT', width: 6, align: 'right', leaves: connectionWidth },
  { id: 'reason', title: 'REASON', width: 20, align: 'left', leaves: connectionWidth },
  { id: 'connectTime', title: 'CONNECT', width: 7, align: 'right', leaves: connectionWidth },
];

/** Of processes without their connections. */
const userColumn: Column<ColumnId> = { id: 'user', title: 'USER', width: 10, align: 'left', leaves: 26 };

const displayOrder: ColumnId[] = [
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

const columnsOfProcesses = new Set<ColumnId>([
  'sentTotal',
  'receivedTotal',
  'state',
  'sentPayload',
  'receivedPayload',
]);

/** Stands before a process or connection of whose figures some may be another process's. */
const estimateMark = '~';

const labelTitle = 'PROCESS / CONNECTION';

/** Lines beneath one connection in the summary. */
const maximumRequestRows = 8;

export interface ViewSize {
  /** Terminal columns; `Infinity` where the output is no terminal. */
  columns: number;
  /** Terminal rows; `Infinity` where the output is no terminal. */
  rows: number;
}

export interface ViewStyle {
  colours: boolean;
  /** Puts connections together by this instead of by process. */
  groupBy?: FlowGrouping;
  /** Shows processes without their connections, in this order at first. */
  sortBy?: ProcessOrder;
}

/** Draws what is in a tally. Keeps the order of the rows from one drawing to the next. */
export class MonitorView {
  readonly #chalk: ChalkInstance;
  readonly #processOrder = new Ranking<string>();
  readonly #flowOrder = new Ranking<number>();

  /** Shows processes without their connections, in this order; undefined with them. */
  sortBy: ProcessOrder | undefined;

  constructor(private readonly style: ViewStyle) {
    this.#chalk = new Chalk({ level: style.colours ? 1 : 0 });
    this.sortBy = style.sortBy;
  }

  /**
   * The state right now: processes that live or were busy a moment ago, with their open connections.
   * @param elapsedMillis time since the command started
   * @returns lines without line ends, at most as many and as wide as the window has room for
   */
  live(tally: Tally, elapsedMillis: number, size: ViewSize): string[] {
    const processes = tally
      .processes()
      .map(({ process, flows }) => ({ process, flows: flows.filter(isCurrent) }))
      .filter(({ process, flows }) => process.alive || flows.length > 0 || isMoving(process));
    const total = tally.wireTotal();
    const heading = [
      `↑ ${formatRate(total.rates.tx)}  ↓ ${formatRate(total.rates.rx)}`,
      `total ↑ ${formatBytes(total.bytes.tx)}  ↓ ${formatBytes(total.bytes.rx)}`,
      formatQuantity(processes.length, 'process', 'processes'),
      formatDuration(elapsedMillis),
    ];
    const rows = this.#rows(processes);
    const notes = notesOn(processes, tally.dropped);
    const help = this.sortBy === undefined || size.rows === Infinity ? [] : [`${keysOfTop}.`];
    const fixedLines = 2 + notes.length + help.length;
    const shown = crop(rows, size.rows - fixedLines);
    const lines = [
      this.#chalk.bold(joinThatFits(heading, size.columns)),
      ...this.#table([...rateColumns, ...this.#otherColumns], shown, size.columns),
    ];
    for (const note of notes) lines.push(this.#chalk.yellow(truncate(note, size.columns)));
    for (const line of help) lines.push(this.#chalk.dim(truncate(line, size.columns)));
    return lines;
  }

  /**
   * What the whole run came to: every process and every connection, closed ones included.
   * @param elapsedMillis time from start to end
   */
  summary(tally: Tally, elapsedMillis: number, size: ViewSize): string[] {
    const processes = tally.processes();
    const { bytes } = tally.wireTotal();
    const connections = processes.reduce((amount, { flows }) => amount + flows.length, 0);
    const heading = [
      `↑ ${formatBytes(bytes.tx)}  ↓ ${formatBytes(bytes.rx)} on the wire`,
      `in ${formatDuration(elapsedMillis)}`,
      formatQuantity(processes.length + tally.omittedProcesses, 'process', 'processes'),
      formatQuantity(connections + tally.omittedFlows, 'connection'),
    ];
    const lines = [this.#chalk.bold(joinThatFits(heading, size.columns))];
    const rows = this.#rows(processes, (flow) => this.#requestRows(tally, flow));
    lines.push(...this.#table(this.#otherColumns, rows, size.columns));
    for (const note of notesOn(processes, tally.dropped, tally)) {
      lines.push(this.#chalk.yellow(truncate(note, size.columns)));
    }
    return lines;
  }

  /** @param below what stands beneath a connection */
  #rows(
    processes: TalliedProcess[],
    below: (flow: FlowSample) => Row<ColumnId>[] = () => [],
  ): Row<ColumnId>[] {
    const { groupBy } = this.style;
    if (groupBy !== undefined) return this.#groupedRows(processes, groupBy, below);
    const ordered = this.#ordered(processes);
    if (this.sortBy !== undefined) return ordered.map(({ process }) => this.#processRow(process));
    const order = new Map(
      this.#flowOrder
        .order(
          processes.flatMap(({ flows }) => flows),
          ({ id }) => id,
          measure,
        )
        .map((flow, index) => [flow.id, index]),
    );
    const place = (flow: FlowSample): number => order.get(flow.id) ?? 0;
    return ordered.flatMap(({ process, flows }) => [
      this.#processRow(process),
      ...flows
        .toSorted((a, b) => place(a) - place(b))
        .flatMap((flow) => [this.#flowRow(flow), ...below(flow)]),
    ]);
  }

  get #otherColumns(): Column<ColumnId>[] {
    return this.sortBy === undefined
      ? otherColumns
      : [userColumn, ...otherColumns.filter(({ id }) => columnsOfProcesses.has(id))];
  }

  #ordered(processes: TalliedProcess[]): TalliedProcess[] {
    if (this.sortBy !== undefined && this.sortBy !== 'rate') {
      return processes.toSorted(comparisons[this.sortBy]);
    }
    return this.#processOrder.order(
      processes,
      ({ process }) => `${String(process.pid)}/${String(process.startTicks)}`,
      ({ process }) => measure(process),
    );
  }

  #groupedRows(
    processes: TalliedProcess[],
    grouping: FlowGrouping,
    below: (flow: FlowSample) => Row<ColumnId>[],
  ): Row<ColumnId>[] {
    const groups = new Map<string, FlowSample[]>();
    for (const { flows } of processes) {
      for (const flow of flows) {
        const name = groupOf(flow, grouping);
        groups.set(name, [...(groups.get(name) ?? []), flow]);
      }
    }
    const usages = [...groups].map(([name, flows]) => ({ name, flows, usage: sumOf(flows) }));
    const ordered = this.#processOrder.order(
      usages,
      ({ name }) => name,
      ({ usage }) => measure(usage),
    );
    return ordered.flatMap(({ name, flows, usage }) => [
      this.#groupRow(name, flows.length, usage),
      ...flows.flatMap((flow) => [this.#flowRow(flow), ...below(flow)]),
    ]);
  }

  #groupRow(name: string, connections: number, usage: Usage): Row<ColumnId> {
    const chalk = this.#chalk;
    return {
      label: (width) => truncate(name, width),
      cells: { ...usageCells(usage), state: formatQuantity(connections, 'flow') },
      style: (text, column) => (column === 'label' ? chalk.bold.cyan(text) : chalk.bold(text)),
    };
  }

  /** What was said on a connection, the same requests together. */
  #requestRows(tally: Tally, flow: FlowSample): Row<ColumnId>[] {
    const lines = tally.factsOf(flow.id)?.lines(maximumRequestRows) ?? [];
    return lines.map((line) => ({
      label: (width) => `    ${truncate(line, width - 4)}`,
      cells: {},
      style: (text) => this.#chalk.dim(text),
    }));
  }

  #processRow(process: ProcessSample): Row<ColumnId> {
    const chalk = this.#chalk;
    const pid = `(${String(process.pid)})`;
    const mark = process.estimate === true ? estimateMark : '';
    const name = `${mark}${sanitise(processTitle(process)) || '?'}`;
    return {
      label: (width) => `${truncate(name, Math.max(width - pid.length - 1, 4))} ${pid}`,
      cells: {
        ...usageCells(process),
        user: sanitise(process.user, 64),
        state: process.alive ? `${String(process.openFlows)} open` : 'exited',
      },
      style: (text, column) => {
        if (!process.alive) return chalk.dim(text);
        return column === 'label' ? chalk.bold.cyan(text) : chalk.bold(text);
      },
    };
  }

  #flowRow(flow: FlowSample): Row<ColumnId> {
    const chalk = this.#chalk;
    return {
      label: (width) =>
        `${flow.estimate === true ? ` ${estimateMark}` : '  '}${connectionLabel(flow, width - 2)}`,
      cells: flowCells(flow),
      style: (text, column) => {
        if (flow.state === 'closed') return chalk.dim(text);
        if (column === 'state') return flow.state === 'established' ? chalk.green(text) : chalk.yellow(text);
        return text;
      },
    };
  }

  #table(priority: Column<ColumnId>[], rows: Row<ColumnId>[], width: number): string[] {
    return drawTable(
      this.sortBy === undefined ? labelTitle : 'PROCESS',
      priority,
      displayOrder,
      rows,
      width,
      (text) => this.#chalk.underline(text),
    );
  }
}

/** The longest way of writing a connection that fits: the remote end goes last. */
export function connectionLabel(
  flow: Pick<FlowSample, 'protocol' | 'local' | 'remote' | 'host'>,
  width: number,
): string {
  const local = sanitise(formatEndpoint(flow.local));
  const remote = peerLabel(flow);
  if (remote === undefined) return truncate(`${flow.protocol} ${local}`, width);
  const forms = [
    `${flow.protocol} ${local} → ${remote}`,
    ...(flow.local.port === 0 ? [] : [`${flow.protocol} :${String(flow.local.port)} → ${remote}`]),
    `${flow.protocol} → ${remote}`,
    `→ ${remote}`,
  ];
  const fitting = forms.find((form) => displayWidth(form) <= width);
  if (fitting !== undefined) return fitting;
  if (flow.remote?.port === 0) return truncate(`→ ${remote}`, width);
  // The port says more than the end of a long address.
  const port = remote.slice(Math.max(remote.lastIndexOf(':'), 0));
  if (port === remote) return truncate(`→ ${remote}`, width);
  return `${truncate(`→ ${remote.slice(0, -port.length)}`, width - port.length)}${truncate(port, width)}`;
}

function usageCells({ wire, payload, rates }: Usage): Row<ColumnId>['cells'] {
  return {
    sentRate: formatRate(rates.wire.tx),
    receivedRate: formatRate(rates.wire.rx),
    sentTotal: formatBytes(wire.txBytes),
    receivedTotal: formatBytes(wire.rxBytes),
    sentPayload: formatBytes(payload.txBytes),
    receivedPayload: formatBytes(payload.rxBytes),
  };
}

function flowCells(flow: FlowSample): Row<ColumnId>['cells'] {
  return {
    ...usageCells(flow),
    ...(flow.wireEstimate === true && {
      sentTotal: `≈ ${formatBytes(flow.wire.txBytes)}`,
      receivedTotal: `≈ ${formatBytes(flow.wire.rxBytes)}`,
    }),
    state: flow.state,
    application: spokenLabel(flow),
    reason: reasonText(flow.reason),
    connectTime: flow.protocol === 'tcp' ? formatMicroseconds(flow.connectMicros ?? 0) : '',
    interface: sanitise(flow.interface),
    roundTrip: flow.protocol === 'tcp' ? formatMicroseconds(flow.rttMicros) : '',
    retransmits: flow.protocol === 'tcp' ? String(flow.retransmits) : '',
  };
}

function sumOf(flows: readonly FlowSample[]): Usage {
  const sum: Usage = {
    wire: { txBytes: 0, rxBytes: 0, txPackets: 0, rxPackets: 0 },
    payload: { txBytes: 0, rxBytes: 0 },
    rates: { wire: { tx: 0, rx: 0 }, payload: { tx: 0, rx: 0 } },
  };
  for (const { wire, payload, rates } of flows) {
    sum.wire.txBytes += wire.txBytes;
    sum.wire.rxBytes += wire.rxBytes;
    sum.payload.txBytes += payload.txBytes;
    sum.payload.rxBytes += payload.rxBytes;
    sum.rates.wire.tx += rates.wire.tx;
    sum.rates.wire.rx += rates.wire.rx;
  }
  return sum;
}

type Comparison = (one: TalliedProcess, other: TalliedProcess) => number;

const descending =
  (figure: (process: ProcessSample) => number): Comparison =>
  ({ process: one }, { process: other }) =>
    figure(other) - figure(one) || one.pid - other.pid;

const comparisons: Record<Exclude<ProcessOrder, 'rate'>, Comparison> = {
  total: descending(({ wire }) => wire.txBytes + wire.rxBytes),
  sent: descending(({ rates }) => rates.wire.tx),
  received: descending(({ rates }) => rates.wire.rx),
  connections: descending(({ openFlows }) => openFlows),
  name: ({ process: one }, { process: other }) =>
    processTitle(one).localeCompare(processTitle(other)) || one.pid - other.pid,
  pid: ({ process: one }, { process: other }) => one.pid - other.pid,
};

function measure({ rates, wire }: Usage): Ranked {
  return { rate: rates.wire.tx + rates.wire.rx, total: wire.txBytes + wire.rxBytes };
}

function isMoving({ rates }: Usage): boolean {
  return rates.wire.tx > 0 || rates.wire.rx > 0;
}

function isCurrent(flow: FlowSample): boolean {
  return flow.state !== 'closed' || isMoving(flow);
}

/** As many rows as there is room for; the last one then says how many are not shown. */
function crop(rows: Row<ColumnId>[], room: number): Row<ColumnId>[] {
  if (rows.length <= room) return rows;
  const kept = Math.max(room - 1, 0);
  const hidden = rows.length - kept;
  return [...rows.slice(0, kept), { label: () => `… ${formatQuantity(hidden, 'more row')}`, cells: {} }];
}

/** The parts that fit, from the first on. */
function joinThatFits(parts: readonly string[], width: number): string {
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : `${line} · ${part}`;
    if (displayWidth(longer) > width) break;
    line = longer;
  }
  return line === '' ? truncate(parts[0] ?? '', width) : line;
}

/** What a list left out for want of room. */
type Omitted = Pick<Tally, 'omittedFlows' | 'omittedProcesses'>;

/** Sentences on what the figures lack, and what their marks mean. */
function notesOn(
  processes: readonly TalliedProcess[],
  dropped: DroppedCounters,
  omitted: Omitted = { omittedFlows: 0, omittedProcesses: 0 },
): string[] {
  const isEstimate = processes.some(
    ({ process, flows }) => process.estimate === true || flows.some(({ estimate }) => estimate === true),
  );
  return [
    droppedNote(dropped, omitted),
    isEstimate ? `${estimateMark} Some of it may be another process's that had the same socket.` : undefined,
  ].filter((note) => note !== undefined);
}

/** A sentence on what the figures lack, or undefined when they are complete. */
function droppedNote(
  dropped: DroppedCounters,
  { omittedFlows, omittedProcesses }: Omitted,
): string | undefined {
  const parts = [
    dropped.events > 0 ? formatQuantity(dropped.events, 'event') : '',
    dropped.flows > 0
      ? `connections of ${formatQuantity(dropped.flows, 'packet')}, counted on their process`
      : '',
    dropped.connections > 0
      ? `${formatQuantity(dropped.connections, 'connection')} beyond the limit, counted on their process`
      : '',
    dropped.processes > 0 ? formatQuantity(dropped.processes, 'process', 'processes') : '',
    dropped.inspections > 0 ? formatQuantity(dropped.inspections, 'look at payload', 'looks at payload') : '',
    dropped.facts > 0 ? formatQuantity(dropped.facts, 'request') : '',
    omittedProcesses > 0
      ? `${formatQuantity(omittedProcesses, 'process', 'processes')} that exited, too many for the list`
      : '',
    omittedFlows > 0 ? `${formatQuantity(omittedFlows, 'connection')} too many for the list` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : `Not shown: ${parts.join(', ')}.`;
}
