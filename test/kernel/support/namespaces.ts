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

/** What a host's packet filter saw come in at its interface: IP packets, without link headers. */
export interface WireCounters {
  packets: number;
  bytes: number;
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

  /**
   * Starts to count packets where they arrive, at both ends, each as it crossed the wire: a sender's own filter would
   * see bundles of segments.
   * @param matches the packets of each counter, by its name, as nftables expressions; TCP and UDP when absent
   */
  startCounting(matches: Record<string, string> = { arrived: 'meta l4proto { tcp, udp }' }): void {
    const names = Object.keys(matches);
    const rules = `
      table netdev ground_truth
      delete table netdev ground_truth
      table netdev ground_truth {
        ${names.map((name) => `counter ${name} {}`).join('\n')}
        chain in {
          type filter hook ingress device "wire0" priority 0;
          ${Object.entries(matches)
            .map(([name, match]) => `${match} counter name ${name}`)
            .join('\n')}
        }
      }`;
    for (const host of [this.near, this.far]) {
      execFileSync('ip', ['netns', 'exec', host.namespace, 'nft', '-f', '-'], { input: rules });
    }
  }

  /** What arrived at a host since `startCounting`, by the counter's name. */
  arrivedAt(host: Host, name = 'arrived'): WireCounters {
    const listing = run(
      ...(['ip', 'netns', 'exec', host.namespace, 'nft', '-j'] as const),
      ...['list', 'counters', 'table', 'netdev', 'ground_truth'],
    );
    const { nftables } = JSON.parse(listing) as { nftables: NftCounter[] };
    const counter = nftables.find((entry) => entry.counter?.name === name)?.counter;
    if (!counter) throw new Error(`The packet filter of ${host.namespace} has no counter ${name}`);
    return { packets: counter.packets, bytes: counter.bytes };
  }

  /**
   * Arguments that run a program in a host: `spawn('nsenter', within(pair.near, 'ping', …))`. Not `ip netns
   * exec`: that mounts another /sys, without control groups.
   */
  static within(host: Host, program: string, ...args: string[]): string[] {
    return [`--net=/run/netns/${host.namespace}`, '--', program, ...args];
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
