// IPsec: what ESP encrypts, or AH vouches for, between two hosts, by policies or through an interface of its own. Both
// ends of every exchange are watched, and each end is held against the protected packets that arrived at the other.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exchange, expectBothEnds, type Path, places, straight } from '../support/paths';
import { useProgram } from '../support/programs';
import { processOf, type Report } from '../support/scenario';
import { type NetworkHost, Topology } from '../support/topology';

/** Little of it: encrypting takes its time where the processor is emulated. */
const kinds = ['tcp-few', 'udp-up'] as const;
type Kind = (typeof kinds)[number];
const modes = ['transport', 'tunnel'] as const;
type Mode = (typeof modes)[number];
const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];
type Protocol = 'esp' | 'ah';

/** What `ip xfrm state add` is given. Keys are of a test that is over in seconds. */
const algorithms = {
  'AES-GCM': ['aead', 'rfc4106(gcm(aes))', `0x${'0123456789abcdef'.repeat(2)}01234567`, '128'],
  'AES-CBC with SHA-256': [
    ...['enc', 'cbc(aes)', `0x${'0123456789abcdef'.repeat(2)}`],
    ...['auth-trunc', 'hmac(sha256)', `0x${'0123456789abcdef'.repeat(4)}`, '128'],
  ],
  'SHA-256': ['auth-trunc', 'hmac(sha256)', `0x${'0123456789abcdef'.repeat(4)}`, '128'],
} as const;
type Algorithm = keyof typeof algorithms;

interface Protected {
  mode: Mode;
  family: Family;
  protocol?: Protocol;
  algorithm: Algorithm;
  /** In UDP, as through routers that translate addresses. */
  inUdp?: boolean;
  /** Number of the interface that carries it, where policies do not choose by addresses alone. */
  interfaceId?: string;
}

/** Addresses of the wire, and of what talks over it: others, where a tunnel hides them. */
const addresses = {
  ipv4: { wire: ['10.78.0.1', '10.78.0.2'], inner: ['10.79.0.1', '10.79.0.2'], bits: 24, all: 32 },
  ipv6: { wire: ['fd78::1', 'fd78::2'], inner: ['fd79::1', 'fd79::2'], bits: 64, all: 128 },
} as const;

const udpPort = '4500';

let topology: Topology;
const udpOpener = useProgram('udp-opener');
/** They have the kernel open what arrives in UDP. */
const openers: ChildProcess[] = [];
let withoutEsp = '';
let withoutAh = '';
beforeAll(() => {
  withoutEsp = whyWithout('esp', 'AES-GCM');
  withoutAh = whyWithout('ah', 'SHA-256');
});
afterEach(async () => {
  for (const opener of openers.splice(0)) {
    const closed = once(opener, 'close');
    opener.stdin?.end();
    await closed;
  }
  topology.dispose();
});

function associate(host: NetworkHost, from: string, to: string, index: string, options: Protected): void {
  const { mode, protocol = 'esp', algorithm, inUdp, interfaceId } = options;
  host.ip(
    ...(['xfrm', 'state', 'add', 'src', from, 'dst', to, 'proto', protocol, 'spi', index] as const),
    ...(['mode', mode, ...algorithms[algorithm]] as const),
    ...(inUdp ? ['encap', 'espinudp', udpPort, udpPort, from.includes(':') ? '::' : '0.0.0.0'] : []),
    ...(interfaceId === undefined ? [] : ['if_id', interfaceId]),
  );
}

/** Has what programs of the two hosts say to each other protected. */
function protect(near: NetworkHost, far: NetworkHost, options: Protected): void {
  const { mode, family, protocol = 'esp', inUdp, interfaceId } = options;
  const { wire, inner, all } = addresses[family];
  const talking = mode === 'tunnel' ? inner : wire;
  for (const host of [near, far])
    for (const [from, to, index] of [
      [0, 1, '0x1001'],
      [1, 0, '0x1002'],
    ] as const) {
      associate(host, wire[from], wire[to], index, options);
      const isOut = (from === 0) === (host === near);
      const ends = [
        'src',
        `${talking[from]}/${String(all)}`,
        'dst',
        `${talking[to]}/${String(all)}`,
      ] as const;
      // What carries it is not protected itself.
      if (inUdp && !isOut)
        host.ip('xfrm', 'policy', 'add', ...ends, 'proto', '17', 'dport', udpPort, 'dir', 'in');
      // Not the neighbours' own messages: how many there are is a matter of time.
      for (const transport of ['6', '17'])
        host.ip(
          ...(['xfrm', 'policy', 'add', ...ends, 'proto', transport] as const),
          ...(['dir', isOut ? 'out' : 'in', 'priority', '1'] as const),
          ...(interfaceId === undefined ? [] : ['if_id', interfaceId]),
          ...(['tmpl', 'src', wire[from], 'dst', wire[to], 'proto', protocol, 'mode', mode] as const),
        );
    }
}

async function openUdp(host: NetworkHost, address: string): Promise<void> {
  const [program, ...args] = host.command(udpOpener.path, address, udpPort);
  const opener = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  openers.push(opener);
  await once(opener.stdout, 'data');
}

/** Has both ends open what arrives at their addresses of the wire. */
async function openBoth({ client, server }: Path, family: Family): Promise<void> {
  for (const [index, { host }] of [client, server].entries())
    await openUdp(host, addresses[family].wire[index] ?? '');
}

/** Why this kernel carries none of this; empty where it does. */
function whyWithout(protocol: Protocol, algorithm: Algorithm): string {
  topology = new Topology('none');
  try {
    const host = topology.host('a');
    associate(host, '10.78.0.1', '10.78.0.2', '0x1001', {
      ...{ mode: 'transport', family: 'ipv4', protocol, algorithm },
    });
    return '';
  } catch (error) {
    return `this kernel has no ${protocol.toUpperCase()}: ${String(error).trim().split('\n').at(-1) ?? ''}`;
  } finally {
    topology.dispose();
  }
}

/** Near and far on one wire, on which nothing passes between them that is not protected. */
function onWire(name: string, options: Protected): Path {
  topology = new Topology(name);
  const near = topology.host('a');
  const far = topology.host('b');
  topology.wire(near, 'wire0', far, 'wire0');
  const { wire, inner, bits, all } = addresses[options.family];
  for (const [host, own] of [
    [near, 0],
    [far, 1],
  ] as const) {
    host.up('wire0', `${wire[own]}/${String(bits)}`);
    if (options.mode === 'transport') continue;
    host.address('wire0', `${inner[own]}/${String(all)}`);
    const other = inner[1 - own] ?? '';
    host.ip('route', 'add', other, 'via', wire[1 - own] ?? '', 'dev', 'wire0', 'src', inner[own]);
  }
  protect(near, far, options);
  const talking = options.mode === 'tunnel' ? inner : wire;
  return {
    ...straight(near, far, 'wire0', talking[1]),
    carried: options.inUdp ? `udp dport ${udpPort}` : `meta l4proto ${options.protocol ?? 'esp'}`,
    isEncrypted: options.protocol !== 'ah',
    hidesTunnel: options.mode === 'tunnel',
  };
}

/** Near and far, each with an interface of IPsec's own: what that carries is not encrypted yet. */
function throughInterface(name: string, inUdp = false): Path {
  topology = new Topology(name);
  const near = topology.host('a');
  const far = topology.host('b');
  topology.wire(near, 'wire0', far, 'wire0');
  const { wire, inner } = addresses.ipv4;
  for (const [host, own] of [
    [near, 0],
    [far, 1],
  ] as const) {
    host.up('wire0', `${wire[own]}/24`);
    host.add('ipsec0', 'type', 'xfrm', 'dev', 'wire0', 'if_id', '42');
    host.ip('link', 'set', 'ipsec0', 'mtu', '1400');
    host.address('ipsec0', `${inner[own]}/24`);
  }
  protect(near, far, { mode: 'tunnel', family: 'ipv4', algorithm: 'AES-GCM', inUdp, interfaceId: '42' });
  return { ...straight(near, far, 'ipsec0', inner[1]), withoutLinkHeader: true };
}

const cases = modes.flatMap((mode) =>
  families.flatMap((family) =>
    kinds.flatMap((kind) => places.map((place) => ({ mode, family, kind, place }))),
  ),
);

describe('ipsec', () => {
  it.for(cases)(
    'ipsec: $mode over $family, $kind, helper at $place',
    async ({ mode, family, kind, place }, { skip }) => {
      skip(withoutEsp !== '', withoutEsp);
      await expectExact(onWire('esp', { mode, family, algorithm: 'AES-GCM' }), kind, place);
    },
  );

  it.for(places)('ipsec: transport by AES-CBC with SHA-256, helper at %s', async (place, { skip }) => {
    skip(withoutEsp !== '', withoutEsp);
    const way = onWire('cbc', { mode: 'transport', family: 'ipv4', algorithm: 'AES-CBC with SHA-256' });
    await expectExact(way, 'tcp-few', place);
  });

  it.for(modes)('ipsec: %s with offloads', async (mode, { skip }) => {
    skip(withoutEsp !== '', withoutEsp);
    const way = onWire('bundle', { mode, family: 'ipv4', algorithm: 'AES-GCM' });
    for (const { host } of [way.client, way.server])
      topology.run(host.command('ethtool', '-K', 'wire0', 'tso', 'on', 'gso', 'on', 'gro', 'on'));
    await expectExact(way, 'tcp-few', 'client');
  });

  it.for(cases.filter(({ place }) => place !== 'server'))(
    'ipsec: authenticated in $mode over $family, $kind, helper at $place',
    async ({ mode, family, kind, place }, { skip }) => {
      skip(withoutAh !== '', withoutAh);
      const way = onWire('ah', { mode, family, protocol: 'ah', algorithm: 'SHA-256' });
      await expectExact(way, kind, place);
    },
  );

  it.for(cases.filter(({ family }) => family === 'ipv4'))(
    'ipsec: in UDP, $mode, $kind, helper at $place',
    async ({ mode, family, kind, place }, { skip }) => {
      skip(withoutEsp !== '', withoutEsp);
      const way = onWire('udp', { mode, family, algorithm: 'AES-GCM', inUdp: true });
      await openBoth(way, family);
      await expectExact(way, kind, place);
    },
  );

  const throughOne = [false, true].flatMap((inUdp) =>
    kinds.flatMap((kind) => places.map((place) => ({ inUdp, kind, place }))),
  );
  it.for(throughOne)(
    'ipsec: through an interface of its own, in UDP: $inUdp, $kind, helper at $place',
    async ({ inUdp, kind, place }, { skip }) => {
      skip(withoutEsp !== '', withoutEsp);
      const way = throughInterface('xfrmi', inUdp);
      if (inUdp) await openBoth(way, 'ipv4');
      await expectExact(way, kind, place);
    },
  );
});

async function expectExact(way: Path, kind: Kind, place: (typeof places)[number]): Promise<void> {
  const from = place === 'outside' ? place : way[place].host;
  const report = await exchange(way, kind, from);
  expectBothEnds(report, way, kind, from);
  expectPeers(report, way, kind);
}

/** Encrypted or not, each end is known to talk to the other. */
function expectPeers(report: Report, { client, server }: Path, kind: Kind): void {
  const [truth] = report.truths;
  if (!truth) throw new Error('The client said nothing');
  const remotes = processOf(report, truth.pid).flows.map(({ remote }) => remote);
  const { address } = client;
  const expected = address.includes(':')
    ? `[${address}]:${String(server.port)}`
    : `${address}:${String(server.port)}`;
  expect([...new Set(remotes)], kind).toEqual([expected]);
}
