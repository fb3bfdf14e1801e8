// One scenario of the claim "every byte once, to the process that really moved it": programs that count their own
// payload run under the helper, and what the helper says is held against their counts and against packet filters at
// the far end of the wire.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import {
  type EventLine,
  type OutputLine,
  outputLine,
  type SummaryLine,
} from '../../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from './helper';
import { HostPair, type Place, type WireCounters } from './namespaces';

const ethernetHeaderBytes = 14;

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** What a program counted of its own payload, as the line of JSON that it prints at its end. */
export interface Truth {
  pid: number;
  sent: number;
  received: number;
  /** Of what was sent, what MPTCP sent once more; -1 where the kernel does not tell. Of programs that speak MPTCP. */
  again?: number;
}

/** What crossed the wire, by direction as seen from the watched side; as IP packets, without link headers. */
export interface Crossed {
  sent: WireCounters;
  received: WireCounters;
}

export type ProcessSummary = SummaryLine['processes'][number];

/** What the helper said, and what the watched programs printed. */
export interface Report {
  lines: OutputLine[];
  summary: SummaryLine;
  events: EventLine[];
  /** Of every program that printed one, on standard error. */
  truths: Truth[];
}

/** Runs a command in a host's network namespace. */
export function inside(host: Place, ...command: Command): Command {
  return ['nsenter', ...HostPair.within(host, ...command)];
}

/** The objects among the lines of a text. */
export function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown);
}

function isTruth(value: unknown): value is Truth {
  return typeof value === 'object' && value !== null && 'pid' in value && 'sent' in value;
}

/** Reads what `--format json` wrote; every line is checked against the published schema. */
export function readReport(stdout: string, stderr: string): Report {
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => outputLine.parse(JSON.parse(line)));
  const summary = lines.at(-1);
  if (summary?.type !== 'summary')
    throw new Error(`The last line is no summary: ${stdout.slice(-500)}\n${stderr}`);
  return {
    lines,
    summary,
    events: lines.filter((line) => line.type === 'event'),
    truths: jsonLines(stderr).filter(isTruth),
  };
}

/** Where the helper runs: in the watched host, or in this process's own network namespace. */
export type From = Place | 'outside';

/**
 * Runs a command, and all that it starts, under `procnetmon run`.
 * @param host where the command runs
 * @param from where the helper runs: in the host itself tc counts, from outside the sockets are foreign
 */
export async function runWatched(
  host: Place,
  from: From,
  command: Command,
  options: readonly string[] = [],
): Promise<Report> {
  const monitored: Command = [helperPath, 'run', '--format', 'json', ...options, '--'];
  const [program, ...args] =
    from === 'outside' ? [...monitored, ...inside(host, ...command)] : inside(from, ...monitored, ...command);
  const finished = await runToEnd(program, args);
  expect(finished.status, finished.stderr).toBe(0);
  return readReport(finished.stdout, finished.stderr);
}

/** A program that serves at the far end: prints a line of JSON when it is ready, and one when its input has ended. */
export class Server {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Starts it and waits for its first line, which says where it listens. */
  static async start(command: Command): Promise<{ server: Server; port: number }> {
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const server = new Server(child, lines);
    const { port } = (await server.#next()) as { port: number };
    return { server, port };
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('The serving end did not start');
    return pid;
  }

  /** Ends its input and gives its last line: what it counted itself. */
  async stop(): Promise<Pick<Truth, 'sent' | 'received'>> {
    this.#child.stdin?.end();
    try {
      return (await this.#next()) as Pick<Truth, 'sent' | 'received'>;
    } finally {
      await this.dispose();
    }
  }

  async dispose(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
  }

  async #next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done) throw new Error('The serving end ended early');
    return JSON.parse(line.value);
  }
}

/**
 * Within a tenth of a percent.
 * @param missing by how much it may be less besides
 */
export function expectClose(actual: number, truth: number, what: string, missing = 0): void {
  expect(
    actual < truth ? Math.max(truth - actual - missing, 0) : actual - truth,
    `${what}: ${String(actual)} instead of ${String(truth)}`,
  ).toBeLessThanOrEqual(truth / 1000);
}

export function processOf({ summary }: Pick<Report, 'summary'>, pid: number): ProcessSummary {
  const found = summary.processes.find((candidate) => candidate.pid === pid);
  if (!found) throw new Error(`Process ${String(pid)} is not in ${JSON.stringify(summary)}`);
  return found;
}

/** What crossed the wire since counting started. */
export function crossed(pair: HostPair, counter?: string): Crossed {
  return { sent: pair.arrivedAt(pair.far, counter), received: pair.arrivedAt(pair.near, counter) };
}

/** The bytes of packets with the headers of their link, as the wire ledger has them. */
export function bytesOnWire(
  { bytes, packets }: WireCounters,
  linkHeaderBytes: number = ethernetHeaderBytes,
): number {
  return bytes + packets * linkHeaderBytes;
}

export function expectPayload(process: ProcessSummary, truth: Pick<Truth, 'sent' | 'received'>): void {
  const who = `of ${process.name} (${String(process.pid)})`;
  expectClose(process.payload.txBytes, truth.sent, `payload sent ${who}`);
  expectClose(process.payload.rxBytes, truth.received, `payload received ${who}`);
}

/** The wire ledger of a process, with its connections, or of one connection. */
type Counted = Pick<ProcessSummary, 'wire'> & Partial<Pick<ProcessSummary, 'flows'>>;

/** Most that a packet without payload takes. */
const emptyPacketBytes = 100;

/** Whether this end of a connection has closed first, as far as the kernel keeps an entry for it. */
export function hasClosedFirst({ state }: Pick<ProcessSummary['flows'][number], 'state'>): boolean {
  return state === 'fin-wait-2' || state === 'time-wait';
}

/**
 * How many packets may be missing each way: in another network namespace no hook sees what is overtaken by the peer's
 * FIN, and the answer to it, on connections that this end has closed first. They say so.
 */
function mostUnseen(processes: readonly Counted[]): number {
  const closedFirst = processes
    .flatMap(({ flows }) => flows ?? [])
    .filter((flow) => flow.wireEstimate && hasClosedFirst(flow));
  return closedFirst.length === 0 ? 0 : 1 + Math.ceil(closedFirst.length / 50);
}

/** Holds the wire ledgers of processes, added up, against what arrived at both ends. */
export function expectWire(
  processes: readonly Counted[],
  wire: Crossed,
  linkHeaderBytes: { sent?: number; received?: number } = {},
): void {
  const unseen = mostUnseen(processes);
  const sum = (value: (wire: ProcessSummary['wire']) => number) =>
    processes.reduce((total, process) => total + value(process.wire), 0);
  for (const [direction, packets, bytes] of [
    ['sent', sum(({ txPackets }) => txPackets), sum(({ txBytes }) => txBytes)],
    ['received', sum(({ rxPackets }) => rxPackets), sum(({ rxBytes }) => rxBytes)],
  ] as const) {
    const crossed = wire[direction];
    expectClose(packets, crossed.packets, `packets ${direction}`, unseen);
    const truth = bytesOnWire(crossed, linkHeaderBytes[direction]);
    expectClose(bytes, truth, `wire bytes ${direction}`, unseen * emptyPacketBytes);
  }
}

/**
 * No process but those named was given any traffic, and nothing was dropped.
 * @param dropped what the summary has to say of dropped things, where it is not nothing
 */
export function expectNobodyElse(
  { summary }: Pick<Report, 'summary'>,
  pids: readonly number[],
  dropped: object = { events: 0, flows: 0, processes: 0, summaryFlows: 0 },
): void {
  for (const process of summary.processes) {
    if (pids.includes(process.pid)) continue;
    const { wire, payload } = process;
    const bytes = [wire.txBytes, wire.rxBytes, payload.txBytes, payload.rxBytes];
    expect(bytes, JSON.stringify(process)).toEqual([0, 0, 0, 0]);
  }
  expect(summary.dropped).toMatchObject(dropped);
}

/**
 * The whole claim for programs that printed their counts: payload by process, the wire in sum, nobody else given any.
 * @param wire what crossed; undefined where there is no far end, as on loopback
 */
export function expectEveryByteOnce(report: Report, wire: Crossed | undefined): void {
  expect(report.truths.length).toBeGreaterThan(0);
  const processes = report.truths.map((truth) => {
    const process = processOf(report, truth.pid);
    if (truth.sent + truth.received > 0) expect(process.flows.length).toBeGreaterThan(0);
    expectPayload(process, truth);
    return process;
  });
  if (wire) expectWire(processes, wire);
  expectNobodyElse(
    report,
    report.truths.map(({ pid }) => pid),
  );
}
