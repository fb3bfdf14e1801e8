// Ways that packets take: through stacks of interfaces, translated addresses and other network namespaces. Both ends
// of every exchange are watched, and each end is held against what arrived at the other.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exchange, expectBothEnds, kinds, type Path, places, port, straight } from '../support/paths';
import { useProgram } from '../support/programs';
import { hasSegmentRouting, withoutSegmentRouting } from '../support/running-kernel';
import { expectNobodyElse, expectPayload, expectWire, processOf } from '../support/scenario';
import { type NetworkHost, Topology } from '../support/topology';

let topology: Topology;
const tunnel = useProgram('tunnel');
const helpers: ChildProcess[] = [];

async function dispose(): Promise<void> {
  for (const helper of helpers.splice(0)) {
    helper.stdin?.end();
    if (helper.exitCode === null) await once(helper, 'close');
  }
  topology.dispose();
}

/** Two hosts on one wire, `wire0` at both ends. */
function twoHosts(name: string): { near: NetworkHost; far: NetworkHost } {
  topology = new Topology(name);
  const near = topology.host('a');
  const far = topology.host('b');
  topology.wire(near, 'wire0', far, 'wire0');
  return { near, far };
}

/** Near and far over a stack of interfaces, of which the uppermost has the addresses. */
const stacks: Record<string, () => Path | Promise<Path>> = {
  veth() {
    const { near, far } = twoHosts('veth');
    near.up('wire0', '10.78.0.1/24');
    far.up('wire0', '10.78.0.2/24');
    return straight(near, far, 'wire0', '10.78.0.2');
  },
  'veth over IPv6'() {
    const { near, far } = twoHosts('veth6');
    near.up('wire0', 'fd78::1/64');
    far.up('wire0', 'fd78::2/64');
    return straight(near, far, 'wire0', 'fd78::2');
  },
  bridge() {
    const { near, far } = twoHosts('bridge');
    for (const host of [near, far]) addBridge(host, 'bridge0', 'wire0');
    near.up('bridge0', '10.78.0.1/24');
    far.up('bridge0', '10.78.0.2/24');
    return straight(near, far, 'bridge0', '10.78.0.2');
  },
  macvlan() {
    const { near, far } = twoHosts('macvlan');
    for (const host of [near, far]) addMacvlan(host, 'mac0', 'wire0');
    near.up('mac0', '10.78.0.1/24');
    far.up('mac0', '10.78.0.2/24');
    return straight(near, far, 'mac0', '10.78.0.2');
  },
  vxlan() {
    const { near, far } = twoHosts('vxlan');
    addVxlan(near, far, 'wire0');
    return straight(near, far, 'vx0', '10.78.1.2');
  },
  'vxlan over bridge'() {
    const { near, far } = twoHosts('vxbr');
    for (const host of [near, far]) addBridge(host, 'bridge0', 'wire0');
    addVxlan(near, far, 'bridge0');
    return straight(near, far, 'vx0', '10.78.1.2');
  },
  'bridge over vxlan'() {
    const { near, far } = twoHosts('brvx');
    addVxlan(near, far, 'wire0');
    for (const host of [near, far]) {
      host.ip('address', 'flush', 'dev', 'vx0');
      addBridge(host, 'bridge0', 'vx0');
    }
    near.up('bridge0', '10.78.1.1/24');
    far.up('bridge0', '10.78.1.2/24');
    return straight(near, far, 'bridge0', '10.78.1.2');
  },
  'macvlan over bridge'() {
    const { near, far } = twoHosts('macbr');
    for (const host of [near, far]) {
      addBridge(host, 'bridge0', 'wire0');
      addMacvlan(host, 'mac0', 'bridge0');
    }
    near.up('mac0', '10.78.0.1/24');
    far.up('mac0', '10.78.0.2/24');
    return straight(near, far, 'mac0', '10.78.0.2');
  },
  'bridge of the host of two containers': () => containers('contain'),
  async tun() {
    const { near, far } = twoHosts('tun');
    near.up('wire0', '10.78.0.1/24');
    far.up('wire0', '10.78.0.2/24');
    await addTunnel(near, '10.78.1.1/24', '10.78.0.1', '10.78.0.2');
    await addTunnel(far, '10.78.1.2/24', '10.78.0.2', '10.78.0.1');
    return { ...straight(near, far, 'tun0', '10.78.1.2'), withoutLinkHeader: true };
  },
};

/** Two containers of one host, which joins them by a bridge of its own. */
function containers(name: string): Path & { joining: NetworkHost } {
  topology = new Topology(name);
  const near = topology.host('a');
  const joining = topology.host('r');
  const far = topology.host('b');
  topology.wire(near, 'wire0', joining, 'near0');
  topology.wire(far, 'wire0', joining, 'far0');
  addBridge(joining, 'bridge0', 'near0');
  joining.up('far0');
  joining.ip('link', 'set', 'far0', 'master', 'bridge0');
  joining.address('bridge0', '10.78.0.9/24');
  near.up('wire0', '10.78.0.1/24');
  far.up('wire0', '10.78.0.2/24');
  return { joining, ...straight(near, far, 'wire0', '10.78.0.2') };
}

/** Addresses that are translated on the way. */
const translations: Record<string, () => Path> = {
  'DNAT by the client itself'() {
    const { near, far } = twoHosts('dnatout');
    near.up('wire0', '10.78.0.1/24');
    far.up('wire0', '10.78.0.2/24');
    near.nft(`table ip nat { chain out {
      type nat hook output priority -100;
      ip daddr 10.78.0.9 meta l4proto { tcp, udp } dnat to 10.78.0.2
    }
    }`);
    const { client, server } = straight(near, far, 'wire0', '10.78.0.2');
    return { client: { ...client, address: '10.78.0.9' }, server };
  },
  'DNAT and masquerade by a router between': () => translatedByRouter('router'),
  'redirect by the server itself'() {
    const { near, far } = twoHosts('redirect');
    near.up('wire0', '10.78.0.1/24');
    far.up('wire0', '10.78.0.2/24');
    far.nft(`table ip nat { chain in {
      type nat hook prerouting priority -100;
      meta l4proto { tcp, udp } th dport 80 redirect to :${String(port)}
    }
    }`);
    const { client, server } = straight(near, far, 'wire0', '10.78.0.2');
    return { client: { ...client, port: 80 }, server };
  },
  'masquerade by the client itself'() {
    const { near, far } = twoHosts('masq');
    near.up('wire0', '10.78.0.1/24', '10.78.0.7/24');
    far.up('wire0', '10.78.0.2/24');
    near.nft(`table ip nat { chain out {
      type nat hook postrouting priority 100; oifname "wire0" snat to 10.78.0.7
    }
    }`);
    return straight(near, far, 'wire0', '10.78.0.2');
  },
};

/** What the client calls is the router's own address, and all that the server sees is the router. */
function translatedByRouter(name: string): Path & { router: NetworkHost } {
  const { near, router, far } = routed(name);
  router.nft(`table ip nat {
    chain in {
      type nat hook prerouting priority -100;
      ip daddr 10.78.0.9 meta l4proto { tcp, udp } th dport 80 dnat to 10.79.0.2:${String(port)}
    }
    chain out {
      type nat hook postrouting priority 100; oifname "right0" masquerade
    }
  }`);
  return {
    router,
    client: { host: near, device: 'wire0', address: '10.78.0.9', port: 80 },
    server: { host: far, device: 'wire0', address: '10.79.0.2', port },
  };
}

function addBridge(host: NetworkHost, name: string, member: string): void {
  host.up(member);
  // Without spanning tree and snooping nothing but the test's own traffic passes.
  host.add(name, 'type', 'bridge', 'mcast_snooping', '0', 'forward_delay', '0');
  host.ip('link', 'set', member, 'master', name);
}

function addMacvlan(host: NetworkHost, name: string, lower: string): void {
  host.up(lower);
  host.add(name, 'link', lower, 'type', 'macvlan', 'mode', 'bridge');
}

/** `vx0` at both hosts, with 10.78.1.1 and 10.78.1.2, over an interface that gets addresses too. */
function addVxlan(near: NetworkHost, far: NetworkHost, lower: string): void {
  const ends = [
    [near, '10.78.0.1', '10.78.0.2', '10.78.1.1/24'],
    [far, '10.78.0.2', '10.78.0.1', '10.78.1.2/24'],
  ] as const;
  for (const [host, local, remote, inner] of ends) {
    host.up(lower, `${local}/24`);
    const tunnel = ['type', 'vxlan', 'id', '42', 'local', local, 'remote', remote, 'dstport', '4789'];
    host.add('vx0', 'mtu', '1450', ...tunnel);
    host.address('vx0', inner);
  }
}

/** `tun0`, carried over UDP by a program that nobody watches. */
async function addTunnel(host: NetworkHost, inner: string, local: string, remote: string): Promise<void> {
  host.ip('tuntap', 'add', 'dev', 'tun0', 'mode', 'tun');
  host.ip('link', 'set', 'tun0', 'mtu', '1400', 'txqueuelen', '10000');
  host.up('tun0', inner);
  const [program, ...args] = host.command(tunnel.path, 'tun0', local, remote, '5555');
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  helpers.push(child);
  await once(child.stdout, 'data');
  child.stdout.resume();
}

/** Near (10.78.0.1) and far (10.79.0.2) with a router between, which is 10.78.0.9 and 10.79.0.9. */
function routed(name: string): { near: NetworkHost; router: NetworkHost; far: NetworkHost } {
  topology = new Topology(name);
  const near = topology.host('a');
  const router = topology.host('r');
  const far = topology.host('b');
  topology.wire(near, 'wire0', router, 'left0');
  topology.wire(far, 'wire0', router, 'right0');
  near.up('wire0', '10.78.0.1/24');
  router.up('left0', '10.78.0.9/24');
  router.up('right0', '10.79.0.9/24');
  far.up('wire0', '10.79.0.2/24');
  near.ip('route', 'add', 'default', 'via', '10.78.0.9');
  far.ip('route', 'add', 'default', 'via', '10.79.0.9');
  router.forward();
  return { near, router, far };
}

/** Each end has a second address, and puts what goes to the other's in packets between the first ones (SRv6). */
function encapsulating(name: string): Path {
  const { near, far } = twoHosts(name);
  const ends = [
    [near, 'fd78::1', 'fd78::2', 'fd79::1', 'fd79::2'],
    [far, 'fd78::2', 'fd78::1', 'fd79::2', 'fd79::1'],
  ] as const;
  for (const [host, own, other, inner, otherInner] of ends) {
    host.up('wire0', `${own}/64`);
    host.address('wire0', `${inner}/128`);
    for (const scope of ['all', 'wire0']) host.set(`ipv6/conf/${scope}/seg6_enabled`, 1);
    const through = ['encap', 'seg6', 'mode', 'encap', 'segs', other] as const;
    host.ip('route', 'add', otherInner, ...through, 'dev', 'wire0', 'src', inner);
  }
  return straight(near, far, 'wire0', 'fd79::2');
}

const everywhere = kinds.flatMap((kind) => places.map((place) => ({ kind, place })));

// One network for all that takes the same way: to make it takes longer than to use it.
describe.for(Object.entries({ ...stacks, ...translations }))('%s', ([name, build]) => {
  let way: Path;
  beforeAll(async () => {
    way = await build();
  });
  afterAll(dispose);

  it.for(everywhere)(`paths: ${name}, $kind, helper at $place`, async ({ kind, place }) => {
    const home = place === 'outside' ? place : way[place].host;
    expectBothEnds(await exchange(way, kind, home), way, kind, home);
  });
});

describe('paths', () => {
  afterEach(dispose);

  it.for(kinds)(
    'paths: forwarded past a listener on the same port, %s, helper at the router',
    async (kind) => {
      const way = translatedByRouter('past');
      const report = await exchange({ ...way, bystander: { host: way.router, port: 80 } }, kind, way.router);
      expectBothEnds(report, way, kind, way.router);
    },
  );

  it.for(kinds)('paths: two containers on one bridge, %s, helper at their host', async (kind) => {
    const { joining, ...way } = containers('joined');
    // Its own interfaces carry all of it, and none of it is its own.
    expectBothEnds(await exchange(way, kind, joining), way, kind, joining);
  });

  it.for(everywhere)(
    'paths: a route that encapsulates, $kind, helper at $place',
    async ({ kind, place }, { skip }) => {
      skip(!hasSegmentRouting, withoutSegmentRouting);
      const way = encapsulating('segments');
      const report = await exchange(way, kind, place === 'outside' ? place : way[place].host);
      for (const truth of report.truths) {
        const process = processOf(report, truth.pid);
        expectPayload(process, truth);
        for (const { remote, wireEstimate, payloadEstimate } of process.flows) {
          if (remote === null) continue;
          expect(remote).toMatch(/^\[fd79::[12]\]:[1-9]/);
          expect({ wireEstimate, payloadEstimate: payloadEstimate ?? false }).toEqual({
            wireEstimate: true,
            payloadEstimate: kind === 'udp-up',
          });
        }
      }
      expectNobodyElse(
        report,
        report.truths.map(({ pid }) => pid),
      );
    },
  );

  const loopbacks = ['127.0.0.1', '::1'].flatMap((address) =>
    kinds.flatMap((kind) => (['inside', 'outside'] as const).map((place) => ({ address, kind, place }))),
  );
  it.for(loopbacks)(
    'paths: loopback at $address, $kind, both ends watched from $place',
    async ({ address, kind, place }) => {
      topology = new Topology('loop');
      const host = topology.host('a');
      const way = straight(host, host, 'lo', address);
      const report = await exchange(way, kind, place === 'inside' ? host : place);
      const [client, server] = report.truths.map((truth) => {
        const process = processOf(report, truth.pid);
        expectPayload(process, truth);
        return process;
      });
      if (!client || !server) throw new Error('An end said nothing');
      // What one sends is what the other receives; the link's headers are in both figures.
      const seenByServer = {
        sent: { bytes: server.wire.rxBytes, packets: server.wire.rxPackets },
        received: { bytes: server.wire.txBytes, packets: server.wire.txPackets },
      };
      expectWire([client], seenByServer, { sent: 0, received: 0 });
      // All that arrived was sent once and received once.
      const arrived = host.arrived('lo');
      expectWire([client, server], { sent: arrived, received: arrived });
      const last = report.lines.filter((line) => line.type === 'sample').at(-1);
      if (!last) throw new Error('There is no sample');
      expectWire([last.total], { sent: arrived, received: arrived });
      expectNobodyElse(
        report,
        report.truths.map(({ pid }) => pid),
      );
    },
  );
});
