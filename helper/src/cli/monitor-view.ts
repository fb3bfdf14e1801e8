// What the tables of `watch`, `run` and `top` show: a heading, every process with its connections beneath it, and notes.
import { Chalk, type ChalkInstance } from 'chalk';
import { formatDuration, formatQuantity, formatRate } from '../../../src/shared/format';
import { type FlowGrouping, groupOf } from '../../../src/shared/flow-filter';
import type { FlowSample, Usage } from '../../../src/shared/protocol';
import { addUsages } from '../../../src/shared/usage';
import { displayWidth, drawTable, truncate } from './columns';
import { displayOrder, monitorColumns } from './monitor-columns';
import { notesOn } from './monitor-notes';
import { flowRow, groupRow, type MonitorRow, processRow, requestRow, wireBytes } from './monitor-rows';
import type { OutputSize } from './output';
import { keysOfTop, type ProcessOrder } from './process-orders';
import { RowOrder } from './row-order';
import type { Tally, TalliedProcess } from './tally';

/** Lines beneath one connection in the summary. */
const maximumRequestRows = 8;

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
  readonly #order = new RowOrder();

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
  live(tally: Tally, elapsedMillis: number, size: OutputSize): string[] {
    const processes = tally
      .processes()
      .map(({ process, flows }) => ({ process, flows: flows.filter(isCurrent) }))
      .filter(({ process, flows }) => process.alive || flows.length > 0 || isMoving(process));
    const total = tally.wireTotal();
    const heading = [
      `↑ ${formatRate(total.rates.tx)}  ↓ ${formatRate(total.rates.rx)}`,
      `total ↑ ${wireBytes(total.bytes.tx, total)}  ↓ ${wireBytes(total.bytes.rx, total)}`,
      formatQuantity(processes.length, 'process', 'processes'),
      formatDuration(elapsedMillis),
    ];
    const rows = this.#rows(processes);
    const notes = notesOn(processes, tally.dropped);
    const help = this.sortBy === undefined || size.rows === Infinity ? [] : [`${keysOfTop}.`];
    const fixedLines = 2 + notes.length + help.length;
    const shown = crop(rows, size.rows - fixedLines);
    return [
      this.#chalk.bold(joinThatFits(heading, size.columns)),
      ...this.#table({ rates: true }, shown, size.columns),
      ...notes.map((note) => this.#chalk.yellow(truncate(note, size.columns))),
      ...help.map((line) => this.#chalk.dim(truncate(line, size.columns))),
    ];
  }

  /**
   * What the whole run came to: every process and every connection, closed ones included.
   * @param elapsedMillis time from start to end
   */
  summary(tally: Tally, elapsedMillis: number, size: OutputSize): string[] {
    const processes = tally.processes();
    const { bytes, ...marks } = tally.wireTotal();
    const connections = processes.reduce((amount, { flows }) => amount + flows.length, 0);
    const heading = [
      `↑ ${wireBytes(bytes.tx, marks)}  ↓ ${wireBytes(bytes.rx, marks)} on the wire`,
      `in ${formatDuration(elapsedMillis)}`,
      formatQuantity(processes.length + tally.omittedProcesses, 'process', 'processes'),
      formatQuantity(connections + tally.omittedFlows, 'connection'),
    ];
    const rows = this.#rows(processes, ({ id }) => tally.factsOf(id)?.lines(maximumRequestRows) ?? []);
    return [
      this.#chalk.bold(joinThatFits(heading, size.columns)),
      ...this.#table({ rates: false }, rows, size.columns),
      ...notesOn(processes, tally.dropped, tally).map((note) =>
        this.#chalk.yellow(truncate(note, size.columns)),
      ),
    ];
  }

  /** @param requestsOf lines on what was said on a connection, which stand beneath it */
  #rows(
    processes: TalliedProcess[],
    requestsOf: (flow: FlowSample) => readonly string[] = () => [],
  ): MonitorRow[] {
    const withRequests = (flow: FlowSample): MonitorRow[] => [
      flowRow(this.#chalk, flow),
      ...requestsOf(flow).map((line) => requestRow(this.#chalk, line)),
    ];
    const { groupBy } = this.style;
    if (groupBy !== undefined) return this.#groupedRows(processes, groupBy, withRequests);
    const ordered = this.#order.processes(processes, this.sortBy);
    if (this.sortBy !== undefined) return ordered.map(({ process }) => processRow(this.#chalk, process));
    const place = new Map(
      this.#order.flows(processes.flatMap(({ flows }) => flows)).map((flow, index) => [flow.id, index]),
    );
    return ordered.flatMap(({ process, flows }) => [
      processRow(this.#chalk, process),
      ...flows.toSorted((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0)).flatMap(withRequests),
    ]);
  }

  #groupedRows(
    processes: TalliedProcess[],
    grouping: FlowGrouping,
    rowsOf: (flow: FlowSample) => MonitorRow[],
  ): MonitorRow[] {
    const flowsByName = Map.groupBy(
      processes.flatMap(({ flows }) => flows),
      (flow) => groupOf(flow, grouping),
    );
    const groups = [...flowsByName].map(([name, flows]) => ({ name, flows, usage: addUsages(flows) }));
    return this.#order
      .groups(groups)
      .flatMap(({ name, flows, usage }) => [
        groupRow(this.#chalk, name, flows.length, usage),
        ...flows.flatMap(rowsOf),
      ]);
  }

  #table({ rates }: { rates: boolean }, rows: MonitorRow[], width: number): string[] {
    const processesOnly = this.sortBy !== undefined;
    return drawTable(
      processesOnly ? 'PROCESS' : 'PROCESS / CONNECTION',
      monitorColumns({ rates, processesOnly }),
      displayOrder,
      rows,
      width,
      (text) => this.#chalk.underline(text),
    );
  }
}

function isMoving({ rates }: Usage): boolean {
  return rates.wire.tx > 0 || rates.wire.rx > 0;
}

function isCurrent(flow: FlowSample): boolean {
  return flow.state !== 'closed' || isMoving(flow);
}

/** As many rows as there is room for; the last one then says how many are not shown. */
function crop(rows: MonitorRow[], room: number): MonitorRow[] {
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
