// Trouble: connections that break or lose packets, and listening sockets whose queue is full. The reason that is told is held
// against the error that the program itself got, payload against what it moved, the wire against packet filters.
import { describe, expect, it } from 'vitest';
import type { FlowReason, PayloadCounters } from '../../../src/shared/protocol';
import { run } from '../support/namespaces';
import { type Place, together } from '../support/places';
import { isEmulated, notOnThisMachine } from '../support/running-kernel';
import { expectClose, inside } from '../support/scenario';
import { expectInAll, far, near, pair, useSocketEnds, watch } from '../support/socket-ends';
import { type Connection, connected } from '../support/socket-steps';
import { socketAt, type SocketStatistics } from '../support/ss';

useSocketEnds('trb', (made) => made.setOffloads('off'));

const places = [together, 'outside'] as const;

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
