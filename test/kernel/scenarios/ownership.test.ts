// Sockets that are made by one process and used by another: whose bytes they carry.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromPlace, measureAgainstServer, type Place, trafficProgram } from '../support/far-server';
import { runToEnd } from '../support/helper';
import { HostPair } from '../support/namespaces';
import { compiledProgram } from '../support/programs';
import { tellsSender } from '../support/running-kernel';
import {
  crossed,
  expectClose,
  expectEveryByteOnce,
  expectWire,
  inside,
  jsonLines,
  type Report,
  runWatched,
} from '../support/scenario';

/** What one process does alone. */
const alone = new Set(['exec', 'threads']);
/** The kernel tells of forks in its first network namespace only: a helper elsewhere misses short-lived children. */
function placesOf(scenario: string): Place[] {
  return alone.has(scenario) ? ['inside', 'outside'] : ['outside'];
}

let pair: HostPair;
let folder: string;
let program: string;
beforeAll(() => {
  pair = new HostPair('own');
  pair.setOffloads('off');
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-ownership-'));
  program = compiledProgram('owners', folder);
});
afterAll(() => {
  pair.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a client of owners.c under the helper. */
async function connectWatched(scenario: string, place: Place): Promise<Report> {
  pair.startCounting();
  return measureAgainstServer(pair, { place }, (address, port) => [
    ...([program, 'connect'] as const),
    ...[scenario, address, String(port)],
  ]);
}

/** Runs a server of owners.c under the helper, and a client of traffic.mjs in the far host. */
async function serveWatched(
  scenario: string,
  { asks, kind, connections, place }: { asks: boolean; kind: string; connections: number; place: Place },
): Promise<Report> {
  pair.startCounting();
  const socket = path.join(folder, 'told');
  const told = createServer().listen(socket);
  await once(told, 'listening');
  try {
    const command = [program, asks ? 'serve-asking' : 'serve'] as const;
    const watched = runWatched(pair.near, fromPlace(pair, place), [
      ...command,
      ...[scenario, pair.near.ipv4, socket, String(connections)],
    ]);
    const [connection] = (await Promise.race([
      once(told, 'connection'),
      watched.then(() => Promise.reject(new Error('The server ended early'))),
    ])) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const bytes of connection) text += bytes.toString();
    const { port } = JSON.parse(text) as { port: number };
    const [nsenter, ...args] = inside(
      pair.far,
      ...([process.execPath, trafficProgram, 'client'] as const),
      ...[pair.near.ipv4, String(port), kind],
    );
    const client = await runToEnd(nsenter, args);
    const report = await watched;
    const [counted] = jsonLines(client.stdout) as { sent: number; received: number }[];
    const sum = (value: 'sent' | 'received') =>
      report.truths.reduce((total, truth) => total + truth[value], 0);
    expect({ sent: sum('received'), received: sum('sent') }).toMatchObject({
      sent: counted?.sent,
      received: counted?.received,
    });
    return report;
  } finally {
    told.close();
  }
}

function estimates({ summary }: Report): string[] {
  return summary.processes.filter(({ estimate }) => estimate).map(({ name }) => name);
}

describe('ownership of what a program connects', () => {
  const exact = [
    ...['short-lives', 'fork-before-connect', 'exec', 'threads', 'daemon'],
    ...['fork-after-connect', 'pass-connected', 'datagrams-of-a-child'],
  ];
  /** A connection that only a second process has used, which took it over at once. */
  const takenOver = new Set(['fork-after-connect', 'pass-connected']);
  it.for(exact.flatMap((scenario) => placesOf(scenario).map((place) => ({ scenario, place }))))(
    'ownership: $scenario, helper $place the namespace',
    async ({ scenario, place }) => {
      const report = await connectWatched(scenario, place);
      if (takenOver.has(scenario) && !tellsSender) {
        expectWire(report.summary.processes, crossed(pair));
        expect(estimates(report)).not.toEqual([]);
        return;
      }
      expectEveryByteOnce(report, crossed(pair));
      expect(estimates(report)).toEqual([]);
    },
  );

  it('ownership: fork-in-between is an estimate, and complete', async () => {
    const report = await connectWatched('fork-in-between', 'outside');
    const { processes } = report.summary;
    expectWire(processes, crossed(pair));
    const sum = (value: 'sent' | 'received') =>
      report.truths.reduce((total, truth) => total + truth[value], 0);
    expectClose(
      processes.reduce((total, { payload }) => total + payload.txBytes, 0),
      sum('sent'),
      'payload sent',
    );
    expectClose(
      processes.reduce((total, { payload }) => total + payload.rxBytes, 0),
      sum('received'),
      'payload received',
    );
    expect(estimates(report)).not.toEqual([]);
  });

  it('ownership: reused-pid', async ({ skip }) => {
    const report = await connectWatched('reused-pid', 'outside');
    const counts = new Map<number, number>();
    for (const { pid } of report.truths) counts.set(pid, (counts.get(pid) ?? 0) + 1);
    const reused = [...counts].find(([, count]) => count === 2)?.[0];
    skip(reused === undefined, 'another process took the process id first');
    const truths = report.truths
      .filter(({ pid }) => pid === reused)
      .map(({ sent, received }) => [sent, received]);
    const counted = report.summary.processes
      .filter(({ pid }) => pid === reused)
      .map(({ payload }) => [payload.txBytes, payload.rxBytes]);
    expect(counted).toEqual(truths);
    expectWire(report.summary.processes, crossed(pair));
  });
});

describe('ownership of what a program accepts', () => {
  const scenarios = ['prefork', 'reuseport', 'fork-for-each', 'hand-over', 'activate'];
  const loads = [
    { kind: 'tcp-small', connections: 200, place: 'outside' },
    { kind: 'tcp-parallel', connections: 16, place: 'outside' },
  ] as const;
  const cases = scenarios.flatMap((scenario) =>
    [true, false].flatMap((asks) => loads.map((load) => ({ scenario, asks, ...load }))),
  );
  it.for(cases)(
    'ownership: $scenario, $kind, accept asks for the peer: $asks, helper $place the namespace',
    async ({ scenario, ...load }) => {
      const report = await serveWatched(scenario, load);
      expectEveryByteOnce(report, crossed(pair));
      if (tellsSender) expect(estimates(report)).toEqual([]);
    },
  );
});
