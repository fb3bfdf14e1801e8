// Sockets that are made by one process and used by another: whose bytes they carry.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Family, ipv4Mapped, measureAgainstServer, trafficProgram } from '../support/far-server';
import { helperPath, runToEnd } from '../support/helper';
import type { HostPair } from '../support/namespaces';
import { fromPlace, type Place, together, usePairs } from '../support/places';
import { useProgram } from '../support/programs';
import { tellsNetworkNamespace, tellsSender, withoutLastPackets } from '../support/running-kernel';
import {
  type Command,
  crossed,
  expectClose,
  expectEveryByteOnce,
  expectWire,
  inside,
  jsonLines,
  readReport,
  type Report,
  runWatched,
  Server,
} from '../support/scenario';

const places: readonly Place[] = ['inside', 'outside'];

const pairs = usePairs('own', (made) => {
  made.setOffloads('off');
  made.sendOnce();
});
/** That of the test that runs. */
let pair: HostPair;
const clients = useProgram('owner-clients');
const servers = useProgram('owner-servers');

/** Runs a client of owner-clients.c under the helper. */
async function connectWatched(
  scenario: string,
  place: Place,
  family: Family | 'mapped' = 'ipv4',
): Promise<Report> {
  pair = pairs.at(place);
  pair.startCounting();
  const over = family === 'mapped' ? 'ipv4' : family;
  return measureAgainstServer(pair, { place, family: over }, (address, port) => [
    clients.path,
    ...[scenario, family === 'mapped' ? ipv4Mapped(address) : address, String(port)],
  ]);
}

interface Load {
  kind: string;
  connections: number;
  place: Place;
  /** Whether the server listens on an IPv6 socket that takes IPv4 as well; on the address of IPv4 otherwise. */
  isDualStack?: boolean;
}

/**
 * Has a server started, and a client of traffic.mjs talk to it from the far host.
 * @param serve starts the server; `listening` resolves when it does, and `talk` has the client talk to it
 */
async function withServer(
  load: Load,
  commandFor: Serving,
  serve: (command: Command, listening: Promise<unknown>, talk: () => Promise<unknown>) => Promise<Report>,
): Promise<Report> {
  pair = pairs.at(load.place);
  const socket = path.join(servers.folder, 'told');
  const told = createServer().listen(socket);
  await once(told, 'listening');
  const port = once(told, 'connection').then(async ([connection]) => {
    let text = '';
    for await (const bytes of connection as AsyncIterable<Buffer>) text += bytes.toString();
    return (JSON.parse(text) as { port: number }).port;
  });
  let answer: string | undefined;
  const talk = async (): Promise<void> => {
    const [nsenter, ...args] = inside(
      pair.far,
      ...([process.execPath, trafficProgram, 'client'] as const),
      ...[pair.near.ipv4, String(await port), load.kind],
    );
    answer = (await runToEnd(nsenter, args)).stdout;
  };
  try {
    const address = load.isDualStack ? '::' : pair.near.ipv4;
    const report = await serve(commandFor(address, socket, String(load.connections)), port, talk);
    const [counted] = jsonLines(answer ?? '') as { sent: number; received: number }[];
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

type Serving = (address: string, socket: string, connections: string) => Command;

/** A server of owner-servers.c. */
function serving(scenario: string, asks: boolean): Serving {
  const accept = asks ? 'asking' : 'not-asking';
  return (address, socket, connections) => [servers.path, scenario, address, socket, connections, accept];
}

/** The server runs under the helper. */
function serveWatched(load: Load, commandFor: Serving): Promise<Report> {
  return withServer(load, commandFor, async (command, listening, talk) => {
    pair.startCounting();
    const watched = runWatched(pair.near, fromPlace(pair, load.place), command);
    const early = watched.then(() => Promise.reject(new Error('The server ended early')));
    await Promise.race([listening, early]);
    // It ends after the last connection, perhaps before the client does.
    await talk();
    return watched;
  });
}

/** The server listens when the helper starts. */
function serveBefore(load: Load, commandFor: Serving): Promise<Report> {
  return withServer(load, commandFor, async (command, listening, talk) => {
    const server = startNear(...command);
    await listening;
    return watchRunning(server, load.place, talk);
  });
}

interface Program {
  child: ChildProcess;
  /** Its output, complete once it has ended. */
  output: Promise<string>;
}

function startNear(...command: Command): Program {
  const [nsenter, ...args] = inside(pair.near, ...command);
  const child = spawn(nsenter, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  return { child, output: once(child, 'close').then(() => text) };
}

/** Watches a program that runs already until it ends; `go` is called as soon as the helper counts. */
async function watchRunning(
  { child, output }: Program,
  place: Place,
  go: () => Promise<unknown>,
): Promise<Report> {
  const watch = [helperPath, 'watch', '--format', 'json', String(child.pid)] as const;
  const from = fromPlace(pair, place);
  const [program, ...args] = from === 'outside' ? watch : inside(from, ...watch);
  const helper = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = '';
  helper.stdout.setEncoding('utf8').on('data', (text: string) => (lines += text));
  const ended = once(helper, 'close');
  await once(helper.stdout, 'data');
  pair.startCounting();
  await go();
  await ended;
  return readReport(lines, await output);
}

function estimates({ summary }: Report): string[] {
  return summary.processes.filter(({ estimate }) => estimate).map(({ name }) => name);
}

/** Every byte is some process's of those that had it. */
function expectComplete({ summary: { processes }, truths }: Report): void {
  expectWire(processes, crossed(pair));
  const sum = (value: 'sent' | 'received') => truths.reduce((total, truth) => total + truth[value], 0);
  const sent = processes.reduce((total, { payload }) => total + payload.txBytes, 0);
  const received = processes.reduce((total, { payload }) => total + payload.rxBytes, 0);
  expectClose(sent, sum('sent'), 'payload sent');
  expectClose(received, sum('received'), 'payload received');
}

describe('ownership of what a program connects', () => {
  const exact = [
    ...['short-lives', 'fork-before-connect', 'exec', 'threads', 'fast-open', 'daemon'],
    ...['fork-after-connect', 'pass-connected', 'datagrams-of-a-child'],
  ];
  /** A connection that only a second process has used, which took it over at once. */
  const takenOver = new Set(['fork-after-connect', 'pass-connected']);
  const cases: { scenario: string; place: Place }[] = [
    ...exact.flatMap((scenario) => places.map((place) => ({ scenario, place }))),
    { scenario: 'pass-connected', place: 'home' },
  ];
  it.for(cases)('ownership: $scenario, helper $place', async ({ scenario, place }) => {
    const report = await connectWatched(scenario, place);
    if (takenOver.has(scenario) && !tellsSender) {
      expectComplete(report);
      expect(estimates(report)).not.toEqual([]);
      return;
    }
    expectEveryByteOnce(report, crossed(pair));
    expect(estimates(report)).toEqual([]);
  });

  const families = ['ipv4', 'ipv6', 'mapped'] as const;
  const closing = ['draining', 'closing-first'].flatMap((scenario) =>
    families.flatMap((family) => [...places, 'home' as const].map((place) => ({ scenario, family, place }))),
  );
  it.for(closing)(
    'ownership: $scenario over $family, helper $place',
    async ({ scenario, family, place }, { skip }) => {
      skip(place === 'outside' && !tellsNetworkNamespace, withoutLastPackets);
      const report = await connectWatched(scenario, place, family);
      expectEveryByteOnce(report, crossed(pair));
      expect(estimates(report)).toEqual([]);
      if (scenario === 'draining') return;
      // What the peer sends when it closes at last comes to no socket, and from outside to no hook.
      const flows = report.summary.processes.flatMap((process) => process.flows);
      expect(new Set(flows.map(({ wireEstimate }) => wireEstimate ?? false))).toEqual(
        new Set([place !== 'home' && place !== together]),
      );
    },
  );

  it('ownership: fork-in-between is an estimate, and complete', async () => {
    const report = await connectWatched('fork-in-between', 'outside');
    expectComplete(report);
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
    { kind: 'tcp-parallel', connections: 16, place: 'inside' },
  ] as const;
  const cases: (Load & { scenario: string; asks: boolean })[] = [
    ...scenarios.flatMap((scenario) =>
      [true, false].flatMap((asks) => loads.map((load) => ({ scenario, asks, ...load }))),
    ),
    { scenario: 'prefork', asks: false, kind: 'tcp-parallel', connections: 16, place: 'home' },
  ];
  it.for(cases)(
    'ownership: $scenario, $kind, accept asks for the peer: $asks, helper $place',
    async ({ scenario, asks, ...load }) => {
      const report = await serveWatched(load, serving(scenario, asks));
      expectEveryByteOnce(report, crossed(pair));
      if (tellsSender) expect(estimates(report)).toEqual([]);
    },
  );

  it.for([...places, 'home' as const])(
    'ownership: prefork, IPv4 over an IPv6 socket, helper %s',
    async (place) => {
      const load: Load = { kind: 'tcp-small', connections: 200, place, isDualStack: true };
      const report = await serveWatched(load, serving('prefork', true));
      expectEveryByteOnce(report, crossed(pair));
      const flows = report.summary.processes.flatMap((process) => process.flows);
      // The listener's own has no peer.
      const peers = new Set(flows.flatMap(({ remote }) => (remote === null ? [] : [remote.split(':')[0]])));
      expect(peers).toEqual(new Set([pair.far.ipv4]));
      // What two processors take in at once is handed from the listener on to the connection.
      const counted = report.summary.processes.reduce((sum, { wire }) => sum + wire.rxPackets, 0);
      expect(counted).toBeLessThanOrEqual(crossed(pair).received.packets);
    },
  );
});

describe('ownership in a cluster of Node.js', () => {
  it.for([
    { how: 'the primary accepts', policy: 'rr' },
    { how: 'the workers accept', policy: 'none' },
  ])('ownership: cluster, $how', async ({ policy }) => {
    const load: Load = { kind: 'tcp-parallel', connections: 16, place: 'outside' };
    const report = await serveWatched(load, (address, socket, connections) => [
      ...(['env', `NODE_CLUSTER_SCHED_POLICY=${policy}`, process.execPath, trafficProgram] as const),
      ...['cluster', address, socket, connections],
    ]);
    // Older kernels take a connection for the primary's as long as that one holds it, and say so.
    if (!tellsSender && estimates(report).length > 0) expectComplete(report);
    else expectEveryByteOnce(report, crossed(pair));
    // Where they accept themselves, the quickest may get all.
    if (policy === 'rr')
      expect(report.truths.filter(({ received }) => received > 0).length).toBeGreaterThan(1);
    if (tellsSender) expect(estimates(report)).toEqual([]);
  });
});

describe('ownership of what was there before', () => {
  /** Has a client with a connection from before go on once the helpers count that `watch` starts. */
  async function watchFromBefore(
    watch: (client: Program, go: () => Promise<unknown>) => Promise<unknown>,
  ): Promise<void> {
    const { server, port } = await Server.start(
      inside(pair.far, process.execPath, trafficProgram, 'server', pair.far.ipv4),
    );
    try {
      const client = startNear(clients.path, 'in-halves', pair.far.ipv4, String(port));
      await once(client.child.stdout ?? client.child, 'data');
      await watch(client, () => {
        client.child.stdin?.end();
        return Promise.resolve();
      });
    } finally {
      await server.dispose();
    }
  }

  it.for(places)('ownership: a connection from before, helper %s', async (place) => {
    pair = pairs.at(place);
    await watchFromBefore(async (client, go) => {
      expectEveryByteOnce(await watchRunning(client, place, go), crossed(pair));
    });
  });

  it('ownership: two helpers on one process', async () => {
    pair = pairs.at('inside');
    await watchFromBefore(async (client, go) => {
      const reports: Report[] = [];
      const watchBeside = async () => reports.push(await watchRunning(client, 'outside', go));
      reports.push(await watchRunning(client, 'inside', watchBeside));
      expect(reports).toHaveLength(2);
      for (const report of reports) expectEveryByteOnce(report, crossed(pair));
    });
  });

  it.for(['prefork', 'hand-over'])('ownership: %s on a listener from before', async (scenario) => {
    const load: Load = { kind: 'tcp-parallel', connections: 16, place: 'outside' };
    const report = await serveBefore(load, serving(scenario, false));
    expectEveryByteOnce(report, crossed(pair));
  });
});
