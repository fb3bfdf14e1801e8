// Directions and shapes of traffic: up, down, both at once, many and few, over TCP and UDP, counted inside of the
// network namespace (by tc) and from outside (by cgroup_skb).
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostPair } from '../support/namespaces';
import { tellsNetworkNamespace, withoutNetworkNamespace } from '../support/running-kernel';
import {
  crossed,
  expectEveryByteOnce,
  expectPayload,
  expectWire,
  inside,
  processOf,
  runWatched,
  Server,
} from '../support/scenario';

const traffic = fileURLToPath(new URL('../support/traffic.mjs', import.meta.url));

type Family = 'ipv4' | 'ipv6';
type Place = 'inside' | 'outside';

/** Starts the serving end in the far host, runs the other one under the helper, and collects all counts. */
async function measure(pair: HostPair, kind: string, family: Family, place: Place) {
  const address = pair.far[family];
  const { server, port } = await Server.start(inside(pair.far, process.execPath, traffic, 'server', address));
  try {
    const client = [process.execPath, traffic, 'client', address, String(port), kind] as const;
    const report = await runWatched(pair.near, place === 'inside' ? pair.near : 'outside', client);
    return { report, server: await server.stop() };
  } finally {
    await server.dispose();
  }
}

const kinds = [
  ...['tcp-up', 'tcp-down', 'tcp-both', 'tcp-small', 'tcp-parallel', 'tcp-closing-first'],
  ...['udp-up', 'udp-down', 'udp-sockets', 'udp-fragments'],
];

describe('directions and shapes', () => {
  let pair: HostPair;
  beforeAll(() => {
    pair = new HostPair('acc');
    pair.setOffloads('off');
  });
  afterAll(() => {
    pair.dispose();
  });

  // A socket in another network namespace is seen before its datagrams are cut into fragments: how many there
  // will be is not known there, so the headers of further fragments are missing from the wire ledger.
  const isKnownLimit = ({ kind, place }: { kind: string; place: Place }) =>
    kind === 'udp-fragments' && place === 'outside';
  const cases = kinds
    .flatMap((kind) =>
      (['ipv4', 'ipv6'] as const).flatMap((family) =>
        (['inside', 'outside'] as const).map((place) => ({ kind, family, place })),
      ),
    )
    .filter((candidate) => !isKnownLimit(candidate));
  it.for(cases)(
    '$kind over $family, helper $place the namespace',
    async ({ kind, family, place }, { skip }) => {
      skip(kind === 'udp-fragments' && !tellsNetworkNamespace, withoutNetworkNamespace);
      pair.startCounting();
      const { report, server } = await measure(pair, kind, family, place);
      const [truth] = report.truths;
      expect(server).toEqual({ sent: truth?.received, received: truth?.sent });
      expectEveryByteOnce(report, crossed(pair));
    },
  );

  it('counts the same whether or not another helper runs', async () => {
    pair.startCounting();
    const measured = await Promise.all([
      measure(pair, 'tcp-both', 'ipv4', 'inside'),
      measure(pair, 'udp-sockets', 'ipv6', 'inside'),
    ]);
    const processes = measured.flatMap(({ report }) =>
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
