// What each process has sent and received: sums that outlive its flows, and the process itself.
import { Counters, type CounterValues, MarkedCounters } from './counters';
import type { Flow } from './flow';
import { unknownUser } from './kernel';
import type { Fact } from './protocols/detection';
import { readStartTicks } from './processes';

/** Is told what happens to the flows of an account. */
export interface AccountObserver {
  /** A flow is new to the account, or differs from before, or has ended. */
  flowChanged(flow: Flow): void;
  /** A flow belongs to another process from now on. */
  flowLeft(flow: Flow): void;
  /** Something was said on a flow. */
  factTold(flow: Flow, fact: Fact): void;
}

/** Processes that ended and that nobody watches keep their sums, this many of them. */
const maximumDeadAccounts = 4_096;
/** Interfaces that one account keeps apart; traffic over further ones has a common sum. */
const maximumInterfaces = 1_024;
const furtherInterfaces = Number.MAX_SAFE_INTEGER;

/** One process, told from others that had its id before or will have it afterwards. */
export class ProcessAccount {
  /** Flows that have a slot. */
  readonly flows = new Set<Flow>();
  readonly observers = new Set<AccountObserver>();
  readonly #byInterface = new Map<number, MarkedCounters>();
  /** When the process was forked, in nanoseconds since boot; 0 where nobody told. */
  forkedNanos = 0;
  /** Who had the id before: what it did may be read only now. */
  predecessor: ProcessAccount | undefined;
  /** When the process ended, in nanoseconds since boot; Infinity as long as that is not known. */
  endedNanos = Infinity;
  /** Who opened its latest flow; undefined while there was none. */
  userId: number | undefined;
  /** No process has this identity any more. Found out when there is need to. */
  gone = false;
  /** Sampling tick at which it was last made sure that the id still means this process. */
  checkedTick = 0;

  constructor(
    readonly pid: number,
    /** Undefined when the process was gone before it could be looked at. */
    readonly startTicks: number | undefined,
    /** Name of the process when it made its first socket; empty when it made none. */
    public name: string,
    /** When it was first seen, in nanoseconds since boot. */
    readonly seenNanos: number,
  ) {}

  /** The sum for an interface, to be added to. */
  onInterface(key: number): MarkedCounters {
    const slot =
      this.#byInterface.size < maximumInterfaces || this.#byInterface.has(key) ? key : furtherInterfaces;
    let counters = this.#byInterface.get(slot);
    if (counters === undefined) {
      counters = new MarkedCounters();
      this.#byInterface.set(slot, counters);
    }
    return counters;
  }

  /** Sets `sum` to everything, or to what passed the interfaces that a filter lets through. */
  sumInto(sum: MarkedCounters, filter?: (interfaceKey: number) => boolean): void {
    sum.clear();
    for (const [key, counters] of this.#byInterface) {
      if (filter === undefined || (key !== furtherInterfaces && filter(key))) sum.addMarked(counters);
    }
  }
}

/** The process that owns a socket, as the kernel half knows it. */
export interface SocketOwner {
  pid: number;
  /** The user then, or `unknownUser`. */
  userId: number;
  name: string;
}

/** The accounts of all processes that were ever seen, within bounds. */
export class Ledger {
  readonly #accounts = new Map<number, ProcessAccount>();
  #pruneAt = 2 * maximumDeadAccounts;

  constructor(
    /** When a process started; undefined when there is none. */
    private readonly startTicksOf: (pid: number) => number | undefined = readStartTicks,
    private readonly maximumDead = maximumDeadAccounts,
    /** The user whose sockets alone have a place here; everybody's when absent. */
    private readonly onlyUser?: number,
  ) {
    this.#pruneAt = 2 * maximumDead;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** Every account, in the order in which they were opened. */
  all(): Iterable<ProcessAccount> {
    return this.#accounts.values();
  }

  /** Whether there is a process with this id. */
  lives(pid: number): boolean {
    return this.startTicksOf(pid) !== undefined;
  }

  /** The account of the process that was last seen with this id. */
  find(pid: number): ProcessAccount | undefined {
    return this.#accounts.get(pid);
  }

  /**
   * The account of the process that owns a socket seen now. A socket may outlive the process that made it, whose id
   * then belongs to another one: those of other users get an account of their own, which nobody finds.
   * @param userId who owned the socket, or `unknownUser`
   * @param seenNanos when the socket was opened
   * @param tick number of the sampling tick, above 0; a process is looked at once a tick
   * @param lastNanos when a packet last passed the socket: it may have been opened before its owner was born
   */
  ofOwner(
    { pid, userId, name }: SocketOwner,
    seenNanos: number,
    tick: number,
    lastNanos = seenNanos,
  ): ProcessAccount {
    if (this.onlyUser !== undefined && userId !== this.onlyUser && userId !== unknownUser)
      return new ProcessAccount(pid, undefined, name, seenNanos);
    const account = this.#accounts.get(pid);
    if (account?.predecessor !== undefined && lastNanos < account.forkedNanos) return account.predecessor;
    if (account?.checkedTick === tick) return account;
    const startTicks = this.startTicksOf(pid);
    // A process that is gone by now is the one that is known, unless that one ended before.
    const same =
      account !== undefined &&
      (startTicks === undefined ? seenNanos <= account.endedNanos : account.startTicks === startTicks);
    const current = same ? account : this.#open(pid, startTicks, name, lastNanos);
    current.checkedTick = tick;
    current.name ||= name;
    return current;
  }

  /** The account of a process that was just looked at. */
  ofProcess(pid: number, startTicks: number, nanos: number): ProcessAccount {
    const account = this.#accounts.get(pid);
    return account?.startTicks === startTicks ? account : this.#open(pid, startTicks, '', nanos);
  }

  /** The account of a process that was forked at `nanos`, and that may have ended since. */
  ofChild(pid: number, startTicks: number | undefined, nanos: number): ProcessAccount {
    const account = this.#accounts.get(pid);
    // What was seen before the fork was another process with this id.
    const same =
      account !== undefined &&
      (startTicks === undefined ? account.seenNanos >= nanos : account.startTicks === startTicks);
    const child = same ? account : this.#open(pid, startTicks, '', nanos);
    child.forkedNanos = nanos;
    return child;
  }

  /** Forgets what ended longest ago, when there is too much of it. Costs nothing most of the time. */
  prune(): void {
    if (this.#accounts.size < this.#pruneAt) return;
    const dead: ProcessAccount[] = [];
    for (const account of this.#accounts.values()) {
      if (account.flows.size > 0 || account.observers.size > 0) continue;
      account.gone ||=
        account.startTicks === undefined || this.startTicksOf(account.pid) !== account.startTicks;
      if (account.gone) dead.push(account);
    }
    // The map is in the order in which the accounts were opened.
    for (const account of dead.slice(0, Math.max(0, dead.length - this.maximumDead))) {
      this.#accounts.delete(account.pid);
    }
    this.#pruneAt = Math.max(2 * this.maximumDead, this.#accounts.size + this.maximumDead);
  }

  /** An account that had the id before stays with those who watch it, and is forgotten by everyone else. */
  #open(pid: number, startTicks: number | undefined, name: string, nanos: number): ProcessAccount {
    const account = new ProcessAccount(pid, startTicks, name, nanos);
    account.predecessor = this.#accounts.get(pid);
    if (account.predecessor !== undefined) account.predecessor.predecessor = undefined;
    this.#accounts.delete(pid);
    this.#accounts.set(pid, account);
    return account;
  }
}

/** Growth of counters that are read as a whole, for sums that are kept elsewhere. */
export class GrowthMeter {
  readonly #last = new Counters();
  readonly #growth = new Counters();

  /** What was counted since the last call. Counters that went back were begun anew. */
  advance(values: CounterValues): Counters {
    const { wireTxPackets, wireRxPackets } = this.#last;
    if (values.wireTxPackets < wireTxPackets || values.wireRxPackets < wireRxPackets) this.#last.clear();
    this.#growth.setDifference(values, this.#last);
    this.#last.set(values);
    return this.#growth;
  }
}
