// Directions and shapes of traffic: up, down, both at once, many and few, over TCP and UDP, counted inside of the
// network namespace, also in that of the machine (by tc), and from outside (by cgroup_skb).
import { describe, expect, it } from 'vitest';
import { type Family, ipv4Mapped, measureAgainstServer, trafficProgram } from '../support/far-server';
import type { HostPair } from '../support/namespaces';
import {
  hasBigTcp,
  tellsNetworkNamespace,
  vethBundles,
  withoutBigTcp,
  withoutNetworkNamespace,
} from '../support/running-kernel';
import { type Place, usePairs } from '../support/places';
import { crossed, expectEveryByteOnce, expectPayload, expectWire, processOf } from '../support/scenario';

/** Runs one kind of traffic of traffic.mjs between the hosts. */
function measure(pair: HostPair, kind: string, family: Family, place: Place) {
  return measureAgainstServer(pair, { family, place }, (address, port) => [
    ...([process.execPath, trafficProgram, 'client'] as const),
    ...[address, String(port), kind],
  ]);
}

const kinds = [
  ...['tcp-up', 'tcp-down', 'tcp-both', 'tcp-small', 'tcp-parallel', 'tcp-closing-first'],
  ...['udp-up', 'udp-down', 'udp-sockets', 'udp-fragments'],
];
/** Those that differ in their rhythm only. */
const rhythms = ['tcp-bursts', 'tcp-drip', 'tcp-small-writes', 'udp-rapid'];
/** Those in which segments are bundled while offloads are on. */
const bundledKinds = ['tcp-up', 'tcp-down', 'tcp-both', 'tcp-parallel'];

interface Case {
  kind: string;
  family: Family;
  place: Place;
}

/** Each kind over both families, from both places. */
function combinations(names: readonly string[]): Case[] {
  return names.flatMap((kind) =>
    (['ipv4', 'ipv6'] as const).flatMap((family) =>
      (['inside', 'outside'] as const).map((place) => ({ kind, family, place })),
    ),
  );
}

/** Each kind over IPv4 from inside, and over IPv6 from outside. */
function crosswise(names: readonly string[]): Case[] {
  return names.flatMap((kind): Case[] => [
    { kind, family: 'ipv4', place: 'inside' },
    { kind, family: 'ipv6', place: 'outside' },
  ]);
}

describe('directions and shapes', () => {
  const pairs = usePairs('acc', (pair) => {
    pair.sendOnce();
    pair.setOffloads('off');
  });

  const cases: Case[] = [
    ...combinations(kinds),
    ...crosswise(rhythms),
    { kind: 'tcp-both', family: 'ipv4', place: 'home' },
    { kind: 'udp-sockets', family: 'ipv6', place: 'home' },
    { kind: 'udp-fragments', family: 'ipv4', place: 'home' },
    { kind: 'udp-fragments', family: 'ipv6', place: 'home' },
  ];
  it.for(cases)('shapes: $kind over $family, helper $place', async ({ kind, family, place }, { skip }) => {
    skip(kind === 'udp-fragments' && place === 'inside' && !tellsNetworkNamespace, withoutNetworkNamespace);
    const pair = pairs.at(place);
    pair.startCounting();
    const report = await measure(pair, kind, family, place);
    expectEveryByteOnce(report, crossed(pair));
  });

  it.for(['inside', 'outside', 'home'] as const)(
    'shapes: tcp-both over IPv4 and an IPv6 socket, helper %s',
    async (place) => {
      const pair = pairs.at(place);
      pair.startCounting();
      const report = await measureAgainstServer(pair, { place }, (address, port) => [
        ...([process.execPath, trafficProgram, 'client'] as const),
        ...[ipv4Mapped(address), String(port), 'tcp-both'],
      ]);
      expectEveryByteOnce(report, crossed(pair));
      const [flow] = report.summary.processes.flatMap(({ flows }) => flows);
      expect(flow?.remote?.split(':')[0]).toBe(pair.far.ipv4);
    },
  );

  it('shapes: counts the same whether or not another helper runs', async () => {
    const pair = pairs.at('inside');
    pair.startCounting();
    const measured = await Promise.all([
      measure(pair, 'tcp-both', 'ipv4', 'inside'),
      measure(pair, 'udp-sockets', 'ipv6', 'inside'),
    ]);
    const processes = measured.flatMap((report) =>
      report.truths.map((truth) => {
        const process = processOf(report, truth.pid);
        expectPayload(process, truth);
        return process;
      }),
    );
    expect(processes).toHaveLength(2);
    expectWire(processes, crossed(pair));
  });
});

describe('directions and shapes with offloads', () => {
  const pairs = usePairs('ofl', (pair) => pair.sendOnce(), 'segmenting');

  const cases: Case[] = [
    ...crosswise(bundledKinds),
    { kind: 'tcp-both', family: 'ipv4', place: 'home' },
    { kind: 'tcp-up', family: 'ipv6', place: 'home' },
  ];
  it.for(cases)(
    'shapes: $kind over $family with offloads, helper $place',
    async ({ kind, family, place }) => {
      const pair = pairs.at(place);
      pair.startCounting();
      const report = await measure(pair, kind, family, place);
      const wire = crossed(pair);
      // Otherwise the test would show nothing.
      const bundles = pair.bundlesOfNear();
      if (kind !== 'tcp-down') expect(bundles.sent).toBeLessThan(wire.sent.packets);
      if (kind !== 'tcp-up' && vethBundles) expect(bundles.received).toBeLessThan(wire.received.packets);
      expectEveryByteOnce(report, wire);
    },
  );

  it.for(['inside', 'outside'] as const)(
    'shapes: bundles of more than 64 kB over ipv6, helper %s',
    async (place, { skip }) => {
      skip(!hasBigTcp, withoutBigTcp);
      const pair = pairs.at(place);
      pair.setLargestBundle(185_000);
      pair.startCounting();
      const report = await measure(pair, 'tcp-up', 'ipv6', place);
      const wire = crossed(pair);
      expect(pair.largeBundles).toBeGreaterThan(0);
      expectEveryByteOnce(report, wire);
    },
  );
});
