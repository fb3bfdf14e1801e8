// Network namespaces for tests: two hosts joined by a veth pair, with counters of the far end's own.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

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

/** How a pair of hosts is made, where not as usual. */
export interface PairOptions {
  wire?: Wire;
  /**
   * The near host is this process's own network namespace: nothing in it is touched but an interface of its own and the
   * packet filter's tables for that.
   */
  isHome?: boolean;
}

/**
 * Least, default and most bytes that a TCP socket may have on the way: 16 of them, with as many acknowledgements of what
 * comes the other way, fill no queue of 256 packets.
 */
const modestSendBuffer = 'net.ipv4.tcp_wmem=4096 8192 10240';
/** The like at the receiving end: half of it is for headers. It does for a few sockets, as it bounds no acknowledgements. */
const modestReceiveBuffer = 'net.ipv4.tcp_rmem=4096 20480 20480';

/** What the names of all that this process makes begin with; 10 characters at most. */
export const ownPrefix = `pnm${String(process.pid)}`;
/** Tables of the packet filter: one counts what arrives, one does with it what a test says. */
const countingTable = `netdev ${ownPrefix}`;
const filteringTable = `inet ${ownPrefix}`;
const bundlesTable = `netdev ${ownPrefix}bundles`;

type Addresses = Record<'ipv4' | 'ipv6', string>;

function usualAddresses(host: number): Addresses {
  return { ipv4: `10.77.0.${String(host)}`, ipv6: `fd77::${String(host)}` };
}

/** One of 32 addresses that are this process's only, of those that are kept free for measurements (RFC 2544). */
export function ownAddresses(host: number): Addresses {
  const network = process.pid % 2 ** 12;
  const low = network * 32 + host;
  return {
    ipv4: `198.${String(18 + (low >> 16))}.${String((low >> 8) & 255)}.${String(low & 255)}`,
    ipv6: `fd77:${network.toString(16)}::${String(host)}`,
  };
}

/** What processes of tests leave behind: how it is listed, where its name is in that, and how it is removed. */
type Kind = [list: Parameters<typeof run>, name: RegExp, remove: Parameters<typeof run>];

const kindsAtHome: Kind[] = [
  [['ip', 'link', 'show', 'type', 'veth'], /^\d+: ([^@:]+)/gm, ['ip', 'link', 'delete']],
  [['nft', 'list', 'tables'], /^table (.+)/gm, ['nft', 'delete', 'table']],
];
const namesOfNamespaces: Kind = [['ip', 'netns', 'list'], /^(\S+)/gm, ['ip', 'netns', 'delete']];

function clear(kinds: readonly Kind[], isOf: (processId: string) => boolean): void {
  for (const [list, pattern, remove] of kinds)
    for (const [, name = ''] of run(...list).matchAll(pattern)) {
      const processId = /pnm(\d+)/.exec(name)?.[1];
      if (processId !== undefined && isOf(processId)) run(...remove, ...name.split(' '));
    }
}

/**
 * Gives this process's own network namespace a name, so that it can be used like others, and removes what is left in it
 * of processes that were killed.
 */
export function nameHome(namespace: string): void {
  clear([...kindsAtHome, namesOfNamespaces], (processId) => !existsSync(`/proc/${processId}`));
  run('ip', 'netns', 'attach', namespace, String(process.pid));
}

/** Removes the interfaces and the packet filter's tables that this process has made in its own network namespace. */
export function clearHome(): void {
  clear(kindsAtHome, (processId) => processId === String(process.pid));
}

/** Gives a host its interface, which leads to another one in some network namespace. */
function addVeth(host: Host, peerNamespace: string, peer: string): void {
  run(
    ...(['ip', 'link', 'add', host.interface, 'netns', host.namespace] as const),
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

/** Has a network namespace's packet filter take rules. */
function loadRules(namespace: string, rules: string): void {
  execFileSync('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], { input: rules });
}

/** Rules that remove a table, whether or not it is there. */
function withoutTable(table: string): string {
  return `table ${table}\ndelete table ${table}\n`;
}

function counterIn(namespace: string, name: string, table = countingTable): WireCounters {
  const listing = run(
    ...(['ip', 'netns', 'exec', namespace, 'nft', '-j'] as const),
    ...['list', 'counters', 'table', ...table.split(' ')],
  );
  const { nftables } = JSON.parse(listing) as { nftables: NftCounter[] };
  const counter = nftables.find((entry) => entry.counter?.name === name)?.counter;
  if (!counter) throw new Error(`The packet filter of ${namespace} has no counter ${name}`);
  return { packets: counter.packets, bytes: counter.bytes };
}

/**
 * Keeps the connections of a network namespace from sending twice what was not lost, over the routes and interfaces that
 * there are: what comes twice to a connection in TIME_WAIT is seen by no hook from outside. They wait long before they
 * send again, as on a slow machine the acknowledgement comes late; and one processor takes in what arrives, as two may
 * change the order of segments, and the peer then acknowledges twice.
 */
export function sendOnce(namespace: string): void {
  const queues = '/sys/class/net/*/queues/rx-*/rps_cpus';
  run(
    ...(['ip', 'netns', 'exec', namespace, 'sh', '-c'] as const),
    `sysctl -qw net.ipv4.tcp_early_retrans=0 && for queue in ${queues}; do echo 1 > $queue; done`,
  );
  for (const family of ['-4', '-6'])
    for (const route of run('ip', '-n', namespace, family, 'route', 'list').trim().split('\n'))
      if (/ dev (?!lo )/.test(route) && !/^fe80| encap | linkdown/.test(route))
        run('ip', '-n', namespace, family, 'route', 'change', ...route.trim().split(/\s+/), 'rto_min', '5s');
}

/** Two hosts, `near` and `far`, that reach each other over Ethernet. Remove them with `dispose`. */
export class HostPair {
  readonly near: Host;
  readonly far: Host;
  /** An address of their network that no host has. */
  readonly nobody: string;
  /** Namespace of the bridge; undefined when there is none. */
  readonly #bridge: string | undefined;
  readonly #isHome: boolean;
  #sentBefore = 0;

  constructor(name: string, { wire = 'direct', isHome = false }: PairOptions = {}) {
    // A test may have a pair at either place. The name of an interface has 15 characters at most.
    const prefix = `${ownPrefix}${name}${isHome ? 'h' : ''}`;
    this.#isHome = isHome;
    this.#bridge = wire === 'segmenting' ? `${prefix}m` : undefined;
    const addresses = isHome ? ownAddresses : usualAddresses;
    this.near = { namespace: `${prefix}a`, ...addresses(1), interface: isHome ? prefix : 'wire0' };
    this.far = { namespace: `${prefix}b`, ...addresses(2), interface: 'wire0' };
    this.nobody = addresses(5).ipv4;
    try {
      if (isHome) nameHome(this.near.namespace);
      else run('ip', 'netns', 'add', this.near.namespace);
      run('ip', 'netns', 'add', this.far.namespace);
      if (this.#bridge === undefined) addVeth(this.near, this.far.namespace, this.far.interface);
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
      addVeth(host, bridge, port);
      run('ip', ...inBridge, 'set', port, 'master', 'bridge0', 'up');
      setBundling(host.namespace, host.interface, host === this.near ? 'on' : 'off');
      // A veth interface bundles what it receives only when its peer hands it single segments.
      setBundling(bridge, port, 'off');
    }
    // Then it queues 256 of them and drops the others, which have been counted already: so many may not be on the way.
    const settings: [Host, string][] = [
      [this.far, modestSendBuffer],
      this.#isHome ? [this.far, modestReceiveBuffer] : [this.near, modestSendBuffer],
    ];
    for (const [host, setting] of settings)
      run('ip', 'netns', 'exec', host.namespace, 'sysctl', '-qw', setting);
  }

  /** Where a host's packets are counted as they arrive: before the near host bundles them, where it does. */
  #countingPlace(host: Host): CountingPlace {
    return host === this.near && this.#bridge !== undefined
      ? { namespace: this.#bridge, interface: 'far0' }
      : host;
  }

  #bringUp(host: Host): void {
    const ip = ['-n', host.namespace] as const;
    if (host === this.far || !this.#isHome) run('ip', ...ip, 'link', 'set', 'lo', 'up');
    run('ip', ...ip, 'address', 'add', `${host.ipv4}/${this.#isHome ? '29' : '24'}`, 'dev', host.interface);
    run('ip', ...ip, 'address', 'add', `${host.ipv6}/64`, 'dev', host.interface, 'nodad');
    run('ip', ...ip, 'link', 'set', host.interface, 'up');
  }

  /** Switches the offloads that bundle segments: off, the far end sees every segment by itself. */
  setOffloads(state: 'on' | 'off'): void {
    for (const host of [this.near, this.far]) setBundling(host.namespace, host.interface, state);
  }

  /** Has the near host send bundles of up to so many bytes, and counts those of more than 64 kB: BIG TCP. */
  setLargestBundle(bytes: number): void {
    const { namespace, interface: device } = this.near;
    run('ip', '-n', namespace, 'link', 'set', device, 'gso_max_size', String(bytes));
    const sendBuffer = `4096 ${String(2 * bytes)} ${String(2 * bytes)}`;
    // A slow machine, or what an earlier connection has lost, would make them smaller.
    const settings = [`tcp_min_tso_segs=${String(Math.floor(bytes / 1_448))}`, 'tcp_no_metrics_save=1'];
    for (const setting of [`tcp_wmem=${sendBuffer}`, ...settings])
      run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', `net.ipv4.${setting}`);
    loadRules(
      namespace,
      `${withoutTable(bundlesTable)}
      table ${bundlesTable} {
        counter large {}
        chain out {
          type filter hook egress device "${device}" priority 0;
          meta length > 65535 counter name large
        }
      }`,
    );
  }

  /** Bundles of more than 64 kB since `setLargestBundle`. */
  get largeBundles(): number {
    return counterIn(this.near.namespace, 'large', bundlesTable).packets;
  }

  /** As the function of that name, at both ends that have a network namespace of their own. */
  sendOnce(): void {
    if (!this.#isHome) sendOnce(this.near.namespace);
    sendOnce(this.far.namespace);
  }

  /** Has a host's packet filter apply rules to what arrives from the other, instead of those before. */
  filter(host: Host, ...rules: string[]): void {
    const ofPair = rules.map((rule) => `iifname "${host.interface}" ${rule}`);
    this.#filterAt('input priority 0', host, ofPair);
  }

  /** As `filter`, but what the rules drop does not count as arrived (`startCounting`). Not where a bridge counts. */
  filterBeforeCounting(host: Host, ...rules: string[]): void {
    this.#filterAt(`ingress device "${host.interface}" priority -1`, host, rules);
  }

  #filterAt(hook: string, host: Host, rules: readonly string[]): void {
    const chain = [`type filter hook ${hook};`, ...rules];
    loadRules(
      host.namespace,
      `${withoutTable(filteringTable)}table ${filteringTable} {\nchain in {\n${chain.join('\n')}\n}\n}`,
    );
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
   * @param matches the packets of each counter, by its name, as nftables expressions; when absent, TCP and UDP but for
   * what a machine sends to all who may be on a network
   */
  startCounting(
    matches: Record<string, string> = {
      arrived: 'meta pkttype != { broadcast, multicast } meta l4proto { tcp, udp }',
    },
  ): void {
    const names = Object.keys(matches);
    const rules = (device: string) => `
      ${withoutTable(countingTable)}
      table ${countingTable} {
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
    for (const place of new Set([this.near, ...places])) loadRules(place.namespace, rules(place.interface));
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
    if (this.#isHome) clearHome();
    for (const namespace of [this.near.namespace, this.far.namespace, ...bridge]) {
      try {
        run('ip', 'netns', 'delete', namespace);
      } catch {
        // It was not made: the constructor failed before.
      }
    }
  }
}
