// Networks for tests that need more than two hosts on one wire: any number of network namespaces, the links between
// them, translation of addresses, and counters at any interface.
import { execFileSync } from 'node:child_process';
import { clearHome, nameHome, ownPrefix, sendOnce, run, type WireCounters } from './namespaces';
import type { Command } from './scenario';

/** Bundles of segments are counted as one packet by a packet filter; switched off, each counts by itself. */
const offloads = ['tso', 'gso', 'gro'].flatMap((name) => [name, 'off']);

interface NftCounter {
  counter?: { name: string; packets: number; bytes: number };
}

/** One host of a network: a network namespace with its loopback interface up. */
export class NetworkHost {
  readonly #counters = new Set<string>();
  #sendsOnce = false;

  /** @param isHome as of a pair of hosts: it is this process's own network namespace */
  constructor(
    readonly namespace: string,
    readonly isHome: boolean,
  ) {
    if (isHome) {
      nameHome(namespace);
      return;
    }
    run('ip', 'netns', 'add', namespace);
    this.ip('link', 'set', 'lo', 'up');
    this.#withoutOffloads('lo');
    // Else an interface answers for the addresses of those above it, and gets their packets.
    this.set('ipv4/conf/all/arp_ignore', 1);
    // Else the packet filter takes what a bridge passes on for the bridge's own.
    this.set('bridge/bridge-nf-call-iptables', 0);
    this.set('bridge/bridge-nf-call-ip6tables', 0);
  }

  /** Runs iproute2's `ip` in it. */
  ip(...args: string[]): string {
    return run('ip', '-netns', this.namespace, ...args);
  }

  /** Runs iproute2's `tc` in it. */
  tc(...args: string[]): string {
    return run('tc', '-netns', this.namespace, ...args);
  }

  /** The command that runs a program in it. Not `ip netns exec`: that mounts another /sys, without control groups. */
  command(...command: Command): Command {
    return ['nsenter', `--net=/run/netns/${this.namespace}`, '--', ...command];
  }

  /** Makes an interface (`ip link add`), without offloads, and switches it on. */
  add(name: string, ...kind: string[]): void {
    this.ip('link', 'add', name, ...kind);
    this.up(name);
  }

  /** Switches an interface on, with these addresses (`10.0.0.1/24`). */
  up(name: string, ...addresses: string[]): void {
    this.#withoutOffloads(name);
    for (const address of addresses) this.address(name, address);
    this.ip('link', 'set', name, 'up');
  }

  address(name: string, address: string): void {
    const flags = address.includes(':') ? ['nodad'] : [];
    this.ip('address', 'add', address, 'dev', name, ...flags);
  }

  /** Lets it pass on what is addressed to others. */
  forward(): void {
    this.set('ipv4/ip_forward', 1);
    this.set('ipv6/conf/all/forwarding', 1);
  }

  /** As the function of that name. */
  sendOnce(): void {
    if (this.#sendsOnce) return;
    this.#sendsOnce = true;
    sendOnce(this.namespace);
  }

  /** Loads a rule set into its packet filter. */
  nft(rules: string): void {
    const [program, ...args] = this.command('nft', '-f', '-');
    execFileSync(program, args, { input: rules, stdio: ['pipe', 'inherit', 'pipe'] });
  }

  /**
   * Starts to count what arrives over an interface, by an expression of nftables; TCP and UDP when absent. It counts
   * where a packet enters the network layer, before its addresses are translated: beneath, a packet also passes the
   * interfaces that carry this one.
   */
  count(device: string, match = 'meta l4proto { tcp, udp }'): void {
    this.#counters.add(device);
    this.nft(`
      table inet count_${device}
      delete table inet count_${device}
      table inet count_${device} {
        counter arrived {}
        chain in {
          type filter hook prerouting priority -450;
          iifname "${device}" ${match} counter name arrived
        }
      }`);
  }

  /** What arrived at an interface since `count`: IP packets, without link headers. */
  arrived(device: string): WireCounters {
    if (!this.#counters.has(device)) throw new Error(`Nothing is counted at ${device}`);
    const list = ['list', 'counters', 'table', 'inet', `count_${device}`] as const;
    const { nftables } = JSON.parse(run(...this.command('nft', '-j', ...list))) as { nftables: NftCounter[] };
    const counter = nftables.find((entry) => entry.counter?.name === 'arrived')?.counter;
    if (!counter) throw new Error(`The packet filter of ${this.namespace} has no counter at ${device}`);
    return { packets: counter.packets, bytes: counter.bytes };
  }

  /** Sets a kernel parameter where the kernel has it. */
  set(setting: string, value: number): void {
    const file = `/proc/sys/net/${setting}`;
    run(...this.command('sh', '-c', `test ! -e ${file} || echo ${String(value)} > ${file}`));
  }

  dispose(): void {
    if (this.isHome) clearHome();
    run('ip', 'netns', 'delete', this.namespace);
  }

  #withoutOffloads(name: string): void {
    run(...this.command('ethtool', '-K', name, ...offloads));
  }
}

/** Hosts and the links between them. Remove them with `dispose`. */
export class Topology {
  readonly #hosts: NetworkHost[] = [];

  constructor(readonly name: string) {}

  host(name: string, { isHome = false } = {}): NetworkHost {
    const host = new NetworkHost(`${ownPrefix}${this.name}${name}`, isHome);
    this.#hosts.push(host);
    return host;
  }

  /** Joins two hosts by an Ethernet cable, which has these names at its ends. Both ends are down. */
  wire(a: NetworkHost, aName: string, b: NetworkHost, bName: string): void {
    run(
      ...(['ip', 'link', 'add', aName, 'netns', a.namespace, 'type', 'veth'] as const),
      ...['peer', 'name', bName, 'netns', b.namespace],
    );
  }

  /** Runs a command, such as `NetworkHost.command` gives. */
  run([program = '', ...args]: readonly string[]): void {
    run(program, ...args);
  }

  dispose(): void {
    for (const host of this.#hosts.splice(0)) host.dispose();
  }
}
