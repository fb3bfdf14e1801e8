// Totals by interface: for connections that move from one to another, sockets that talk over two at once, interfaces
// that appear, vanish and are renamed while traffic runs; with all interfaces watched and with one.
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { tellsNetworkNamespace, withoutNetworkNamespace } from '../support/running-kernel';
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

/** Two hosts, joined by `wire0` (10.78.0.0/24) and `wire1` (10.78.1.0/24); 10.78.9.1 and 10.78.9.2 are on both. */
function twoWires(name: string): void {
  topology = new Topology(name);
  near = topology.host('a');
  far = topology.host('b');
  for (const wire of ['wire0', 'wire1'] as const) addWire(wire);
  near.address('lo', '10.78.9.1/32');
  far.address('lo', '10.78.9.2/32');
  for (const { run: command } of goOver('wire0')) topology.run(command);
}

function addWire(name: 'wire0' | 'wire1'): void {
  const subnet = `10.78.${name === 'wire0' ? '0' : '1'}`;
  topology.wire(near, name, far, name);
  near.up(name, `${subnet}.1/24`);
  far.up(name, `${subnet}.2/24`);
}

/** Commands that lead what the hosts say to each other over one wire, in both directions. */
function goOver(wire: 'wire0' | 'wire1', nearName: string = wire): { run: readonly string[] }[] {
  const subnet = `10.78.${wire === 'wire0' ? '0' : '1'}`;
  const route = (host: NetworkHost, to: string, via: string, device: string, source: string) => ({
    run: host.command('ip', 'route', 'replace', to, 'via', via, 'dev', device, 'src', source),
  });
  return [
    route(near, '10.78.9.2', `${subnet}.2`, nearName, '10.78.9.1'),
    route(far, '10.78.9.1', `${subnet}.1`, wire, '10.78.9.2'),
  ];
}

/** @param dropped what may be dropped, instead of nothing */
async function talk(steps: readonly Step[], options: readonly string[] = [], dropped?: object) {
  const { server, port } = await Server.start(far.command(process.execPath, changing, 'server', '0.0.0.0'));
  try {
    const client = [changing, 'client', '10.78.9.2', String(port), JSON.stringify(steps)];
    const report = await runWatched(near, near, [process.execPath, ...client], options);
    const [truth] = report.truths;
    if (!truth) throw new Error('The client said nothing');
    expectNobodyElse(report, [truth.pid], dropped);
    return { truth, process: processOf(report, truth.pid), dropped: report.summary.dropped };
  } finally {
    await server.dispose();
  }
}

/** What arrived at the far end of wires, and at the near one under the names that the wire had there. */
function wireOf(...wires: [farName: string, ...nearNames: string[]][]): ProcessSummary['wire'] {
  const sum = { txBytes: 0, rxBytes: 0, txPackets: 0, rxPackets: 0 };
  for (const [farName, ...nearNames] of wires) {
    const up = far.arrived(farName);
    sum.txBytes += bytesOnWire(up);
    sum.txPackets += up.packets;
    for (const name of nearNames) {
      const down = near.arrived(name);
      sum.rxBytes += bytesOnWire(down);
      sum.rxPackets += down.packets;
    }
  }
  return sum;
}

function count(...devices: string[]): void {
  for (const device of devices) {
    near.count(device);
    far.count(device);
  }
}

const both = [
  { options: [], counted: ['wire0', 'wire1'] },
  { options: ['--interface', 'wire0'], counted: ['wire0'] },
  { options: ['--interface', 'wire1'], counted: ['wire1'] },
] as const;

describe('interfaces', () => {
  it.for(both)('interfaces: a connection that moves to another one $options', async (filter, { skip }) => {
    skip(!tellsNetworkNamespace, withoutNetworkNamespace);
    twoWires('move');
    count('wire0', 'wire1');
    const { truth, process } = await talk(
      [{ tcp: 300_000 }, ...goOver('wire1'), { tcp: 500_000 }, ...goOver('wire0'), { tcp: 100_000 }],
      filter.options,
    );
    expect(process.wire).toEqual(wireOf(...filter.counted.map((name): [string, string] => [name, name])));
    if (filter.options.length === 0) expectPayload(process, truth);
    expect([...new Set(process.flows.map((flow) => flow.interface))].sort()).toEqual(filter.counted);
  });

  it.for(both)('interfaces: a datagram socket over two at once $options', async (filter, { skip }) => {
    skip(!tellsNetworkNamespace, withoutNetworkNamespace);
    twoWires('two');
    count('wire0', 'wire1');
    const { truth, process } = await talk([{ udp: 200, to: ['10.78.0.2', '10.78.1.2'] }], filter.options);
    expect(process.wire).toEqual(wireOf(...filter.counted.map((name): [string, string] => [name, name])));
    const share = filter.counted.length / 2;
    expect(process.payload).toEqual({ txBytes: truth.sent * share, rxBytes: truth.received * share });
  });

  it.for(both)('interfaces: two at once with the flow pool full $options', async (filter, { skip }) => {
    skip(!tellsNetworkNamespace, withoutNetworkNamespace);
    twoWires('full');
    count('wire0', 'wire1');
    // Each peer takes a flow, and there are 16,384.
    const { truth, process, dropped } = await talk(
      [{ peers: 20_000 }, { udp: 200, to: ['10.78.0.2', '10.78.1.2'] }, { tcp: 300_000 }],
      filter.options,
      { processes: 0 },
    );
    expect(dropped.flows).toBeGreaterThan(3_600);
    if (filter.options.length === 0) expectPayload(process, truth);
    expect(process.wire).toEqual(wireOf(...filter.counted.map((name): [string, string] => [name, name])));
  });

  it.for([{ options: [] }, { options: ['--interface', 'wire1'] }])(
    'interfaces: one that is renamed while traffic runs $options',
    async ({ options }, { skip }) => {
      skip(!tellsNetworkNamespace, withoutNetworkNamespace);
      twoWires('name');
      for (const { run: command } of goOver('wire1')) topology.run(command);
      count('wire1');
      near.count('renamed0');
      const ip = (...args: string[]) => ({ run: near.command('ip', ...args) });
      const { truth, process } = await talk(
        [
          { tcp: 300_000 },
          ip('link', 'set', 'wire1', 'down'),
          ip('link', 'set', 'wire1', 'name', 'renamed0'),
          ip('link', 'set', 'renamed0', 'up'),
          ...goOver('wire1', 'renamed0'),
          { tcp: 400_000 },
        ],
        options,
      );
      expect(process.wire).toEqual(wireOf(['wire1', 'wire1', 'renamed0']));
      expectPayload(process, truth);
      expect([...new Set(process.flows.map((flow) => flow.interface))]).toEqual(['renamed0']);
    },
  );

  it.for([{ options: [] }, { options: ['--interface', 'wire1'] }])(
    'interfaces: one that vanishes and comes again while traffic runs $options',
    async ({ options }, { skip }) => {
      skip(!tellsNetworkNamespace, withoutNetworkNamespace);
      twoWires('again');
      count('wire1');
      const link = ['add', 'wire1', 'type', 'veth', 'peer', 'name', 'wire1', 'netns', far.namespace];
      const both = (...args: string[]) => [near, far].map((host) => ({ run: host.command('ip', ...args) }));
      const { truth, process } = await talk(
        [
          { udp: 100, to: ['10.78.1.2'] },
          { run: near.command('ip', 'link', 'delete', 'wire1') },
          { run: near.command('ip', 'link', ...link) },
          { run: near.command('ip', 'address', 'add', '10.78.1.1/24', 'dev', 'wire1') },
          { run: far.command('ip', 'address', 'add', '10.78.1.2/24', 'dev', 'wire1') },
          ...both('link', 'set', 'wire1', 'up'),
          { udp: 100, to: ['10.78.1.2'] },
        ],
        options,
      );
      expect(process.wire).toEqual(wireOf(['wire1', 'wire1']));
      expectPayload(process, truth);
    },
  );
});
