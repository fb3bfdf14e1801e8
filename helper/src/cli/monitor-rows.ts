// What a row of the table says: a process, a connection, a group of connections, or a request.
import type { ChalkInstance } from 'chalk';
import { computedMark, leastMark } from '../../../src/shared/estimate';
import { formatBytes, formatMicroseconds, formatQuantity, formatRate } from '../../../src/shared/format';
import { spokenLabel } from '../../../src/shared/flow-label';
import type { EstimateMarks, FlowSample, MarkedUsage, ProcessSample } from '../../../src/shared/protocol';
import { processTitle } from '../../../src/shared/process-title';
import { reasonText } from '../../../src/shared/reason-text';
import { sanitise } from '../../../src/shared/sanitise';
import { truncate, type Row } from './columns';
import { connectionLabel } from './connection-label';
import type { MonitorColumn } from './monitor-columns';

export type MonitorRow = Row<MonitorColumn>;

/** Stands before a process or connection of whose figures some may be another process's. */
export const estimateMark = '~';

/** The heading of connections that were put together. */
export function groupRow(
  chalk: ChalkInstance,
  name: string,
  connections: number,
  usage: MarkedUsage,
): MonitorRow {
  return {
    label: (width) => truncate(name, width),
    cells: { ...usageCells(usage), state: formatQuantity(connections, 'flow') },
    style: (text, column) => (column === 'label' ? chalk.bold.cyan(text) : chalk.bold(text)),
  };
}

/** A line of what was said on a connection. */
export function requestRow(chalk: ChalkInstance, line: string): MonitorRow {
  return {
    label: (width) => `    ${truncate(line, width - 4)}`,
    cells: {},
    style: (text) => chalk.dim(text),
  };
}

export function processRow(chalk: ChalkInstance, process: ProcessSample): MonitorRow {
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

export function flowRow(chalk: ChalkInstance, flow: FlowSample): MonitorRow {
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

/** Bytes on the wire, marked where they are computed. */
export function wireBytes(bytes: number, { wireEstimate }: EstimateMarks): string {
  return `${wireEstimate === true ? computedMark : ''}${formatBytes(bytes)}`;
}

/** The same of payload. */
function payloadBytes(bytes: number, { payloadEstimate }: EstimateMarks): string {
  return `${payloadEstimate === true ? computedMark : ''}${formatBytes(bytes)}`;
}

function usageCells({ wire, payload, rates, ...marks }: MarkedUsage): MonitorRow['cells'] {
  return {
    sentRate: formatRate(rates.wire.tx),
    receivedRate: formatRate(rates.wire.rx),
    sentTotal: wireBytes(wire.txBytes, marks),
    receivedTotal: wireBytes(wire.rxBytes, marks),
    sentPayload: payloadBytes(payload.txBytes, marks),
    receivedPayload: payloadBytes(payload.rxBytes, marks),
    // That something is missing says more than that something is computed, and there is room for one mark.
    ...(marks.receivedUncounted === true && {
      receivedTotal: `${leastMark}${formatBytes(wire.rxBytes)}`,
      receivedPayload: `${leastMark}${formatBytes(payload.rxBytes)}`,
    }),
  };
}

function flowCells(flow: FlowSample): MonitorRow['cells'] {
  return {
    ...usageCells(flow),
    state: flow.state,
    application: spokenLabel(flow),
    reason: reasonText(flow.reason),
    connectTime: flow.protocol === 'tcp' ? formatMicroseconds(flow.connectMicros ?? 0) : '',
    interface: sanitise(flow.interface),
    roundTrip: flow.protocol === 'tcp' ? formatMicroseconds(flow.rttMicros) : '',
    retransmits: flow.protocol === 'tcp' ? String(flow.retransmits) : '',
  };
}
