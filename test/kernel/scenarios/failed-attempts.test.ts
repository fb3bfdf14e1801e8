// Connections that cannot be made, and datagrams that do not arrive. The reason that is told is held against the error that
// the program itself got, payload against what it moved, the wire against packet filters.
import { describe, expect, it } from 'vitest';
import type { FlowReason } from '../../../src/shared/protocol';
import type { HostPair } from '../support/namespaces';
import { together } from '../support/places';
import { crossed } from '../support/scenario';
import { expectInAll, near, pair, useSocketEnds, watch } from '../support/socket-ends';

useSocketEnds('att', (made) => made.setOffloads('off'));

const places = [together, 'outside'] as const;

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
    if (place === 'outside' && failure.waitingBytes !== undefined) {
      const { retransmits } = await helper.flow(({ state }) => state === 'closed');
      // The hooks at the socket are passed before it is known that nobody has the address. That takes as long as TCP
      // waits until it tries for the second time.
      const packets = 1 + retransmits;
      wire.sent = { packets, bytes: packets * failure.waitingBytes };
    }
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
