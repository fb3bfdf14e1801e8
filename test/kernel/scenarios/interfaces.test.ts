// Totals by interface: for connections that move from one to another, sockets that talk over two at once, interfaces
// that appear, vanish and are renamed while traffic runs; with all interfaces watched and with one.
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ownAddresses, ownPrefix } from '../support/namespaces';
import { together } from '../support/places';
import {
  bytesOnWire,
  expectNobodyElse,
  expectPayload,
  processOf,
  type ProcessSummary,
  runWatched,
  Server,
} from '../support/scenario';
import { type NetworkHost, Topology } from '../support/topology';

const changing = fileURLToPath(new URL('../support/changing.mjs', import.meta.url));

type Step = { tcp: number } | { udp: number; to: string[] } | { run: readonly string[] } | { peers: number };

let topology: Topology;
let near: NetworkHost;
let far: NetworkHost;
afterEach(() => {
  topology.dispose();
});

type Wire = 'wire0' | 'wire1';
const wires = ['wire0', 'wire1'] as const;

/** Addresses of the near and the far host on each wire, and those that they have whichever wire it is. */
const addresses = {
  wire0: { near: ownAddresses(1).ipv4, far: ownAddresses(2).ipv4 },
  wire1: { near: ownAddresses(9).ipv4, far: ownAddresses(10).ipv4 },
  either: { near: ownAddresses(17).ipv4, far: ownAddresses(18).ipv4 },
};

/** What the near host calls an interface: the machine may have one of the plain name. */
function nearName(name: Wire | 'name0'): string {
  return together === 'home' ? ownPrefix + name : name;
}

/** Two hosts, joined by two wires. */
function twoWires(name: string): void {
  topology = new Topology(name);
  near = topology.host('a', { isHome: together === 'home' });
  far = topology.host('b');
  for (const wire of wires) {
    topology.wire(near, nearName(wire), far, wire);
    near.up(nearName(wire), `${addresses[wire].near}/29`);
    far.up(wire, `${addresses[wire].far}/29`);
  }
  near.address(nearName('wire0'), `${addresses.either.near}/32`);
  far.address('lo', `${addresses.either.far}/32`);
  for (const { run: command } of goOver('wire0')) topology.run(command);
}

/** Commands that lead what the hosts say to each other over one wire, in both directions. */
function goOver(wire: Wire, device = nearName(wire)): { run: readonly string[] }[] {
  const { near: nearAddress, far: farAddress } = addresses[wire];
  const route = (host: NetworkHost, to: string, via: string, device: string, source: string) => ({
    run: host.command('ip', 'route', 'replace', to, 'via', via, 'dev', device, 'src', source),
  });
  return [
    route(near, addresses.either.far, farAddress, device, addresses.either.near),
    route(far, addresses.either.near, nearAddress, wire, addresses.either.far),
  ];
}

/** @param dropped what may be dropped, instead of nothing */
async function talk(steps: readonly Step[], options: readonly string[] = [], dropped?: object) {
  const { server, port } = await Server.start(far.command(process.execPath, changing, 'server', '0.0.0.0'));
  try {
    const client = [changing, 'client', addresses.either.far, String(port), JSON.stringify(steps)];
    const report = await runWatched(near, near, [process.execPath, ...client], options);
    const [truth] = report.truths;
    if (!truth) throw new Error('The client said nothing');
    expectNobodyElse(report, [truth.pid], dropped);
    return { truth, process: processOf(report, truth.pid), dropped: report.summary.dropped };
  } finally {
    await server.dispose();
  }
}

/** What arrived at the far end of wires, and at the near one under the names that the wire has had there. */
function wireOf(counted: readonly Wire[], ...otherNames: string[]): ProcessSummary['wire'] {
  const sum = { txBytes: 0, rxBytes: 0, txPackets: 0, rxPackets: 0 };
  for (const farName of counted) {
    const up = far.arrived(farName);
    sum.txBytes += bytesOnWire(up);
    sum.txPackets += up.packets;
    for (const name of [nearName(farName), ...otherNames]) {
      const down = near.arrived(name);
      sum.rxBytes += bytesOnWire(down);
      sum.rxPackets += down.packets;
    }
  }
  return sum;
}

function count(...counted: Wire[]): void {
  for (const wire of counted) {
    near.count(nearName(wire));
    far.count(wire);
  }
}

const filters: { counted: readonly Wire[] }[] = [
  { counted: wires },
  { counted: ['wire0'] },
  { counted: ['wire1'] },
];
const filtersWithWire1 = filters.filter(({ counted }) => counted.includes('wire1'));

/** Options of a helper that watches no more than these. */
function only(counted: readonly Wire[]): string[] {
  return counted.length === wires.length ? [] : ['--interface', counted.map(nearName).join()];
}

describe('interfaces', () => {
  it.for(filters)(
    'interfaces: a connection that moves to another one, counted on $counted',
    async ({ counted }) => {
      twoWires('move');
      count('wire0', 'wire1');
      const { truth, process } = await talk(
        [{ tcp: 300_000 }, ...goOver('wire1'), { tcp: 500_000 }, ...goOver('wire0'), { tcp: 100_000 }],
        only(counted),
      );
      expect(process.wire).toEqual(wireOf(counted));
      if (counted.length === 2) expectPayload(process, truth);
      expect([...new Set(process.flows.map((flow) => flow.interface))].sort()).toEqual(counted.map(nearName));
    },
  );

  it.for(filters)(
    'interfaces: a datagram socket over two at once, counted on $counted',
    async ({ counted }) => {
      twoWires('two');
      count('wire0', 'wire1');
      const { truth, process } = await talk(
        [{ udp: 200, to: wires.map((wire) => addresses[wire].far) }],
        only(counted),
      );
      expect(process.wire).toEqual(wireOf(counted));
      const share = counted.length / 2;
      expect(process.payload).toEqual({ txBytes: truth.sent * share, rxBytes: truth.received * share });
    },
  );

  it.for(filters)(
    'interfaces: two at once with the flow pool full, counted on $counted',
    async ({ counted }) => {
      twoWires('full');
      count('wire0', 'wire1');
      // Each peer takes a flow, and there are 16,384.
      const { truth, process, dropped } = await talk(
        [{ peers: 20_000 }, { udp: 200, to: wires.map((wire) => addresses[wire].far) }, { tcp: 300_000 }],
        only(counted),
        { processes: 0 },
      );
      expect(dropped.flows).toBeGreaterThan(3_600);
      if (counted.length === 2) expectPayload(process, truth);
      expect(process.wire).toEqual(wireOf(counted));
    },
  );

  it.for(filtersWithWire1)(
    'interfaces: one that is renamed while traffic runs, counted on $counted',
    async ({ counted }) => {
      twoWires('name');
      for (const { run: command } of goOver('wire1')) topology.run(command);
      count('wire1');
      near.count(nearName('name0'));
      const ip = (...args: string[]) => ({ run: near.command('ip', ...args) });
      const { truth, process } = await talk(
        [
          { tcp: 300_000 },
          ip('link', 'set', nearName('wire1'), 'down'),
          ip('link', 'set', nearName('wire1'), 'name', nearName('name0')),
          ip('link', 'set', nearName('name0'), 'up'),
          ...goOver('wire1', nearName('name0')),
          { tcp: 400_000 },
        ],
        only(counted),
      );
      expect(process.wire).toEqual(wireOf(['wire1'], nearName('name0')));
      expectPayload(process, truth);
      expect([...new Set(process.flows.map((flow) => flow.interface))]).toEqual([nearName('name0')]);
    },
  );

  it.for(filtersWithWire1)(
    'interfaces: one that vanishes and comes again while traffic runs, counted on $counted',
    async ({ counted }) => {
      twoWires('again');
      count('wire1');
      const device = nearName('wire1');
      const link = ['add', device, 'type', 'veth', 'peer', 'name', 'wire1', 'netns', far.namespace];
      const ip = (host: NetworkHost, ...args: string[]) => ({ run: host.command('ip', ...args) });
      const { truth, process } = await talk(
        [
          { udp: 100, to: [addresses.wire1.far] },
          ip(near, 'link', 'delete', device),
          ip(near, 'link', ...link),
          ip(near, 'address', 'add', `${addresses.wire1.near}/29`, 'dev', device),
          ip(far, 'address', 'add', `${addresses.wire1.far}/29`, 'dev', 'wire1'),
          ip(near, 'link', 'set', device, 'up'),
          ip(far, 'link', 'set', 'wire1', 'up'),
          { udp: 100, to: [addresses.wire1.far] },
        ],
        only(counted),
      );
      expect(process.wire).toEqual(wireOf(['wire1']));
      expectPayload(process, truth);
    },
  );
});
