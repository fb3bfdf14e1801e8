// Network namespaces for tests: two hosts joined by a veth pair, with counters of the far end's own.
import { execFileSync } from 'node:child_process';

/** Runs a program to its end and returns its standard output; throws with its standard error otherwise. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface Host {
  /** Name of the network namespace. */
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Name of its interface. */
  readonly interface: string;
}

/** What a host's packet filter counted on its interface: IP packets, without link headers. */
export interface FilterCounters {
  inPackets: number;
  inBytes: number;
  outPackets: number;
  outBytes: number;
}

interface NftCounter {
  counter?: { name: string; packets: number; bytes: number };
}

/** Two hosts, `near` and `far`, that reach each other over Ethernet. Remove them with `dispose`. */
export class HostPair {
  readonly near: Host;
  readonly far: Host;

  constructor(name: string) {
    const prefix = `pnm${String(process.pid)}${name}`;
    this.near = { namespace: `${prefix}a`, ipv4: '10.77.0.1', ipv6: 'fd77::1', interface: 'wire0' };
    this.far = { namespace: `${prefix}b`, ipv4: '10.77.0.2', ipv6: 'fd77::2', interface: 'wire0' };
    try {
      for (const host of [this.near, this.far]) run('ip', 'netns', 'add', host.namespace);
      run(
        ...(['ip', 'link', 'add', 'wire0', 'netns', this.near.namespace] as const),
        ...['type', 'veth', 'peer', 'name', 'wire0', 'netns', this.far.namespace],
      );
      for (const host of [this.near, this.far]) this.#bringUp(host);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #bringUp(host: Host): void {
    const inside = ['netns', 'exec', host.namespace];
    run('ip', ...inside, 'ip', 'link', 'set', 'lo', 'up');
    run('ip', ...inside, 'ip', 'address', 'add', `${host.ipv4}/24`, 'dev', host.interface);
    run('ip', ...inside, 'ip', 'address', 'add', `${host.ipv6}/64`, 'dev', host.interface, 'nodad');
    run('ip', ...inside, 'ip', 'link', 'set', host.interface, 'up');
  }

  /** Switches the offloads that bundle segments: off, the far end sees every segment by itself. */
  setOffloads(state: 'on' | 'off'): void {
    for (const host of [this.near, this.far]) {
      run(
        ...(['ip', 'netns', 'exec', host.namespace, 'ethtool', '-K', host.interface] as const),
        ...['tso', state, 'gso', state, 'gro', state],
      );
    }
  }

  /** Starts to count TCP and UDP at the far end, where nothing of the helper's runs. */
  startCounting(): void {
    const rules = `
      table inet ground_truth
      delete table inet ground_truth
      table inet ground_truth {
        counter received {}
        counter sent {}
        chain in { type filter hook prerouting priority -300; meta l4proto { tcp, udp } counter name received; }
        chain out { type filter hook postrouting priority 300; meta l4proto { tcp, udp } counter name sent; }
      }`;
    execFileSync('ip', ['netns', 'exec', this.far.namespace, 'nft', '-f', '-'], { input: rules });
  }

  counters(): FilterCounters {
    const listing = run(
      ...(['ip', 'netns', 'exec', this.far.namespace, 'nft', '-j'] as const),
      ...['list', 'counters', 'table', 'inet', 'ground_truth'],
    );
    const { nftables } = JSON.parse(listing) as { nftables: NftCounter[] };
    const named = (name: string) => {
      const found = nftables.find((entry) => entry.counter?.name === name)?.counter;
      if (!found) throw new Error(`The packet filter has no counter ${name}`);
      return found;
    };
    const received = named('received');
    const sent = named('sent');
    return {
      inPackets: received.packets,
      inBytes: received.bytes,
      outPackets: sent.packets,
      outBytes: sent.bytes,
    };
  }

  /** Arguments that run a program in a host: `spawn('ip', within(pair.near, 'ping', …))`. */
  static within(host: Host, program: string, ...args: string[]): string[] {
    return ['netns', 'exec', host.namespace, program, ...args];
  }

  dispose(): void {
    for (const host of [this.near, this.far]) {
      try {
        run('ip', 'netns', 'delete', host.namespace);
      } catch {
        // It was not made: the constructor failed before.
      }
    }
  }
}
