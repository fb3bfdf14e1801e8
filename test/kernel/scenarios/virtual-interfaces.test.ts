// Interfaces of virtual machines: they hand over bundles of segments of which they tell nothing but how much of the content
// each segment has. Both ends are watched, and held against what the program counted that carries the frames.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireCounters } from '../support/namespaces';
import { exchange, expectBothEnds, type Path, places, straight } from '../support/paths';
import { useProgram } from '../support/programs';
import { type NetworkHost, Topology } from '../support/topology';

/** What `cable.c` says at its end. */
interface Carried {
  bundles: number;
  up: WireCounters;
  down: WireCounters;
}

/** Two hosts, of which each has the end of a cable for its interface `tap0`. */
class CabledHosts {
  readonly #topology = new Topology('tap');
  readonly near = this.#host('a', '1');
  readonly far = this.#host('b', '2');
  readonly #cable: ChildProcessByStdio<Writable, Readable, null>;
  #said = '';

  /** @param cable the compiled `cable.c` */
  constructor(cable: string) {
    const ends = [this.near, this.far].flatMap(({ namespace }) => [`/run/netns/${namespace}`, 'tap0']);
    this.#cable = spawn(cable, ends, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#cable.stdout.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  async carries(): Promise<void> {
    await once(this.#cable.stdout, 'data');
  }

  /** Unplugs it. */
  async carried(): Promise<Carried> {
    this.#cable.stdin.end();
    await once(this.#cable, 'close');
    return JSON.parse(this.#said.trim().split('\n').at(-1) ?? '') as Carried;
  }

  async dispose(): Promise<void> {
    if (this.#cable.exitCode === null) await this.carried();
    this.#topology.dispose();
  }

  #host(name: string, number: string): NetworkHost {
    const host = this.#topology.host(name);
    host.ip('tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'vnet_hdr');
    host.address('tap0', `10.78.0.${number}/24`);
    host.address('tap0', `fd78::${number}/64`);
    // What a queue drops is not of the test's making.
    host.ip('link', 'set', 'tap0', 'txqueuelen', '10000', 'up');
    return host;
  }
}

describe('interfaces of virtual machines', () => {
  const cable = useProgram('cable');
  let hosts: CabledHosts;
  beforeEach(async () => {
    hosts = new CabledHosts(cable.path);
    await hosts.carries();
  });
  afterEach(async () => {
    await hosts.dispose();
  });

  const families = [
    { family: 'ipv4', address: '10.78.0.2' },
    { family: 'ipv6', address: 'fd78::2' },
  ];
  const cases = families.flatMap((each) => places.map((place) => ({ ...each, place })));
  it.for(cases)('virtual: bundles over $family, helper at $place', async ({ address, place }) => {
    const way: Path = straight(hosts.near, hosts.far, 'tap0', address);
    const home = place === 'outside' ? place : way[place].host;
    const report = await exchange(way, 'tcp-both', home);
    const { bundles, up, down } = await hosts.carried();
    expect(bundles).toBeGreaterThan(0);
    expectBothEnds(report, way, 'tcp-both', home, { up, down });
  });
});
