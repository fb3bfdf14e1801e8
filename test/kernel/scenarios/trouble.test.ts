// Trouble: connections that fail, break or lose packets. The reason that is told is held against the error that the
// program itself got, payload against what it moved, the wire against packet filters.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FlowReason } from '../../../src/shared/protocol';
import { HostPair, run } from '../support/namespaces';
import { fromPlace, PairByPlace, type Place, together } from '../support/places';
import { compiledProgram } from '../support/programs';
import { isEmulated, notOnThisMachine } from '../support/running-kernel';
import { crossed, inside, expectClose, expectWire, processOf } from '../support/scenario';
import { connected, SocketProcess } from '../support/socket-steps';
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

/** Starts a program at either end, of which the helper watches the near one. */
async function watch(place: Place): Promise<Watching> {
  pair = pairs.at(place);
  near = new SocketProcess(pair.near, program);
  far = new SocketProcess(pair.far, program);
  watching = undefined;
  watching = await Watching.start(fromPlace(pair, place), near.pid);
  return watching;
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
    if (isLocal === true) return;
    expect(event.durationMicros).toBeGreaterThan(0);
    const flow = await helper.flow(({ state }) => state === 'closed');
    expect(flow).toMatchObject({ reason, remote: { address }, payload: { txBytes: 0, rxBytes: 0 } });
    expect(Date.parse(flow.closedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(flow.openedAt));
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
  });
});

interface Break {
  what: string;
  reason: FlowReason | undefined;
  /** The error that the watched program finds; empty for none, undefined where it does not look. */
  error?: string;
  options?: [name: string, value: number][];
  happens: (ends: { near: number; far: number }) => Promise<unknown>;
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
    happens: async (ends) => {
      await near.do('send', ends.near, 100);
      // It is there before the other end closes.
      await far.do('wait', ends.far);
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
    happens: async (ends) => {
      pair.filter(pair.near, 'meta l4proto tcp drop');
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
    await broken.happens(ends);
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
    expect(flow.payload.txBytes).toBeGreaterThanOrEqual(10_000);
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
        pair.startCounting();
        const ends = await connected(far, near, pair.near[family]);
        await Promise.all([far.do('send', ends.near, 10_000), near.do('receive', ends.far, 10_000)]);
        await near.do('shutdown', ends.far);
        await far.do('close', ends.near);
        await helper.event(({ kind }) => kind === 'closed');
        const process = processOf(await helper.stop(), near.pid);
        expect(process.payload).toEqual({ txBytes: 0, rxBytes: 10_000 });
        expectWire([process], crossed(pair));
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
  });
});

describe('trouble: packets that are lost', () => {
  it.for(places)('up, helper %s: sent again on the wire, once in the payload', async (place) => {
    const bytes = 1_000_000;
    const helper = await watch(place);
    pair.startCounting();
    const ends = await connected(near, far, pair.far.ipv4);
    pair.filter(pair.far, 'meta l4proto tcp numgen random mod 100 < 4 drop');
    await Promise.all([near.do('send', ends.near, bytes), far.do('receive', ends.far, bytes)]);
    pair.filter(pair.far);
    await near.do('shutdown', ends.near);
    await far.do('close', ends.far);
    await helper.event(({ kind }) => kind === 'closed');
    const report = await helper.stop();
    const process = processOf(report, near.pid);
    expect(process.payload).toEqual({ txBytes: bytes, rxBytes: 0 });
    expectWire([process], crossed(pair));
    expect(process.flows).toHaveLength(1);
    expect(process.flows[0]?.retransmits).toBeGreaterThan(0);
    expectClose(process.wire.txBytes, process.flows[0]?.wire.txBytes ?? 0, 'wire bytes of the flow');
  });
});
