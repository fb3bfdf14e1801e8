// MPTCP over several paths: those that the kernel opens or accepts by itself count on the process that has the
// connection. Both ends are watched at once, and each is held against what arrived at the other.
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Family } from '../support/far-server';
import { useProgram } from '../support/programs';
import {
  hasMptcp,
  keepsToFullMesh,
  tellsMptcpSocket,
  withoutMptcp,
  withoutMptcpSocket,
} from '../support/running-kernel';
import {
  expectClose,
  expectNobodyElse,
  expectWire,
  processOf,
  type ProcessSummary,
  type Report,
  runWatched,
} from '../support/scenario';
import { type NetworkHost, Topology } from '../support/topology';

const port = 7_777;
const bytes = 2_000_000;
const wires = [0, 1] as const;

type Place = 'inside' | 'outside';
type Wire = (typeof wires)[number];

/** Of a path: which wire it goes over, and on which wire the addresses of client and server are. */
type Path = readonly [wire: Wire, client: Wire, server: Wire];

interface Ends<Value> {
  client: Value;
  server: Value;
}

const multipath = useProgram('multipath');
let topology: Topology;
beforeAll(() => {
  topology = new Topology('mptcp');
});
afterEach(() => {
  topology.dispose();
});

function networkOf(family: Family, wire: Wire): string {
  return family === 'ipv4' ? `10.${String(78 + wire)}.0.0/24` : `fd${String(78 + wire)}::/64`;
}

function addressOf(family: Family, end: keyof Ends<unknown>, wire: Wire): string {
  return networkOf(family, wire).replace(/0\/24|\/64/, end === 'client' ? '1' : '2');
}

/** Two hosts on two wires. What is bound to a wire goes over it to either address of the other host. */
function joinTwice(family: Family): Ends<NetworkHost> {
  const hosts = { client: topology.host('c'), server: topology.host('s') };
  for (const wire of wires) {
    topology.wire(hosts.client, `wire${String(wire)}`, hosts.server, `wire${String(wire)}`);
    for (const end of ['client', 'server'] as const) {
      const prefix = networkOf(family, wire).split('/')[1] ?? '';
      hosts[end].up(`wire${String(wire)}`, `${addressOf(family, end, wire)}/${prefix}`);
      hosts[end].count(`wire${String(wire)}`);
    }
  }
  for (const wire of wires) {
    const gateway = addressOf(family, 'server', wire);
    const network = networkOf(family, wire === 0 ? 1 : 0);
    const detour = ['via', gateway, 'dev', `wire${String(wire)}`, 'metric', '2048'];
    hosts.client.ip('route', 'add', network, ...detour);
  }
  for (const host of [hosts.client, hosts.server])
    host.ip('mptcp', 'limits', 'set', 'subflow', '4', 'add_addr_accepted', '4');
  return hosts;
}

/** How a connection comes by more than its first path: addresses that the path manager is told of, and their use. */
interface Way {
  client?: readonly (readonly [wire: Wire, ...flags: string[]])[];
  server?: readonly (readonly [wire: Wire, ...flags: string[]])[];
  paths: readonly Path[];
}

const byOwnAddress: Way = {
  client: [[1, 'subflow']],
  paths: [
    [0, 0, 0],
    [1, 1, 0],
  ],
};
const ways: Record<string, Way> = {
  'an address that the server announces': {
    server: [[1, 'signal']],
    paths: [
      [0, 0, 0],
      [1, 1, 1],
    ],
  },
  'an address that the client adds': byOwnAddress,
  'a full mesh': {
    client: [
      [0, 'subflow', 'fullmesh'],
      [1, 'subflow', 'fullmesh'],
    ],
    server: [[1, 'signal']],
    paths: [
      [0, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
      [1, 1, 1],
    ],
  },
};

/** Arguments of `ip` that tell a host's path manager of its address on a wire. */
function endpointCommands(family: Family, way: Way, end: keyof Ends<unknown>): string[][] {
  return (way[end] ?? []).map(([wire, ...flags]) => [
    ...['mptcp', 'endpoint', 'add', addressOf(family, end, wire), 'dev', `wire${String(wire)}`],
    ...flags,
  ]);
}

interface Exchange {
  hosts: Ends<NetworkHost>;
  family: Family;
  place: Place;
  /** The client waits for them before it sends. */
  paths: readonly Path[];
  protocols?: Ends<'mptcp' | 'tcp'>;
  /** Further arguments of `multipath`. */
  more?: Partial<Ends<string[]>>;
}

/** Both ends under a helper each. */
async function exchange({ hosts, family, place, paths, protocols, more }: Exchange): Promise<Ends<Report>> {
  const rest = [String(port), path.join(multipath.folder, 'gate'), String(bytes)];
  const watch = (host: NetworkHost, ...args: string[]) =>
    runWatched(
      host,
      place === 'inside' ? host : 'outside',
      [multipath.path, ...args],
      ['--interval', '100ms'],
    );
  const anywhere = family === 'ipv4' ? '0.0.0.0' : '::';
  const { client: connects, server: accepts } = protocols ?? { client: 'mptcp', server: 'mptcp' };
  const connecting = ['connect', connects, addressOf(family, 'server', 0), ...rest, String(paths.length)];
  const [client, server] = await Promise.all([
    watch(hosts.client, ...connecting, ...(more?.client ?? [])),
    watch(hosts.server, 'accept', accepts, anywhere, ...rest, ...(more?.server ?? [])),
  ]);
  return { client, server };
}

/** The name that a helper gives to an interface. */
function interfaceName(host: NetworkHost, place: Place, wire: Wire): string {
  const name = `wire${String(wire)}`;
  if (place === 'inside') return name;
  const [link] = JSON.parse(host.ip('-json', 'link', 'show', name)) as { ifindex: number }[];
  return `netns:${String(link?.ifindex)}`;
}

/** The address in an endpoint as it is listed. */
function addressIn(listed: string): string {
  return listed.slice(0, listed.lastIndexOf(':')).replace(/[[\]]/g, '');
}

/** Of the one process of an end that has moved payload. `again`: bytes sent over a second path too, -1 if not known. */
function truthOf({ truths }: Report) {
  const [truth, ...others] = truths;
  if (!truth || others.length > 0) throw new Error(`One process moves payload, not ${String(truths.length)}`);
  expect(truth).toMatchObject({ sent: bytes + 1, received: bytes + 1 });
  return truth;
}

/** Each path is a connection of TCP: what was sent again over another one is payload of both. */
function expectPathPayload(
  { payload, wire, flows }: ProcessSummary,
  sentAgain: number,
  receivedAgain: number,
): void {
  const paths = flows.filter(({ remote }) => remote !== null);
  if (tellsMptcpSocket) expect(paths.filter(({ payloadEstimate }) => !payloadEstimate)).toEqual([]);
  for (const [counted, again, onWire] of [
    [payload.txBytes, sentAgain, wire.txBytes],
    [payload.rxBytes, receivedAgain, wire.rxBytes],
  ] as const) {
    if (again >= 0) {
      expectClose(counted, bytes + 1 + again, 'payload of all paths');
      continue;
    }
    expect(counted).toBeGreaterThanOrEqual(bytes + 1);
    expect(counted).toBeLessThan(onWire);
  }
}

/** The wire is that of an end's processes, wire by wire, and every path is a connection of the one that has it. */
function expectEveryPath(
  report: Report,
  end: keyof Ends<unknown>,
  { hosts, family, place, paths }: Exchange,
): void {
  const other = end === 'client' ? 'server' : 'client';
  const { processes } = report.summary;
  const process = processOf(report, truthOf(report).pid);
  const names = wires.map((wire) => interfaceName(hosts[end], place, wire));
  const isLoose = paths.length > 2 && !keepsToFullMesh;
  // An answer to a SYN that is worked out counts where the SYN came in, and need not leave there.
  for (const group of isLoose ? [wires] : wires.map((wire) => [wire])) {
    const flows = processes
      .flatMap((one) => one.flows)
      .filter((flow) => group.some((wire) => flow.interface === names[wire]));
    const arrived = (host: NetworkHost) =>
      group
        .map((wire) => host.arrived(`wire${String(wire)}`))
        .reduce((sum, one) => ({ packets: sum.packets + one.packets, bytes: sum.bytes + one.bytes }));
    expectWire(flows, { sent: arrived(hosts[other]), received: arrived(hosts[end]) });
  }
  const listed = process.flows.flatMap(({ interface: name, local, remote }) =>
    remote === null ? [] : [[name, addressIn(local), addressIn(remote)].join(' ')],
  );
  const expected = paths.map(([wire, client, server]) => {
    const [here, there] = end === 'client' ? [client, server] : [server, client];
    return [names[wire], addressOf(family, end, here), addressOf(family, other, there)].join(' ');
  });
  const comparable = (found: string[]) =>
    isLoose ? [...new Set(found.map((path) => path.slice(path.indexOf(' '))))].sort() : found.toSorted();
  expect(comparable(listed)).toEqual(comparable(expected));
  expect(process.flows.filter(({ estimate }) => estimate)).toEqual([]);
  // Handshakes count on the listening socket, also where it is another process's.
  const listening = processes.filter(({ flows }) => flows.some(({ remote }) => remote === null));
  expectNobodyElse(report, [process.pid, ...listening.map(({ pid }) => pid)]);
}

/** What answers to SYNs took, one for each path: each has the usual options of TCP, and one of MPTCP. */
function expectAnswers({ summary }: Report, family: Family): void {
  const all = summary.processes.flatMap((one) => one.flows);
  const flows = all.filter(({ remote }) => remote === null);
  const ends = all
    .filter(({ remote }) => remote !== null)
    .map(({ local, remote }) => `${local} ${String(remote)}`);
  const paths = new Set(ends).size;
  const headers = 14 + (family === 'ipv4' ? 20 : 40) + 40;
  const sum = (value: (flow: (typeof flows)[number]) => number) =>
    flows.reduce((total, flow) => total + value(flow), 0);
  expect(sum(({ wire }) => wire.txPackets)).toBe(paths);
  if (!tellsMptcpSocket) return;
  expect(sum(({ wire }) => wire.txBytes)).toBe(paths * headers + 12 + (paths - 1) * 16);
}

const everywhere = (['ipv4', 'ipv6'] as const).flatMap((family) =>
  (['inside', 'outside'] as const).map((place) => ({ family, place })),
);

describe('mptcp', () => {
  it.for(everywhere.flatMap((where) => Object.keys(ways).map((name) => ({ ...where, name }))))(
    'mptcp: $name, $family, helper $place',
    async ({ family, place, name }, { skip }) => {
      skip(!hasMptcp, withoutMptcp);
      const way = ways[name] ?? byOwnAddress;
      skip(way.paths.length > 2 && !tellsMptcpSocket, withoutMptcpSocket);
      const hosts = joinTwice(family);
      for (const end of ['client', 'server'] as const)
        for (const command of endpointCommands(family, way, end)) hosts[end].ip(...command);
      const setting = { hosts, family, place, paths: way.paths };
      const { client, server } = await exchange(setting);
      const [sent, received] = [truthOf(client).again ?? -1, truthOf(server).again ?? -1];
      expectEveryPath(server, 'server', setting);
      expectPathPayload(processOf(server, truthOf(server).pid), received, sent);
      expectAnswers(server, family);
      skip(!tellsMptcpSocket, withoutMptcpSocket);
      expectEveryPath(client, 'client', setting);
      expectPathPayload(processOf(client, truthOf(client).pid), sent, received);
    },
  );

  it.for(everywhere)(
    'mptcp: an address that somebody adds while a worker is served, $family, helper $place',
    async ({ family, place }, { skip }) => {
      skip(!hasMptcp, withoutMptcp);
      skip(!tellsMptcpSocket, withoutMptcpSocket);
      const hosts = joinTwice(family);
      const commands = endpointCommands(family, byOwnAddress, 'client').map((args) => `ip ${args.join(' ')}`);
      const more = { client: commands, server: ['worker'] };
      const setting = { hosts, family, place, paths: byOwnAddress.paths, more };
      const { client, server } = await exchange(setting);
      expectEveryPath(client, 'client', setting);
      expectEveryPath(server, 'server', setting);
      const listening = server.summary.processes.find(({ flows }) =>
        flows.some(({ remote }) => remote === null),
      );
      expect(listening?.payload).toEqual({ txBytes: 0, rxBytes: 0 });
      expect(listening?.pid).not.toBe(truthOf(server).pid);
    },
  );

  it.for([
    { client: 'mptcp', server: 'tcp' },
    { client: 'tcp', server: 'mptcp' },
  ] as const)('mptcp: a $client client and a $server server', async (protocols, { skip }) => {
    skip(!hasMptcp, withoutMptcp);
    const hosts = joinTwice('ipv4');
    for (const command of endpointCommands('ipv4', byOwnAddress, 'client')) hosts.client.ip(...command);
    const setting = { hosts, family: 'ipv4', place: 'inside', paths: [[0, 0, 0]], protocols } as const;
    const { client, server } = await exchange(setting);
    expectEveryPath(client, 'client', setting);
    expectEveryPath(server, 'server', setting);
  });
});
