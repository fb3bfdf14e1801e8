// Trouble: connections that fail, break or lose packets. The reason that is told is held against the error that the
// program itself got, payload against what it moved, the wire against packet filters.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FlowReason, PayloadCounters } from '../../../src/shared/protocol';
import { HostPair, run } from '../support/namespaces';
import { fromPlace, PairByPlace, type Place, together } from '../support/places';
import { compiledProgram } from '../support/programs';
import { isEmulated, notOnThisMachine } from '../support/running-kernel';
import {
  crossed,
  inside,
  expectClose,
  expectNobodyElse,
  expectWire,
  processOf,
  type ProcessSummary,
} from '../support/scenario';
import { type Connection, connected, SocketProcess } from '../support/socket-steps';
import { socketAt, type SocketStatistics } from '../support/ss';
import { Watching } from '../support/watching';

let folder: string;
let program: string;
const pairs = new PairByPlace((options) => {
  const made = new HostPair('trb', options);
  made.setOffloads('off');
  return made;
});
/** What follows is of the test that runs. */
let pair: HostPair;
let near: SocketProcess;
let far: SocketProcess;
let watching: Watching | undefined;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
  program = compiledProgram('socket-steps', folder);
});
afterAll(() => {
  pairs.dispose();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  pair.filter(pair.far);
  pair.filter(pair.near);
  await watching?.dispose();
  await Promise.all([near.end(), far.end()]);
});

const places = [together, 'outside'] as const;

/** Starts a program at either end, of which the helper watches the near one, and counts what crosses the wire. */
async function watch(place: Place): Promise<Watching> {
  pair = pairs.at(place);
  near = new SocketProcess(pair.near, program);
  far = new SocketProcess(pair.far, program);
  watching = undefined;
  pair.startCounting();
  watching = await Watching.start(fromPlace(pair, place), near.pid);
  return watching;
}

/** Ends the watching: the near process has this payload and all that crossed the wire, and nobody else has anything. */
async function expectInAll(
  helper: Watching,
  { txBytes = 0, rxBytes = 0 }: Partial<PayloadCounters>,
  wire = crossed(pair),
): Promise<ProcessSummary> {
  const report = await helper.stop();
  const process = processOf(report, near.pid);
  expect(process.payload).toEqual({ txBytes, rxBytes });
  expectWire([process], wire);
  expectNobodyElse(report, [near.pid]);
  return process;
}

function socketAtFar({ port, peerPort }: Connection): SocketStatistics | undefined {
  return socketAt(pair.far, { port: peerPort, peerPort: port });
}

/**
 * Waits until an end that has closed first has the answer to that. What the other end sends next, on another processor,
 * could overtake it otherwise; it is answered once more then, and that by a reset, which is nobody's.
 */
async function expectFinAnswered(closedFirst: () => SocketStatistics | undefined): Promise<void> {
  await expect.poll(() => closedFirst()?.state).toBe('fin-wait-2');
}

/**
 * Has the near host drop what it is sent. That has crossed the wire, and counts where the helper sees the interface;
 * from outside it passes no hook.
 */
function dropAtNear(place: Place, match: string): void {
  const rule = `${match} drop`;
  if (place === 'outside') pair.filterBeforeCounting(pair.near, rule);
  else pair.filter(pair.near, rule);
}

/** Where nothing listens. */
const closedPort = 9;

interface Failure {
  what: string;
  family?: 'ipv4' | 'ipv6';
  /** Options of the connecting socket. */
  options?: [name: string, value: number][];
  /** What the far host does with packets. */
  rules?: string[];
  address?: string | ((pair: HostPair) => string);
  error: string;
  reason: FlowReason;
  /** ICMP messages in other network namespaces pass no hook. */
  reasonFromOutside?: FlowReason;
  /** Nothing is sent, so there is no flow. */
  isLocal?: boolean;
  /** Bytes of the SYN that waits for the address of the next host, which never comes. */
  waitingBytes?: number;
}

const rejected = (message: string) => [`meta l4proto { tcp, udp } reject with ${message}`];
const failures: Failure[] = [
  { what: 'nothing listens', error: 'ECONNREFUSED', reason: 'refused' },
  { what: 'nothing listens', family: 'ipv6', error: 'ECONNREFUSED', reason: 'refused' },
  {
    what: 'nobody answers',
    options: [['syncnt', 1]],
    rules: ['meta l4proto tcp drop'],
    error: 'ETIMEDOUT',
    reason: 'timed-out',
  },
  {
    what: 'the network is unreachable',
    rules: rejected('icmp type net-unreachable'),
    error: 'ENETUNREACH',
    reason: 'network-unreachable',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'the host is unreachable',
    rules: rejected('icmp type host-unreachable'),
    error: 'EHOSTUNREACH',
    reason: 'host-unreachable',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'a port is said to be unreachable',
    rules: rejected('icmp type port-unreachable'),
    error: 'ECONNREFUSED',
    reason: 'port-unreachable',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'a firewall prohibits it',
    rules: rejected('icmp type admin-prohibited'),
    error: 'EHOSTUNREACH',
    reason: 'prohibited',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'a firewall prohibits it',
    family: 'ipv6',
    rules: rejected('icmpv6 type admin-prohibited'),
    error: 'EACCES',
    reason: 'prohibited',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'an address is unreachable',
    family: 'ipv6',
    rules: rejected('icmpv6 type addr-unreachable'),
    error: 'EHOSTUNREACH',
    reason: 'host-unreachable',
    reasonFromOutside: 'unreachable',
  },
  {
    what: 'no host has the address',
    address: ({ nobody }) => nobody,
    error: 'EHOSTUNREACH',
    reason: 'host-unreachable',
    reasonFromOutside: 'unreachable',
    isLocal: true,
    waitingBytes: 60,
  },
  {
    what: 'there is no route',
    address: '192.0.2.1',
    error: 'ENETUNREACH',
    reason: 'local-error',
    isLocal: true,
  },
];

describe('trouble: a connection that cannot be made', () => {
  const cases = failures.flatMap((failure) =>
    // A machine may have a route to everywhere.
    places
      .filter((place) => place !== 'home' || failure.error !== 'ENETUNREACH' || !failure.isLocal)
      .map((place) => ({ family: 'ipv4' as const, ...failure, place })),
  );
  it.for(cases)('$what, over $family, helper $place: $error', async (failure) => {
    const { family, place, error, isLocal } = failure;
    const helper = await watch(place);
    pair.filter(pair.far, ...(failure.rules ?? []));
    for (const [name, value] of failure.options ?? []) await near.do('option', name, value);
    const address =
      typeof failure.address === 'function' ? failure.address(pair) : (failure.address ?? pair.far[family]);
    const outcome = await near.attempt('connect', address, closedPort);
    expect(outcome.error).toBe(error);
    await near.do('close', outcome.socket);

    const reason = place === 'outside' ? (failure.reasonFromOutside ?? failure.reason) : failure.reason;
    const event = await helper.event(({ kind }) => kind === 'failed');
    expect(event).toMatchObject({ reason, remote: { address, port: closedPort }, pid: near.pid });
    if (isLocal !== true) {
      expect(event.durationMicros).toBeGreaterThan(0);
      expect(event.durationMicros).toBeLessThanOrEqual(outcome.returnedAt - outcome.calledAt);
      const flow = await helper.flow(({ state }) => state === 'closed');
      expect(flow).toMatchObject({ reason, remote: { address }, payload: { txBytes: 0, rxBytes: 0 } });
      expect(Date.parse(flow.closedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(flow.openedAt));
    }
    const wire = crossed(pair);
    // The hooks at the socket are passed before it is known that nobody has the address.
    if (place === 'outside' && failure.waitingBytes !== undefined)
      wire.sent = { packets: 1, bytes: failure.waitingBytes };
    await expectInAll(helper, {}, wire);
  });

  it.for(places)('the program gives up, helper %s: aborted', async (place) => {
    const helper = await watch(place);
    pair.filter(pair.far, 'meta l4proto tcp drop');
    const { socket, error } = await near.attempt('start', pair.far.ipv4, closedPort);
    expect(error).toBe('EINPROGRESS');
    await near.do('close', socket);
    const event = await helper.event(({ kind }) => kind === 'failed');
    expect(event.reason).toBe('aborted');
    expect(await helper.flow(({ state }) => state === 'closed')).toMatchObject({ reason: 'aborted' });
    await expectInAll(helper, {});
  });
});

interface Break {
  what: string;
  reason: FlowReason | undefined;
  /** The error that the watched program finds; empty for none, undefined where it does not look. */
  error?: string;
  options?: [name: string, value: number][];
  /** What is acknowledged by the peer, and received; 10,000 bytes up when absent. */
  payload?: Partial<PayloadCounters>;
  happens: (ends: Connection, place: Place) => Promise<unknown>;
}

const breaks: Break[] = [
  {
    what: 'the peer resets it',
    reason: 'reset',
    error: 'ECONNRESET',
    happens: (ends) => far.do('abort', ends.far),
  },
  {
    what: 'the peer closes with data unread',
    reason: 'reset',
    error: 'ECONNRESET',
    payload: { txBytes: 10_100 },
    happens: async (ends) => {
      await near.do('send', ends.near, 100);
      // It is there, and acknowledged, before the other end closes; our SYN has a place in the kernel's count.
      await expect.poll(() => socketAt(pair.near, ends)?.bytesAcked).toBe(10_101);
      await far.do('close', ends.far);
    },
  },
  {
    what: 'the peer resets a half-closed one',
    reason: 'reset',
    error: 'ECONNRESET',
    happens: async (ends) => {
      await near.do('shutdown', ends.near);
      await far.do('wait', ends.far);
      await far.do('abort', ends.far);
    },
  },
  {
    what: 'the program resets it',
    reason: 'aborted',
    happens: (ends) => near.do('abort', ends.near),
  },
  {
    what: 'the program closes with data unread',
    reason: 'aborted',
    payload: { txBytes: 10_000, rxBytes: 100 },
    happens: async (ends) => {
      await far.do('send', ends.far, 100);
      await near.do('wait', ends.near);
      await near.do('close', ends.near);
    },
  },
  {
    what: 'the peer vanished and is there again',
    reason: 'reset',
    error: 'ECONNRESET',
    happens: async (ends, place) => {
      dropAtNear(place, 'meta l4proto tcp');
      await far.do('abort', ends.far);
      pair.filter(pair.near);
      await near.do('send', ends.near, 1);
    },
  },
  {
    what: 'what is sent finds no answer',
    reason: 'timed-out',
    error: 'ETIMEDOUT',
    options: [['user-timeout', 500]],
    happens: async (ends) => {
      pair.filter(pair.far, 'meta l4proto tcp drop');
      await near.do('send', ends.near, 100);
    },
  },
  {
    what: 'keep-alive finds no answer',
    reason: 'timed-out',
    error: 'ETIMEDOUT',
    options: [['keepalive', 1]],
    happens: () => {
      pair.filter(pair.far, 'meta l4proto tcp drop');
      return Promise.resolve();
    },
  },
  {
    what: 'both ends close it',
    reason: undefined,
    happens: async (ends) => {
      await far.do('close', ends.far);
      await near.do('wait', ends.near);
      await expectFinAnswered(() => socketAtFar(ends));
      await near.do('close', ends.near);
    },
  },
];

describe('trouble: a connection that breaks', () => {
  const cases = breaks.flatMap((broken) => places.map((place) => ({ ...broken, place })));
  it.for(cases)('$what, helper $place: $reason', async ({ place, ...broken }) => {
    const helper = await watch(place);
    for (const [name, value] of broken.options ?? []) await near.do('option', name, value);
    const ends = await connected(near, far, pair.far.ipv4);
    await near.do('send', ends.near, 10_000);
    await far.do('receive', ends.far, 10_000);
    await broken.happens(ends, place);
    if (broken.error !== undefined) {
      // A reset may be found by whatever the program does next.
      expect((await near.attempt('wait', ends.near)).error).toBe(broken.error);
      await near.do('close', ends.near);
    }
    const event = await helper.event(({ kind }) => kind === 'closed');
    expect(event.reason).toBe(broken.reason);
    const flow = await helper.flow(({ closedAt }) => closedAt !== undefined);
    expect(flow.reason).toBe(broken.reason);
    // The kernel keeps nothing of it.
    if (broken.reason === 'reset') expect(flow.state).toBe('closed');
    expect(flow.connectMicros).toBeGreaterThan(0);
    await expectInAll(helper, broken.payload ?? { txBytes: 10_000 });
  });

  it('what stands in the way for a while is told, and taken back: soft errors', async () => {
    const helper = await watch(together);
    const ends = await connected(near, far, pair.far.ipv4);
    pair.filter(pair.far, 'meta l4proto tcp reject with icmp type host-unreachable');
    await near.do('send', ends.near, 5_000);
    const obstructed = await helper.flow(({ reason }) => reason !== undefined);
    expect(obstructed).toMatchObject({ reason: 'host-unreachable', state: 'established' });
    pair.filter(pair.far);
    await far.do('receive', ends.far, 5_000);
    // To the last byte, though nothing follows.
    const healed = await helper.flow(
      ({ payload, reason }) => payload.txBytes === 5_000 && reason === undefined,
    );
    expect(healed.state).toBe('established');
    expect(healed.retransmits).toBeGreaterThan(0);
    await expectInAll(helper, { txBytes: 5_000 });
  });
});

describe('trouble: a listening socket whose queue is full', () => {
  /** 1 to answer with SYN cookies where the queue is full, 2 in any case. */
  const setSynCookies = (value: number) => {
    const file = '/proc/sys/net/ipv4/tcp_syncookies';
    run(...inside(pair.near, 'sh', '-c', `echo ${String(value)} > ${file}`));
  };
  it.for(['ipv4', 'ipv6'] as const)(
    'SYN cookies over %s: counted as other answers are',
    async (family, { skip }) => {
      const helper = await watch(together);
      skip(together === 'home' && !isEmulated, notOnThisMachine);
      setSynCookies(2);
      try {
        const ends = await connected(far, near, pair.near[family]);
        await Promise.all([far.do('send', ends.near, 10_000), near.do('receive', ends.far, 10_000)]);
        await near.do('shutdown', ends.far);
        await far.do('close', ends.near);
        await helper.event(({ kind }) => kind === 'closed');
        const process = await expectInAll(helper, { rxBytes: 10_000 });
        const listening = process.flows.find(({ remote }) => remote === null);
        expect(listening?.wire.txPackets).toBe(1);
      } finally {
        setSynCookies(1);
      }
    },
  );
});

describe('trouble: datagrams that do not arrive', () => {
  it.for(['ipv4', 'ipv6'] as const)('nothing listens, over %s: ECONNREFUSED', async (family) => {
    const helper = await watch(together);
    const { socket } = await near.do('datagrams', pair.far[family], closedPort);
    await near.do('send', socket, 50);
    expect((await near.attempt('wait', socket)).error).toBe('ECONNREFUSED');
    const event = await helper.event(({ kind }) => kind === 'failed');
    expect(event).toMatchObject({
      reason: 'port-unreachable',
      protocol: 'udp',
      remote: { port: closedPort },
    });
    expect(await helper.flow(({ protocol }) => protocol === 'udp')).toMatchObject({ state: 'open' });
    const flow = await helper.flow(({ reason }) => reason !== undefined);
    expect(flow).toMatchObject({ reason: 'port-unreachable', payload: { txBytes: 50 } });
    await expectInAll(helper, { txBytes: 50 });
  });
});

describe('trouble: packets that are lost', () => {
  const bytes = 1_000_000;
  const families = ['ipv4', 'ipv6'] as const;
  const cases = (['up', 'down'] as const).flatMap((direction) =>
    families.flatMap((family) => places.map((place) => ({ direction, family, place }))),
  );
  it.for(cases)(
    '$direction over $family, helper $place: sent again on the wire, once in the payload',
    async ({ direction, family, place }) => {
      const helper = await watch(place);
      const ends = await connected(near, far, pair.far[family]);
      const isUp = direction === 'up';
      const lost = 'meta l4proto tcp numgen random mod 100 < 4';
      if (isUp) pair.filter(pair.far, `${lost} drop`);
      else dropAtNear(place, lost);
      const [from, to] = isUp ? [near, far] : [far, near];
      const [fromSocket, toSocket] = isUp ? [ends.near, ends.far] : [ends.far, ends.near];
      await Promise.all([from.do('send', fromSocket, bytes), to.do('receive', toSocket, bytes)]);
      const sending = () => (isUp ? socketAt(pair.near, ends) : socketAtFar(ends));
      expect(sending()?.retransmits).toBeGreaterThan(0);
      pair.filter(isUp ? pair.far : pair.near);
      await from.do('shutdown', fromSocket);
      await to.do('wait', toSocket);
      await expectFinAnswered(sending);
      await to.do('close', toSocket);
      await helper.event(({ kind }) => kind === 'closed');
      const process = await expectInAll(helper, isUp ? { txBytes: bytes } : { rxBytes: bytes });
      expect(process.flows).toHaveLength(1);
      const [flow] = process.flows;
      if (isUp) expect(flow?.retransmits).toBeGreaterThan(0);
      expectClose(process.wire.txBytes, flow?.wire.txBytes ?? 0, 'wire bytes sent, of the flow');
      expectClose(process.wire.rxBytes, flow?.wire.rxBytes ?? 0, 'wire bytes received, of the flow');
    },
  );
});
