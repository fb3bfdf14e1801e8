// Many at once: connections, closed ports, events that find the ring full because the helper stands still, and a client
// that stands still. Totals lose nothing, and what could not be told one by one is counted and said.
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MonitorEvent, MonitorSample, PayloadCounters } from '../../../src/shared/protocol';
import { helperPath, runToEnd } from '../support/helper';
import { RpcClient } from '../support/rpc-client';
import { tellsNetworkNamespace } from '../support/running-kernel';
import {
  expectWire,
  jsonLines,
  processOf,
  type ProcessSummary,
  readReport,
  type Report,
  type Truth,
} from '../support/scenario';
import { type NetworkHost, Topology } from '../support/topology';

const program = fileURLToPath(new URL('../support/crowd.mjs', import.meta.url));

let topology: Topology;
let host: NetworkHost;

beforeEach(() => {
  topology = new Topology('crowd');
  host = topology.host('');
  host.count('lo');
});

afterEach(() => {
  topology.dispose();
});

async function runWatched(options: string[], ...words: string[]): Promise<Report> {
  const watched = ['--', process.execPath, program, ...words];
  const [file, ...args] = host.command(helperPath, 'run', '--format', 'json', ...options, ...watched);
  const { status, stdout, stderr } = await runToEnd(file, args);
  expect(status, stderr).toBe(0);
  return readReport(stdout, stderr);
}

function truthOf({ truths }: Report): Truth & { refused?: number } {
  const [truth] = truths;
  if (truth === undefined) throw new Error('The program has not said what it counted.');
  return truth;
}

function payloadOf({ sent, received }: Truth): PayloadCounters {
  return { txBytes: sent, rxBytes: received };
}

/** Both ends are one process's: it has sent and received whatever has passed the loopback interface. */
function expectAllOfLoopback(process: Pick<ProcessSummary, 'wire'>): void {
  // Else the helper takes all sockets there for foreign, of which not every packet is seen.
  if (!tellsNetworkNamespace) return;
  const passed = host.arrived('lo');
  expect(passed.packets).toBeGreaterThan(0);
  expectWire([process], { sent: passed, received: passed });
}

/** Events of one kind that were told, and those of any kind that were not. */
function eventsOf({ events }: Report, kind: string): { told: number; dropped: number } {
  const dropped = events.reduce((sum, event) => sum + (event.kind === 'dropped' ? (event.count ?? 0) : 0), 0);
  return { told: events.filter((event) => event.kind === kind).length, dropped };
}

describe('a crowd', () => {
  it('of 5,000 connections, both ends of each: the payload, and each connection', async () => {
    const report = await runWatched([], 'crowd', '5000');
    const truth = truthOf(report);
    const process = processOf(report, truth.pid);
    expect(process.payload).toEqual(payloadOf(truth));
    expectAllOfLoopback(process);
    expect(process.flows.filter(({ payload }) => payload.txBytes === 100).length).toBe(10_000);
    expect(report.summary.dropped).toMatchObject({ flows: 0, connections: 0, processes: 0, summaryFlows: 0 });
  });

  it('beyond the limit of connections counts on its process, and is told of', async () => {
    const limits = ['--max-connections', '100', '--max-history', '150', '--max-events', '10'];
    const report = await runWatched(limits, 'crowd', '500');
    const truth = truthOf(report);
    const process = processOf(report, truth.pid);
    expect(process.payload).toEqual(payloadOf(truth));
    expect(process.flows.length).toBeLessThanOrEqual(150);
    for (const line of report.lines)
      if (line.type === 'sample') expect(line.flows.length).toBeLessThanOrEqual(200);
    expect(report.summary.dropped.connections).toBeGreaterThan(0);
    // 500 opened, established at both ends, and closed at both: more than 10 a second, and 40 at once.
    const { dropped } = eventsOf(report, 'opened');
    expect(dropped).toBeGreaterThan(0);
    expect(report.summary.dropped.events).toBe(dropped);
  });

  it('of closed ports: each attempt has failed, as far as it is told', async () => {
    const report = await runWatched([], 'scan', '127.0.0.1', '20000', '25000');
    const truth = truthOf(report);
    expect(truth.refused).toBe(5_000);
    const process = processOf(report, truth.pid);
    expect(process.payload).toEqual({ txBytes: 0, rxBytes: 0 });
    // A SYN and its reset each.
    expect(process.wire).toMatchObject({ txPackets: 5_000, rxPackets: 5_000 });
    const { told, dropped } = eventsOf(report, 'failed');
    expect(told + dropped).toBe(5_000);
    const reasons = report.events.filter(({ kind }) => kind === 'failed').map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['refused']));
  });
});

/** Runs a crowd under a monitor of this client, with something in the way meanwhile. */
async function crowdBehind(
  client: RpcClient,
  words: string[],
  hold: () => void,
  release: () => void,
): Promise<{ truth: Truth; pid: number }> {
  const waiting = ['-c', 'read line; exec "$@"', 'sh', process.execPath, program, ...words];
  const [file, ...args] = host.command('sh', ...waiting);
  const child = spawn(file, args, { stdio: ['pipe', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const closed = once(child, 'close');
  const pid = child.pid ?? 0;
  expect(await client.request('monitor/start', { pid, intervalMillis: 200 })).toHaveProperty('result');
  await client.notification('monitor/sample');
  hold();
  child.stdin.end('go\n');
  await closed;
  release();
  const [truth] = jsonLines(said) as [Truth];
  return { truth, pid };
}

/** The sample in which the process is over, and the events until then: those of sockets that were told, and those dropped. */
async function lastSample(
  client: RpcClient,
  pid: number,
): Promise<{ sample: MonitorSample; socketEvents: number; droppedEvents: number }> {
  let socketEvents = 0;
  let droppedEvents = 0;
  for (;;) {
    const message = await client.next(
      (each): each is { method: string; params: unknown } => 'method' in each,
    );
    if (message.method === 'monitor/event') {
      const event = message.params as MonitorEvent;
      if (event.protocol === 'tcp') socketEvents += 1;
      if (event.kind === 'dropped') droppedEvents += event.count ?? 0;
    } else if (message.method === 'monitor/sample') {
      const sample = message.params as MonitorSample;
      if (sample.processes.find((each) => each.pid === pid)?.alive === false)
        return { sample, socketEvents, droppedEvents };
    }
  }
}

describe('what stands still meanwhile', () => {
  let client: RpcClient;
  beforeEach(async () => {
    client = new RpcClient({}, [], host.command(helperPath));
    await client.initialize();
  });
  afterEach(async () => {
    await client.leave();
  });

  it('the helper: events find no room and are told as lost, and no byte is', async () => {
    const connections = 4_000;
    const { truth, pid } = await crowdBehind(
      client,
      ['crowd', String(connections)],
      () => client.process.kill('SIGSTOP'),
      () => client.process.kill('SIGCONT'),
    );
    const { sample, socketEvents, droppedEvents } = await lastSample(client, pid);
    expect(sample.total.payload).toEqual(payloadOf(truth));
    expect(sample.dropped.events).toBeGreaterThan(0);
    expect(droppedEvents).toBe(sample.dropped.events);
    // Each connection is opened, established at both ends and closed at both; the server's socket listens and is closed.
    expect(socketEvents + droppedEvents).toBe(5 * connections + 2);
    expectAllOfLoopback(sample.total);
  });

  it('the helper: a process ends, and is told of as ended after all that its sockets did', async () => {
    const { pid } = await crowdBehind(
      client,
      ['scan', '127.0.0.1', '20000', '22500'],
      () => client.process.kill('SIGSTOP'),
      () => client.process.kill('SIGCONT'),
    );
    const kinds = new Map<string, number>();
    for (;;) {
      const message = await client.next(
        (each): each is { method: string; params: { kind: string; pid: number } } =>
          'method' in each && each.method === 'monitor/event',
      );
      const { kind, pid: of } = message.params;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (kind === 'exit' && of === pid) break;
    }
    expect(kinds.get('dropped')).toBeUndefined();
    expect(kinds.get('failed')).toBe(2_500);
  });

  it('the client: it costs the helper no memory without bound, and no byte is lost', async () => {
    const resident = (): number =>
      Number(
        /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${String(client.process.pid)}/status`, 'utf8'))?.[1],
      );
    const before = resident();
    const { truth, pid } = await crowdBehind(
      client,
      ['crowd', '2000'],
      () => client.process.stdout.pause(),
      () => {
        // What was queued is 4 MiB of events at most; the rest is what 4,000 connections take.
        expect(resident() - before).toBeLessThan(64 * 1_024);
        client.process.stdout.resume();
      },
    );
    const { sample } = await lastSample(client, pid);
    expect(sample.total.payload).toEqual(payloadOf(truth));
  });
});
