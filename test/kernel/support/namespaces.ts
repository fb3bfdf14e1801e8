// Network namespaces for tests: two hosts joined by a veth pair, with counters of the far end's own.
import { execFileSync } from 'node:child_process';

/** Runs a program to its end and returns its standard output; throws with its standard error otherwise. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Where a program can run. */
export interface Place {
  /** Name of the network namespace. */
  readonly namespace: string;
}

export interface Host extends Place {
  readonly ipv4: string;
  readonly ipv6: string;
  /** Name of its interface. */
  readonly interface: string;
}

/**
 * What joins two hosts. `direct`: a veth pair, which hands bundles of segments over as they are while offloads are on.
 * `segmenting`: a bridge between them. The near host bundles segments in both directions, and beyond it each is by
 * itself, as on the wire behind a real network card, so that they can be counted.
 */
export type Wire = 'direct' | 'segmenting';

/** Where what arrives at a host is counted. */
interface CountingPlace {
  readonly namespace: string;
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

/**
 * Least, default and most bytes that a TCP socket may have on the way: 16 of them, with as many acknowledgements of what
 * comes the other way, fill no queue of 256 packets.
 */
const modestSendBuffer = '4096 8192 10240';

function addVeth(namespace: string, name: string, peerNamespace: string, peer: string): void {
  run(
    ...(['ip', 'link', 'add', name, 'netns', namespace] as const),
    ...['type', 'veth', 'peer', 'name', peer, 'netns', peerNamespace],
  );
}

function setBundling(namespace: string, device: string, state: 'on' | 'off'): void {
  run(
    ...(['ip', 'netns', 'exec', namespace, 'ethtool', '-K', device] as const),
    ...['tso', state, 'gso', state, 'gro', state, 'tx-udp-segmentation', state],
  );
}

interface LinkStatistics {
  tx: { packets: number; dropped: number };
}

function linkStatistics(namespace: string, device: string): LinkStatistics {
  const [link] = JSON.parse(run('ip', '-n', namespace, '-j', '-s', 'link', 'show', device)) as [
    { stats64: LinkStatistics },
  ];
  return link.stats64;
}

function counterIn(namespace: string, name: string): WireCounters {
  const listing = run(
    ...(['ip', 'netns', 'exec', namespace, 'nft', '-j'] as const),
    ...['list', 'counters', 'table', 'netdev', 'ground_truth'],
  );
  const { nftables } = JSON.parse(listing) as { nftables: NftCounter[] };
  const counter = nftables.find((entry) => entry.counter?.name === name)?.counter;
  if (!counter) throw new Error(`The packet filter of ${namespace} has no counter ${name}`);
  return { packets: counter.packets, bytes: counter.bytes };
}

/**
 * Has the connections of a network namespace wait long before they send again what was not acknowledged, over the
 * routes that there are. On a slow machine they would do so where nothing is lost, and what comes twice to a connection
 * in TIME_WAIT is seen by no hook from outside.
 */
export function retransmitLate(namespace: string): void {
  run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', 'net.ipv4.tcp_early_retrans=0');
  for (const family of ['-4', '-6'])
    for (const route of run('ip', '-n', namespace, family, 'route', 'list').trim().split('\n'))
      if (/ dev (?!lo )/.test(route) && !/^fe80| encap | linkdown/.test(route))
        run('ip', '-n', namespace, family, 'route', 'change', ...route.trim().split(/\s+/), 'rto_min', '5s');
}

/** Two hosts, `near` and `far`, that reach each other over Ethernet. Remove them with `dispose`. */
export class HostPair {
  readonly near: Host;
  readonly far: Host;
  /** Namespace of the bridge; undefined when there is none. */
  readonly #bridge: string | undefined;
  #sentBefore = 0;

  constructor(name: string, wire: Wire = 'direct') {
    const prefix = `pnm${String(process.pid)}${name}`;
    this.#bridge = wire === 'segmenting' ? `${prefix}m` : undefined;
    this.near = { namespace: `${prefix}a`, ipv4: '10.77.0.1', ipv6: 'fd77::1', interface: 'wire0' };
    this.far = { namespace: `${prefix}b`, ipv4: '10.77.0.2', ipv6: 'fd77::2', interface: 'wire0' };
    try {
      for (const host of [this.near, this.far]) run('ip', 'netns', 'add', host.namespace);
      if (this.#bridge === undefined) addVeth(this.near.namespace, 'wire0', this.far.namespace, 'wire0');
      else this.#makeBridge(this.#bridge);
      for (const host of [this.near, this.far]) this.#bringUp(host);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #makeBridge(bridge: string): void {
    run('ip', 'netns', 'add', bridge);
    const inBridge = ['-n', bridge, 'link'];
    run('ip', ...inBridge, 'add', 'bridge0', 'type', 'bridge');
    run('ip', ...inBridge, 'set', 'bridge0', 'up');
    for (const [host, port] of [
      [this.near, 'near0'],
      [this.far, 'far0'],
    ] as const) {
      addVeth(host.namespace, 'wire0', bridge, port);
      run('ip', ...inBridge, 'set', port, 'master', 'bridge0', 'up');
    }
    setBundling(this.near.namespace, 'wire0', 'on');
    setBundling(this.far.namespace, 'wire0', 'off');
    // A veth interface bundles what it receives only when its peer hands it single segments.
    for (const port of ['near0', 'far0']) setBundling(bridge, port, 'off');
    // Then it queues 256 of them and drops the others, which have been counted already: so many a sender may not
    // have on the way.
    for (const host of [this.near, this.far])
      run('ip', 'netns', 'exec', host.namespace, 'sysctl', '-qw', `net.ipv4.tcp_wmem=${modestSendBuffer}`);
  }

  /** Where a host's packets are counted as they arrive: before the near host bundles them, where it does. */
  #countingPlace(host: Host): CountingPlace {
    return host === this.near && this.#bridge !== undefined
      ? { namespace: this.#bridge, interface: 'far0' }
      : host;
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
    for (const host of [this.near, this.far]) setBundling(host.namespace, host.interface, state);
  }

  /** Has the near host send bundles of up to so many bytes: from 65,536 on that is BIG TCP. */
  setLargestBundle(bytes: number): void {
    const { namespace } = this.near;
    run('ip', '-n', namespace, 'link', 'set', this.near.interface, 'gso_max_size', String(bytes));
    const sendBuffer = `4096 ${String(2 * bytes)} ${String(2 * bytes)}`;
    run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', `net.ipv4.tcp_wmem=${sendBuffer}`);
  }

  /** As the function of that name, at both ends. */
  retransmitLate(): void {
    for (const { namespace } of [this.near, this.far]) retransmitLate(namespace);
  }

  /** What the near host's interface was handed to send, and handed up, since `startCounting`: a bundle is one packet. */
  bundlesOfNear(): { sent: number; received: number } {
    const received = counterIn(this.near.namespace, 'arrived').packets;
    return { sent: this.#sentByNear() - this.#sentBefore, received };
  }

  #sentByNear(): number {
    return linkStatistics(this.near.namespace, this.near.interface).tx.packets;
  }

  /**
   * Starts to count packets where they arrive, at both ends, each as it crossed the wire: a sender's own filter would
   * see bundles of segments.
   * @param matches the packets of each counter, by its name, as nftables expressions; TCP and UDP when absent
   */
  startCounting(matches: Record<string, string> = { arrived: 'meta l4proto { tcp, udp }' }): void {
    const names = Object.keys(matches);
    const rules = (device: string) => `
      table netdev ground_truth
      delete table netdev ground_truth
      table netdev ground_truth {
        ${names.map((name) => `counter ${name} {}`).join('\n')}
        chain in {
          type filter hook ingress device "${device}" priority 0;
          ${Object.entries(matches)
            .map(([name, match]) => `${match} counter name ${name}`)
            .join('\n')}
        }
      }`;
    this.#sentBefore = this.#sentByNear();
    const places = [this.near, this.far].map((host) => this.#countingPlace(host));
    for (const place of new Set([this.near, ...places])) {
      execFileSync('ip', ['netns', 'exec', place.namespace, 'nft', '-f', '-'], {
        input: rules(place.interface),
      });
    }
  }

  /**
   * What arrived at a host since `startCounting`, by the counter's name. Throws when the bridge has dropped packets:
   * what came in there is then not what arrived.
   */
  arrivedAt(host: Host, name = 'arrived'): WireCounters {
    if (this.#bridge !== undefined)
      for (const port of ['near0', 'far0']) {
        const { dropped } = linkStatistics(this.#bridge, port).tx;
        if (dropped > 0)
          throw new Error(`The bridge dropped ${String(dropped)} packets on their way to ${port}`);
      }
    return counterIn(this.#countingPlace(host).namespace, name);
  }

  /**
   * Arguments that run a program in a host: `spawn('nsenter', within(pair.near, 'ping', …))`. Not `ip netns
   * exec`: that mounts another /sys, without control groups.
   */
  static within(host: Place, program: string, ...args: string[]): string[] {
    return [`--net=/run/netns/${host.namespace}`, '--', program, ...args];
  }

  dispose(): void {
    const bridge = this.#bridge === undefined ? [] : [this.#bridge];
    for (const namespace of [this.near.namespace, this.far.namespace, ...bridge]) {
      try {
        run('ip', 'netns', 'delete', namespace);
      } catch {
        // It was not made: the constructor failed before.
      }
    }
  }
}
