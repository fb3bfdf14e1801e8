// Every protocol that a socket can speak over IP, counted inside of the network namespace, also in that of the machine
// (by tc), and from outside (by cgroup_skb): what the sockets' own counts and the far end's packet filter say is held
// against the helper's ledgers.
import { describe, expect, it } from 'vitest';
import { ipv4Mapped } from '../support/far-server';
import { fromPlace, together } from '../support/places';
import {
  hasMptcp,
  hasUdpLite,
  tellsNetworkNamespace,
  withoutMptcp,
  withoutNetworkNamespace,
  withoutUdpLite,
} from '../support/running-kernel';
import { crossed, expectEveryByteOnce, type Report, runWatched } from '../support/scenario';
import {
  alsoAtHome,
  at,
  both,
  everywhere,
  exchange,
  icmp,
  icmpNumber,
  oftenLooked,
  pair,
  places,
  speak,
  useSpeakers,
} from '../support/speakers';

useSpeakers();

function protocolsOf(report: Report): string[] {
  return [...new Set(report.summary.processes.flatMap(({ flows }) => flows.map(({ protocol }) => protocol)))];
}

/** Whether what they receive is said not to be counted. */
function marksOfFlows({ summary }: Report): boolean[] {
  const flows = summary.processes.flatMap((process) => process.flows);
  return [...new Set(flows.map(({ receivedUncounted }) => receivedUncounted ?? false))];
}

describe('protocols', () => {
  const icmpName = { ipv4: 'icmp', ipv6: 'icmp6' };

  it.for(everywhere)('protocols: ping sockets, $family, helper $place', async ({ family, place }) => {
    at(place).startCounting({ arrived: icmp[family] });
    const echo = { protocol: icmpNumber[family], count: 50, bytes: 1_000, answer: 1_000 };
    const report = await runWatched(
      pair.near,
      fromPlace(pair, place),
      speak('send', { ...both(family), ...echo }),
    );
    expectEveryByteOnce(report, crossed(pair));
    expect(protocolsOf(report)).toEqual([icmpName[family]]);
    expect(report.truths[0]).toMatchObject({ sent: 50_000, received: 50_000 });
  });

  it.for(alsoAtHome)('protocols: raw ICMP sockets, $family, helper $place', async ({ family, place }) => {
    at(place).startCounting({ arrived: icmp[family] });
    const echo = { type: 'raw', protocol: icmpNumber[family], count: 50, bytes: 1_000, answer: 1_000 };
    const report = await runWatched(
      pair.near,
      fromPlace(pair, place),
      speak('send', { ...both(family), ...echo }),
    );
    expectEveryByteOnce(report, crossed(pair));
    expect(protocolsOf(report)).toEqual([icmpName[family]]);
  });

  it.for(alsoAtHome)('protocols: raw protocol 253, $family, helper $place', async ({ family, place }) => {
    at(place).startCounting({ arrived: 'meta l4proto 253' });
    const raw = { type: 'raw', protocol: 253 };
    const report = await exchange(
      family,
      place,
      { ...raw, count: 50, bytes: 700, answer: 300 },
      { ...raw, answer: 300 },
    );
    expectEveryByteOnce(report, crossed(pair));
    expect(protocolsOf(report)).toEqual(['raw:253']);
  });

  it.for(places)('protocols: raw socket with headers of its own, helper %s', async (place) => {
    at(place).startCounting({ arrived: 'meta l4proto 253' });
    const report = await exchange(
      'ipv4',
      place,
      { type: 'raw', protocol: 253, header: 1, count: 50, bytes: 700, answer: 300 },
      { type: 'raw', protocol: 253, answer: 300 },
    );
    expectEveryByteOnce(report, crossed(pair));
  });

  it.for(alsoAtHome)(
    'protocols: raw fragments both ways, $family, helper $place',
    async ({ family, place }, { skip }) => {
      skip(place === 'inside' && !tellsNetworkNamespace, withoutNetworkNamespace);
      at(place).startCounting({ arrived: 'meta l4proto 253' });
      const raw = { type: 'raw', protocol: 253 };
      const report = await exchange(
        family,
        place,
        { ...raw, count: 20, bytes: 9_000, answer: 20_000 },
        { ...raw, answer: 20_000 },
      );
      expectEveryByteOnce(report, crossed(pair));
      // At a socket in another network namespace how datagrams were cut is an estimate, right where the interface
      // carries what most do.
      const flows = report.summary.processes.flatMap((process) => process.flows);
      expect(flows.map(({ wireEstimate }) => wireEstimate ?? false)).toEqual([place === 'outside']);
    },
  );

  it.for(everywhere)('protocols: UDP-Lite, $family, helper $place', async ({ family, place }, { skip }) => {
    skip(!hasUdpLite, withoutUdpLite);
    at(place).startCounting({ arrived: 'meta l4proto 136' });
    const lite = { protocol: 136, port: 7_777 };
    const report = await exchange(
      family,
      place,
      { ...lite, count: 50, bytes: 700, answer: 300 },
      { ...lite, answer: 300 },
    );
    expectEveryByteOnce(report, crossed(pair));
    expect(protocolsOf(report)).toEqual(['udplite']);
  });

  it.for(everywhere)('protocols: UDP to many peers, $family, helper $place', async ({ family, place }) => {
    at(place).startCounting();
    const report = await exchange(
      family,
      place,
      { port: 7_777, peers: 50, count: 200, bytes: 300, answer: 500 },
      { port: 7_777, peers: 50, answer: 500 },
    );
    expectEveryByteOnce(report, crossed(pair));
    expect(report.summary.processes.flatMap(({ flows }) => flows)).toHaveLength(50);
  });

  it.for(alsoAtHome)(
    'protocols: UDP segmentation offload both ways, $family, helper $place',
    async ({ family, place }) => {
      at(place).startCounting();
      const report = await exchange(
        family,
        place,
        { port: 7_777, connected: 1, segment: 1_200, gro: 1, count: 30, bytes: 30_000, answer: 20_000 },
        { port: 7_777, segment: 1_000, every: 30_000, answer: 20_000 },
      );
      expectEveryByteOnce(report, crossed(pair));
    },
  );

  it.for(alsoAtHome)(
    'protocols: UDP segments that arrive as one bundle, $family, helper $place',
    async ({ family, place }) => {
      at(place).setOffloads('on');
      try {
        const report = await exchange(
          family,
          place,
          { port: 7_777, connected: 1, segment: 1_200, gro: 1, count: 30, bytes: 30_000, answer: 20_000 },
          { port: 7_777, segment: 1_000, every: 30_000, answer: 20_000 },
        );
        expectEveryByteOnce(report, undefined);
        // A bundle crosses a veth pair as it is; a wire would carry it in pieces, each with its headers.
        const headers = 14 + (family === 'ipv4' ? 20 : 40) + 8;
        expect(report.summary.processes.find(({ pid }) => pid === report.truths[0]?.pid)?.wire).toEqual({
          txBytes: 30 * 25 * (1_200 + headers),
          rxBytes: 30 * 20 * (1_000 + headers),
          txPackets: 30 * 25,
          rxPackets: 30 * 20,
        });
      } finally {
        pair.setOffloads('off');
      }
    },
  );

  const extended = [
    { extension: 'hop,destination', bytes: 700, kind: 'packets' },
    { extension: 'routing', bytes: 700, kind: 'packets' },
    { extension: 'hop,routing,destination', bytes: 4_000, kind: 'fragments' },
  ].flatMap((how) => places.map((place) => ({ ...how, place })));
  it.for(extended)(
    'protocols: IPv6 with extension headers ($extension) in $kind, helper $place',
    async ({ extension, bytes, kind, place }) => {
      // The packet filter looks behind the headers, as far as it knows them.
      at(place).startCounting({ arrived: 'ip6 nexthdr { 0, 43 } ip6 daddr { fd77::1, fd77::2 }' });
      const udp = { port: 7_777, extension, answer: bytes };
      const server = { ...udp, remote: pair.near.ipv6 };
      const report = await exchange('ipv6', place, { ...udp, count: 50, bytes }, server);
      const isEstimate = kind === 'fragments' && place !== together;
      expectEveryByteOnce(report, isEstimate ? undefined : crossed(pair));
      expect(protocolsOf(report)).toEqual(['udp']);
      const marks = report.summary.processes.flatMap(({ flows }) => flows.map((flow) => flow.wireEstimate));
      expect(marks).toEqual([isEstimate ? true : undefined]);
    },
  );

  it.for(places)('protocols: IPv4 over an IPv6 socket, helper %s', async (place) => {
    at(place).startCounting();
    const mapped = { family: 6, local: '::', remote: ipv4Mapped(pair.far.ipv4), port: 7_777 };
    const udp = await exchange(
      'ipv4',
      place,
      { ...mapped, count: 50, bytes: 700, answer: 300 },
      {
        port: 7_777,
        answer: 300,
      },
    );
    expectEveryByteOnce(udp, crossed(pair));
    const [flow] = udp.summary.processes.flatMap(({ flows }) => flows);
    expect(flow?.local).toMatch(/^10\.77\.0\.1:/);
    expect(flow?.remote).toBe('10.77.0.2:7777');
  });

  const mptcp = { type: 'stream', protocol: 262, port: 7_777 };

  /** What MPTCP sends again while an acknowledgement is late is payload of TCP once more, at both ends. */
  function withSentAgain(report: Report, far: Report): Report {
    const again = ({ truths }: Report) => truths.reduce((sum, truth) => sum + (truth.again ?? 0), 0);
    const truths = report.truths.map((truth) => ({
      ...truth,
      sent: truth.sent + again(report),
      received: truth.received + again(far),
    }));
    return { ...report, truths };
  }
  it.for(everywhere)(
    'protocols: MPTCP client, $family, helper $place',
    async ({ family, place }, { skip }) => {
      skip(!hasMptcp, withoutMptcp);
      at(place).startCounting();
      const local = pair.far[family];
      const serving = speak('accept', { ...both(family), local, ...mptcp, answer: 300_000 });
      const far = runWatched(pair.far, pair.far, serving);
      const client = speak('connect', { ...both(family), ...mptcp, count: 10, bytes: 50_000 });
      const report = await runWatched(pair.near, fromPlace(pair, place), client);
      expectEveryByteOnce(withSentAgain(report, await far), crossed(pair));
      expect(report.truths[0]).toMatchObject({ sent: 500_000, received: 300_000 });
    },
  );

  it.for(everywhere)(
    'protocols: MPTCP server, $family, helper $place',
    async ({ family, place }, { skip }) => {
      skip(!hasMptcp, withoutMptcp);
      at(place).startCounting();
      const remote = pair.near[family];
      const connecting = speak('connect', { ...both(family), remote, ...mptcp, count: 10, bytes: 50_000 });
      const far = runWatched(pair.far, pair.far, connecting);
      const server = speak('accept', { ...both(family), ...mptcp, answer: 300_000 });
      const report = await runWatched(pair.near, fromPlace(pair, place), server);
      // The other end tries until somebody listens; what is refused is nobody's.
      expectEveryByteOnce(withSentAgain(report, await far), undefined);
      const process = report.summary.processes.find(({ pid }) => pid === report.truths[0]?.pid);
      expect(process?.wire.rxBytes).toBeGreaterThan(500_000);
    },
  );

  it.for(['raw', 'dgram'])('protocols: packet socket (%s) that was found, helper inside', async (type) => {
    at('inside').startCounting({ arrived: 'ether type 0x88b5' });
    const frames = speak('frames', { type, before: 2_500, count: 50, bytes: 900 });
    const report = await runWatched(pair.near, pair.near, frames, oftenLooked);
    expectEveryByteOnce(report, crossed(pair));
    expect(protocolsOf(report)).toEqual(['packet']);
    expect(marksOfFlows(report)).toEqual([true]);
  });

  it('protocols: packet socket that only receives is shown, and marked, helper inside', async () => {
    const { near } = at('inside');
    const frames = speak('frames', { type: 'raw', before: 2_500, count: 0 });
    const report = await runWatched(near, near, frames, oftenLooked);
    expectEveryByteOnce(report, undefined);
    const flows = report.summary.processes.flatMap((process) => process.flows);
    expect(flows).toMatchObject([
      { protocol: 'packet', interface: '*', remote: null, receivedUncounted: true, wire: { rxPackets: 0 } },
    ]);
  });
});
