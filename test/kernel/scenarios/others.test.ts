// Others who work on the same packets: programs of other tools at tc and at control groups, queueing disciplines and
// packet filters. All is counted right beside them, and they go on as before when the helper starts, ends or is killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupFolder } from '../support/cgroup';
import { measureAgainstServer, trafficProgram } from '../support/far-server';
import { helperPath, runToEnd } from '../support/helper';
import { exists, objectsOf } from '../support/kernel-objects';
import { HostPair, run } from '../support/namespaces';
import { together } from '../support/places';
import { useProgram } from '../support/programs';
import { hasTcx, withoutTcx } from '../support/running-kernel';
import { type Command, crossed, expectEveryByteOnce, inside, Server } from '../support/scenario';

const neighbour = useProgram('neighbour');
let pair: HostPair;
let group: string;
/** What a test has to undo, last first. */
const undo: (() => unknown)[] = [];

beforeEach(() => {
  pair = new HostPair('oth', { isHome: together === 'home' });
  undo.push(() => pair.dispose());
  pair.setOffloads('off');
  group = path.join(cgroupFolder, `pnm${String(process.pid)}others`);
  mkdirSync(group);
  undo.push(() => rmdirSync(group));
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function tc(...args: string[]): string {
  return run('tc', '-netns', pair.near.namespace, ...args);
}

/** The client, as a member of the control group. */
function client(address: string, port: number, kind: string): Command {
  const join = `echo $$ > ${group}/cgroup.procs && exec "$@"`;
  return ['sh', '-c', join, 'sh', process.execPath, trafficProgram, 'client', address, String(port), kind];
}

/** Starts another tool; see neighbour.c. */
async function startNeighbour(
  kind: 'tcx' | 'cgroup' | 'callbacks' | 'filters',
  place: string,
): Promise<Server> {
  const { server } = await Server.start(inside(pair.near, neighbour.path, kind, place));
  undo.push(() => server.dispose());
  return server;
}

const neighbours: Record<string, () => Promise<Server>> = {
  'tcx links': () => startNeighbour('tcx', pair.near.interface),
  'programs at a control group': () => startNeighbour('cgroup', group),
  async 'filters of clsact'() {
    const pins = path.join(neighbour.folder, 'pins');
    mkdirSync(pins);
    run('mount', '-t', 'bpf', 'none', pins);
    undo.push(() => {
      run('umount', pins);
      rmdirSync(pins);
    });
    const server = await startNeighbour('filters', pins);
    const device = ['dev', pair.near.interface];
    tc('qdisc', 'add', ...device, 'clsact');
    for (const side of ['ingress', 'egress'] as const) {
      const filter = ['filter', 'add', ...device, side, 'protocol', 'all'];
      tc(...filter, 'prio', '9', 'bpf', 'direct-action', 'object-pinned', `${pins}/${side}`);
    }
    return server;
  },
};

/** Starts a helper in the near host, kills it while it counts, and clears up behind it. */
async function killHelper(): Promise<void> {
  const [program, ...args] = inside(pair.near, helperPath, 'watch', '--format', 'json', String(process.pid));
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.stdout.resume();
  const objects = objectsOf(child.pid ?? 0);
  expect(objects.length).toBeGreaterThan(0);
  child.kill('SIGKILL');
  await closed;
  const [nsenter, ...cleanup] = inside(pair.near, helperPath, 'cleanup');
  expect(await runToEnd(nsenter, cleanup)).toMatchObject({ status: 0 });
  await expect.poll(() => objects.filter(exists), { timeout: 30_000 }).toEqual([]);
}

/** Traffic that nobody watches. */
async function talkUnwatched(kind: string): Promise<void> {
  const { server, port } = await Server.start(
    inside(pair.far, process.execPath, trafficProgram, 'server', pair.far.ipv4),
  );
  try {
    const [program, ...args] = inside(pair.near, ...client(pair.far.ipv4, port, kind));
    expect(await runToEnd(program, args)).toMatchObject({ status: 0 });
  } finally {
    await server.dispose();
  }
}

describe('other tools with programs in the kernel', () => {
  const cases = Object.keys(neighbours).flatMap((name) =>
    (['tcp-some', 'udp-up'] as const).map((kind) => ({ name, kind })),
  );
  it.for(cases)('others: $name, $kind', async ({ name, kind }, { skip }) => {
    skip(name === 'tcx links' && !hasTcx, withoutTcx);
    const talkers = 'meta l4proto { tcp, udp }';
    pair.startCounting({ arrived: talkers, everything: 'meta length >= 0' });
    const other = await neighbours[name]?.();
    if (!other) throw new Error(`There is no neighbour ${name}`);
    const report = await measureAgainstServer(pair, {}, (address, port) => client(address, port, kind));
    expectEveryByteOnce(report, crossed(pair));
    await killHelper();
    await talkUnwatched(kind);

    const seen = await other.stop();
    const least = crossed(pair);
    const most = crossed(pair, 'everything');
    for (const side of ['sent', 'received'] as const) {
      // What belongs to no socket any more (TIME_WAIT) is of no control group.
      const atSockets = name.includes('control group') ? 10 : 0;
      expect(seen[side]).toBeGreaterThanOrEqual(least[side].packets - atSockets);
      expect(seen[side]).toBeLessThanOrEqual(most[side].packets);
    }
    if (name !== 'filters of clsact') return;
    for (const side of ['ingress', 'egress']) {
      const filters = tc('filter', 'show', 'dev', pair.near.interface, side);
      expect(filters).toMatch(/pref 9 bpf .*direct-action/);
      expect(filters).not.toContain('count_');
    }
  });
});

describe('programs that let go of the callbacks of others', () => {
  it('others: callbacks of TCP', async () => {
    pair.startCounting();
    const other = await startNeighbour('callbacks', group);
    const report = await measureAgainstServer(pair, {}, (address, port) => client(address, port, 'tcp-some'));
    expectEveryByteOnce(report, crossed(pair));
    const flows = report.summary.processes.flatMap((process) => process.flows);
    // This end closes one of them first.
    expect(flows.map(({ state }) => state).sort()).toEqual(['closed', 'closed', 'time-wait']);
    await killHelper();
    await talkUnwatched('tcp-some');
    expect(await other.stop()).toMatchObject({ sent: 2 * flows.length });
  });
});

/** Filters that end the classification themselves: the kernel writes their class over what else is said of a packet. */
const enders: Record<string, string[]> = {
  u32: ['prio', '50000', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1'],
  // Below Linux 6.6 it goes before the helper's.
  'u32 with priority': ['prio', '9', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:1'],
  'u32 with a class of several bits': ['prio', '50000', 'u32', 'match', 'u32', '0', '0', 'flowid', '1:3'],
  'u32 on every second packet': [
    ...['prio', '50000', 'protocol', 'ip', 'u32', 'match', 'u16', '0', '1', 'at', '4', 'flowid', '1:1'],
  ],
  flower: ['prio', '50000', 'flower', 'classid', '1:1'],
  matchall: ['prio', '50000', 'matchall', 'classid', '1:1'],
};

describe('filters that end the classification', () => {
  const cases = Object.entries(enders).flatMap(([name, filter]) =>
    (['tcp-some', 'udp-up'] as const).map((kind) => ({ name, filter, kind })),
  );
  it.for(cases)('others: $name ends it, $kind', async ({ name, filter, kind }, { skip }) => {
    const device = ['dev', pair.near.interface];
    tc('qdisc', 'add', ...device, 'clsact');
    // What goes first hides what is sent.
    const sides = hasTcx || !filter.includes('9') ? ['ingress', 'egress'] : ['ingress'];
    try {
      for (const side of sides) tc('filter', 'add', ...device, side, ...filter);
    } catch (error) {
      skip(String(error).includes('not found'), `this kernel has no filter for ${name}`);
      throw error;
    }
    pair.startCounting();
    const report = await measureAgainstServer(pair, {}, (address, port) => client(address, port, kind));
    expectEveryByteOnce(report, crossed(pair));
    const flows = report.summary.processes.flatMap((process) => process.flows);
    expect(flows.filter((flow) => flow.wireEstimate)).toEqual([]);
  });
});

/** Queueing disciplines, as arguments of tc. */
const disciplines: Record<string, string[][]> = {
  fq: [['qdisc', 'replace', 'root', 'fq']],
  htb: [
    ['qdisc', 'replace', 'root', 'handle', '1:', 'htb', 'default', '10'],
    ['class', 'add', 'parent', '1:', 'classid', '1:10', 'htb', 'rate', '200mbit'],
  ],
  tbf: [['qdisc', 'replace', 'root', 'tbf', 'rate', '200mbit', 'burst', '64kb', 'limit', '10mb']],
};

/** Packet filters of the near host that drop: family of the table, and where its chain hooks in. */
const droppers: Record<string, [family: string, hook: (device: string) => string]> = {
  'at ingress': ['netdev', (device) => `ingress device "${device}"`],
  'before the socket': ['inet', () => 'input'],
};

describe('queueing disciplines and packet filters', () => {
  it.for(Object.entries(disciplines))('others: queueing by %s', async ([name, commands], { skip }) => {
    try {
      for (const [object = '', verb = '', ...rest] of commands)
        tc(object, verb, 'dev', pair.near.interface, ...rest);
    } catch (error) {
      skip(String(error).includes('unknown'), `this kernel has no ${name}`);
      throw error;
    }
    const before = tc('qdisc', 'show', 'dev', pair.near.interface);
    for (const kind of ['tcp-some', 'udp-up']) {
      pair.startCounting();
      const report = await measureAgainstServer(pair, {}, (address, port) => client(address, port, kind));
      expectEveryByteOnce(report, crossed(pair));
    }
    expect(tc('qdisc', 'show', 'dev', pair.near.interface)).toBe(before);
  });

  it.for(Object.entries(droppers))('others: a packet filter that drops %s', async ([, [family, hook]]) => {
    const nft = (...words: string[]) => run(...inside(pair.near, 'nft', ...words));
    const device = pair.near.interface;
    const table = `${family} drops_${device}`;
    pair.startCounting();
    // What is dropped has crossed the wire, and is sent again. Payload only, which the program waits for: a last
    // acknowledgement could be repeated when the program has ended, and the helper with it.
    const rule = 'ip protocol tcp ip length > 200 ip id & 31 == 7 counter drop';
    const chain = `type filter hook ${hook(device)} priority 10; iifname "${device}" ${rule};`;
    undo.push(() => nft(`delete table ${table}`));
    nft(`table ${table} { chain in { ${chain} }; }`);
    const report = await measureAgainstServer(pair, {}, (address, port) => client(address, port, 'tcp-some'));
    expectEveryByteOnce(report, crossed(pair));
    // Otherwise the test would show nothing.
    expect(nft(`list table ${table}`)).toMatch(/counter packets [1-9]\d* bytes \d+ drop/);
  });
});
