// Packets that several sockets receive: multicast, broadcast, and raw sockets beside those that they listen in on. On the
// wire each counts once, its content on everybody who has it.
import { describe, expect, it } from 'vitest';
import type { Family } from '../support/far-server';
import { fromPlace, type Place } from '../support/places';
import { crossed, expectEveryByteOnce, inside, runWatched, Server } from '../support/scenario';
import {
  at,
  both,
  everywhere,
  exchange,
  icmp,
  icmpNumber,
  lingering,
  oftenLooked,
  type Options,
  pair,
  places,
  speak,
  useSpeakers,
} from '../support/speakers';

useSpeakers();

describe('one packet for several sockets', () => {
  // Of each host by the other's address: what a host sends to a group comes back to its own members too, and that
  // crosses no wire.
  const bySender = {
    ipv4: { near: 'ip saddr 10.77.0.1 ip protocol udp', far: 'ip saddr 10.77.0.2 ip protocol udp' },
    ipv6: { near: 'ip6 saddr fd77::1 meta l4proto udp', far: 'ip6 saddr fd77::2 meta l4proto udp' },
  };
  const group = { ipv4: '239.77.0.7', ipv6: 'ff05::77' };
  const anyAddress = { ipv4: '0.0.0.0', ipv6: '::' };

  /** Three members beside the sender, and one at the far end that answers to all. */
  async function speakToAll(family: Family, place: Place, remote: string, join: Options) {
    at(place).startCounting(bySender[family]);
    const far = await Server.start(
      inside(
        pair.far,
        ...speak('serve', {
          ...both(family),
          ...{ local: anyAddress[family], port: 7_777, answer: 500, to: remote, ...join },
        }),
      ),
    );
    try {
      const options = {
        port: 7_777,
        count: 40,
        bytes: 300,
        members: 3,
        'member-bytes': 40 * 800,
        ...lingering,
      };
      const client = speak('send', { ...both(family), remote, ...options, ...join });
      const report = await runWatched(pair.near, fromPlace(pair, place), client, oftenLooked);
      expect(report.truths).toHaveLength(4);
      return report;
    } finally {
      await far.server.dispose();
    }
  }

  function crossedBySender() {
    return { sent: pair.arrivedAt(pair.far, 'near'), received: pair.arrivedAt(pair.near, 'far') };
  }

  it.for(everywhere)(
    'protocols: multicast with members on both ends, $family, helper $place',
    async ({ family, place }) => {
      const report = await speakToAll(family, place, group[family], { join: group[family] });
      expectEveryByteOnce(report, crossedBySender());
    },
  );

  it.for(places)('protocols: broadcast with receivers on both ends, helper %s', async (place) => {
    const report = await speakToAll('ipv4', place, '10.77.0.255', {});
    expectEveryByteOnce(report, crossedBySender());
  });

  it.for(everywhere.flatMap((where) => ['raw', 'dgram'].map((type) => ({ ...where, type }))))(
    'protocols: a raw ICMP socket beside one that pings ($type), $family, helper $place',
    async ({ family, place, type }) => {
      at(place).startCounting({ arrived: icmp[family] });
      const echo = { type, protocol: icmpNumber[family], count: 50, bytes: 1_000, answer: 1_000 };
      const members = { members: 1, 'member-type': 'raw', 'member-bytes': 50_000, ...lingering };
      const client = speak('send', { ...both(family), ...echo, ...members });
      const report = await runWatched(pair.near, fromPlace(pair, place), client, oftenLooked);
      expect(report.truths).toHaveLength(2);
      expectEveryByteOnce(report, crossed(pair));
      const asking = report.truths.find(({ sent }) => sent > 0);
      expect(report.summary.processes.find(({ pid }) => pid === asking?.pid)?.wire.rxPackets).toBe(50);
    },
  );

  it.for(everywhere)(
    'protocols: a raw socket that listens in on UDP, $family, helper $place',
    async ({ family, place }) => {
      at(place).startCounting();
      const report = await exchange(
        family,
        place,
        {
          ...{ port: 7_777, protocol: 17, count: 50, bytes: 700, answer: 300 },
          ...{ members: 1, 'member-type': 'raw', 'member-bytes': 50 * 308, ...lingering },
        },
        { port: 7_777, answer: 300 },
      );
      expect(report.truths).toHaveLength(2);
      expectEveryByteOnce(report, crossed(pair));
      const listening = report.summary.processes.find(({ flows }) =>
        flows.some(({ protocol }) => protocol === 'raw:17'),
      );
      expect(listening?.wire.rxBytes).toBe(0);
    },
  );
});
