// Every protocol that a socket can speak over IP, counted inside of the network namespace, also in that of the machine
// (by tc), and from outside (by cgroup_skb): what the sockets' own counts and the far end's packet filter say is held
// against the helper's ledgers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, HostPair, run } from '../support/namespaces';
import { fromPlace, PairByPlace, type Place, together } from '../support/places';
import { compiledProgram } from '../support/programs';
import {
  hasMptcp,
  hasUdpLite,
  tellsNetworkNamespace,
  withoutMptcp,
  withoutNetworkNamespace,
  withoutUdpLite,
} from '../support/running-kernel';
import { crossed, expectEveryByteOnce, inside, type Report, runWatched, Server } from '../support/scenario';

type Family = 'ipv4' | 'ipv6';
type Options = Record<string, string | number>;

let folder: string;
const pairs = new PairByPlace((options) => {
  const made = new HostPair('pro', options);
  made.retransmitLate();
  made.setOffloads('off');
  if (!options.isHome) for (const host of [made.near, made.far]) allowProtocols(host);
  return made;
});
/** That of the test that runs. */
let pair: HostPair;
let sockets: string;

/** Options of a helper that has no process events, as in a network namespace, and is to find children all the same. */
const oftenLooked = ['--interval', '100ms'];
const lingering = { linger: 500 };

/** Allows ping sockets, and the IPv6 header that gives the way. */
function allowProtocols(host: Host): void {
  const seg6 = ['net.ipv6.conf.all.seg6_enabled=1', 'net.ipv6.conf.wire0.seg6_enabled=1'];
  run(...inside(host, 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 0', ...seg6));
}

/** Arguments of `sockets.c`. */
function speak(role: string, options: Options): readonly [string, ...string[]] {
  return [sockets, role, ...Object.entries(options).map(([key, value]) => `${key}=${String(value)}`)];
}

/** Has the test use the hosts of a place. */
function at(place: Place): HostPair {
  pair = pairs.at(place);
  return pair;
}

function both(family: Family): Options {
  return { family: family === 'ipv6' ? 6 : 4, local: pair.near[family], remote: pair.far[family] };
}

/** Sends under the helper to a server at the far end, whose counts must agree. */
async function exchange(family: Family, place: Place, client: Options, server: Options): Promise<Report> {
  const far = await Server.start(
    inside(pair.far, ...speak('serve', { ...both(family), local: pair.far[family], ...server })),
  );
  try {
    const sender = speak('send', { ...both(family), ...client });
    const report = await runWatched(pair.near, fromPlace(pair, place), sender, oftenLooked);
    const counted = await far.server.stop();
    const truth = report.truths.find(({ sent }) => sent > 0);
    expect(counted).toEqual({ sent: truth?.received, received: truth?.sent });
    return report;
  } finally {
    await far.server.dispose();
  }
}

function protocolsOf(report: Report): string[] {
  return [...new Set(report.summary.processes.flatMap(({ flows }) => flows.map(({ protocol }) => protocol)))];
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-sockets-'));
  sockets = compiledProgram('sockets', folder);
});
afterAll(() => {
  pairs.dispose();
  rmSync(folder, { recursive: true });
});

const families = ['ipv4', 'ipv6'] as const;
const places = ['inside', 'outside'] as const;
const everywhere = families.flatMap((family) => places.map((place) => ({ family, place })));
const alsoAtHome = families.flatMap((family) =>
  [...places, 'home' as const].map((place) => ({ family, place })),
);

describe('protocols', () => {
  const icmp = { ipv4: 'ip protocol icmp', ipv6: 'icmpv6 type { echo-request, echo-reply }' };
  const icmpNumber = { ipv4: 1, ipv6: 58 };
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
    const mapped = { family: 6, local: '::', remote: `::ffff:${pair.far.ipv4}`, port: 7_777 };
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

/** Whether what they receive is said not to be counted. */
function marksOfFlows({ summary }: Report): boolean[] {
  const flows = summary.processes.flatMap((process) => process.flows);
  return [...new Set(flows.map(({ receivedUncounted }) => receivedUncounted ?? false))];
}

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
      const replies = { ipv4: 'ip protocol icmp', ipv6: 'icmpv6 type { echo-request, echo-reply }' };
      at(place).startCounting({ arrived: replies[family] });
      const protocol = family === 'ipv4' ? 1 : 58;
      const echo = { type, protocol, count: 50, bytes: 1_000, answer: 1_000 };
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
