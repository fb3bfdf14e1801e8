// One read of the kernel's flow pool after the other, turned into sums that lose nothing: of flows, of processes by
// interface, and of what found the pool full. It also keeps the pool clean, whether or not anyone watches.
import { Counters } from './counters';
import { asError } from './errors';
import { Flow } from './flow';
import { interfaceKey } from './interfaces';
import {
  datagramState,
  flowColumns,
  FlowColumn,
  FlowFlag,
  type FlowIdentity,
  FlowMark,
  type Kernel,
  type KernelStatistics,
  TimeWait,
  unknownProcess,
  unknownUser,
} from './kernel';
import { GrowthMeter, type Ledger, type ProcessAccount } from './ledger';
import { decodeName } from './processes';
import { reasonName } from './reason';
import { Slot } from './slot';

/** Is told which flows there are, watched or not. */
export interface FlowListener {
  opened(flow: Flow): void;
  /** It has no slot any more. */
  ended(flow: Flow): void;
}

/** A datagram flow without a packet for this long gives its slot back; so does what a dead process left open. */
export const idleNanos = 60e9;
/** A closed flow keeps its slot this long after its last packet, unless half of the pool is in use. */
const closedNanos = 2e9;
/** Between retiring a slot and recycling it: far longer than any packet is on its way through the programs. */
const graceNanos = 100e6;
/** Between two looks at whether the owners of idle flows still live. */
const abandonedCheckNanos = 10e9;
/** How long the kernel keeps a TIME_WAIT entry, when that cannot be looked up. */
const timeWaitNanos = 60e9;
/** Between two looks at whether it still keeps one. */
const timeWaitCheckNanos = 1e9;
/** TIME_WAIT takes no more than this share of the pool. */
const timeWaitShare = 1 / 4;
const initialRows = 256;
const kernelMarks = FlowMark.Estimate | FlowMark.WireEstimate | FlowMark.PayloadEstimate;
const closedState = 7;
const timeWaitState = 6;

export class Sampler {
  #rows = new Float64Array(initialRows * flowColumns);
  readonly #slots: (Slot | undefined)[] = [];
  #used = 0;
  readonly #flows = new Map<string, Flow>();
  #nextFlowId = 1;
  #tick = 0;
  readonly #growth = new Counters();
  #statistics: KernelStatistics;
  /** By process, then by interface. */
  readonly #overflow = new Map<number, Map<number, GrowthMeter>>();
  #overflowUpdates = 0;
  #abandonedCheckedNanos = 0;
  /** Whether the owners of idle flows live, as of the last look. */
  readonly #owners = new Map<number, boolean>();
  #troubleReported = false;
  /** Whether more than half of the pool was in use at the last read. */
  #crowded = false;
  /** Whether there is no room for connections in TIME_WAIT. */
  #filling = false;
  readonly #toSettle: number[] = [];

  constructor(
    private readonly kernel: Kernel,
    private readonly ledger: Ledger,
    private readonly onError: (error: Error) => void,
    private readonly listener?: FlowListener,
  ) {
    this.#statistics = kernel.statistics();
  }

  /** As of the last read. */
  get statistics(): KernelStatistics {
    return this.#statistics;
  }

  /** The flow in a slot, as of the last read. */
  flowIn(slot: number): Flow | undefined {
    return this.#slots[slot]?.flow;
  }

  /** Share of the pool that was in use at the last read, 0 to 1. */
  get occupancy(): number {
    return this.#used / Math.max(1, this.#statistics.flowCapacity);
  }

  /**
   * Reads all counters and tells the observers of each process what changed.
   * @param now nanoseconds since boot, just before the read
   * @param complete to the last acknowledgement, also for flows that moved a moment ago
   */
  read(now: number, complete = false): void {
    this.#tick += 1;
    if (complete) for (const slot of this.#slots) if (slot !== undefined) this.#considerSettling(slot, now);
    this.#settle();
    const count = this.#readRows();
    this.#crowded = count > this.#statistics.flowCapacity / 2;
    this.#filling = count > this.#statistics.flowCapacity * timeWaitShare;
    const checkAbandoned = now - this.#abandonedCheckedNanos >= abandonedCheckNanos;
    if (checkAbandoned) {
      this.#abandonedCheckedNanos = now;
      this.#owners.clear();
    }
    let matched = 0;
    for (let offset = 0; offset < count * flowColumns; offset += flowColumns) {
      const slot = this.#slotOf(offset);
      if (slot === undefined) continue;
      slot.tick = this.#tick;
      if (!slot.matches(this.#rows, offset)) this.#apply(slot, offset);
      else this.#considerSettling(slot, now);
      this.#tidy(slot, now, checkAbandoned);
      if (this.#slots[slot.index] === slot) matched += 1;
    }
    this.#settle();
    if (matched !== this.#used) this.#forgetMissing();
    this.#statistics = this.kernel.statistics();
    if (this.#statistics.overflowUpdates !== this.#overflowUpdates) this.#readOverflow(now);
    this.ledger.prune();
  }

  #readRows(): number {
    for (;;) {
      const count = this.kernel.readFlows(this.#rows);
      const capacity = this.#rows.length / flowColumns;
      if (count <= capacity) return count;
      this.#rows = new Float64Array(Math.max(count, capacity * 2) * flowColumns);
    }
  }

  /** What is known of the slot of a row; a slot that is new, or has a new flow, is looked at. */
  #slotOf(offset: number): Slot | undefined {
    const index = this.#rows[FlowColumn.Slot + offset] ?? 0;
    const openedNanos = this.#rows[FlowColumn.OpenedNanos + offset] ?? 0;
    const slot = this.#slots[index];
    if (slot?.openedNanos === openedNanos) {
      if (slot.processId === (this.#rows[FlowColumn.ProcessId + offset] ?? 0)) return slot;
      if (this.#give(slot, offset)) return slot;
    } else if (slot !== undefined) {
      this.#forget(slot);
    }
    return this.#open(index, openedNanos, offset);
  }

  #open(index: number, openedNanos: number, offset: number): Slot | undefined {
    const identity = this.kernel.describeFlow(index);
    // Taken by another flow since the rows were read: the next read has it.
    if (identity?.openedNanos !== openedNanos) return undefined;
    const flow = this.#flowOf(identity, offset);
    flow.slots += 1;
    const slot = new Slot(index, openedNanos, flow, flow.account.onInterface(flow.interfaceKey));
    slot.processId = flow.account.pid;
    this.#slots[index] = slot;
    this.#used += 1;
    return slot;
  }

  #flowOf(identity: FlowIdentity, offset: number): Flow {
    const foreign = ((this.#rows[FlowColumn.Flags + offset] ?? 0) & FlowFlag.Foreign) !== 0;
    const device = interfaceKey(identity.interfaceIndex, foreign);
    const key = this.#keyOf(identity, device);
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      const owner = this.#ownerOf(identity, offset);
      flow = new Flow(this.#nextFlowId++, key, device, identity, owner);
      this.#flows.set(key, flow);
      owner.flows.add(flow);
      if (identity.userId !== unknownUser) owner.userId = identity.userId;
      this.listener?.opened(flow);
    }
    return flow;
  }

  #keyOf({ socketCookie, remoteAddress, remotePort, processId }: FlowIdentity, device: number): string {
    return [socketCookie, remoteAddress, remotePort, device, processId].join(' ');
  }

  #ownerOf(identity: FlowIdentity, offset: number): ProcessAccount {
    const { processId: pid, userId, processName, openedNanos } = identity;
    const lastNanos = this.#rows[FlowColumn.LastNanos + offset] ?? openedNanos;
    const owner = { pid, userId, name: decodeName(processName) };
    return this.ledger.ofOwner(owner, openedNanos, this.#tick, lastNanos);
  }

  /**
   * The owner of a slot's flow turned out to be another process, for all that the slot has counted. Returns false when
   * the slot has to be opened anew: it shares its flow with others, or the other process has that flow already.
   */
  #give(slot: Slot, offset: number): boolean {
    const identity = this.kernel.describeFlow(slot.index);
    const { flow, counters } = slot;
    slot.ownerSum.subtract(counters);
    const key = identity === undefined ? '' : this.#keyOf(identity, flow.interfaceKey);
    if (identity === undefined || flow.slots > 1 || this.#flows.has(key)) {
      flow.counters.subtract(counters);
      this.#detach(slot);
      // What it was is shown as the other process's flow, and would be there twice.
      if (flow.ended) for (const observer of flow.account.observers) observer.flowLeft(flow);
      return false;
    }
    const former = flow.account;
    const owner = this.#ownerOf(identity, offset);
    this.#flows.delete(flow.key);
    former.flows.delete(flow);
    flow.key = key;
    flow.account = owner;
    this.#flows.set(key, flow);
    owner.flows.add(flow);
    slot.processId = owner.pid;
    slot.ownerSum = owner.onInterface(flow.interfaceKey);
    slot.ownerSum.add(counters);
    slot.ownerSum.marks |= flow.marks;
    for (const observer of former.observers) {
      if (!owner.observers.has(observer)) observer.flowLeft(flow);
    }
    for (const observer of owner.observers) observer.flowChanged(flow);
    return true;
  }

  /** Adds what a row has more than the one before to every sum it belongs to. */
  #apply(slot: Slot, offset: number): void {
    const { flow } = slot;
    const growth = this.#growth;
    slot.advance(this.#rows, offset, growth);
    slot.restless = true;
    flow.marks |= slot.flags & kernelMarks;
    flow.counters.add(growth);
    slot.ownerSum.add(growth);
    slot.ownerSum.marks |= flow.marks;
    // A retired slot beside one in use says how things were.
    if (slot.retiredNanos === 0 || flow.slots === 1) {
      flow.setState(slot.state, slot.flags, slot.timeWait);
      flow.rttMicros = slot.rttMicros;
      flow.reason = reasonName(slot.reason);
      flow.closedNanos = slot.closedNanos;
    }
    flow.connectMicros = Math.max(flow.connectMicros, slot.connectMicros);
    flow.retransmits = Math.max(flow.retransmits, slot.retransmits);
    for (const observer of flow.account.observers) observer.flowChanged(flow);
  }

  /**
   * TCP takes a packet in after it was counted, so what the last one brought is not known before the next one; of
   * connections from before the helper nothing is. Those that somebody watches are looked at when they come to rest.
   */
  #considerSettling(slot: Slot, now: number): void {
    if (slot.retiredNanos !== 0 || slot.state === datagramState || (slot.flags & FlowFlag.Foreign) !== 0)
      return;
    if (slot.flow.account.observers.size === 0 || slot.flow.remote === undefined) return;
    const isClosed = (slot.flags & FlowFlag.Closed) !== 0;
    const isDue = isClosed
      ? slot.timeWait === TimeWait.Kept && now - slot.settledNanos >= timeWaitCheckNanos
      : slot.restless || (slot.flags & FlowFlag.Adopted) !== 0;
    if (!isDue) return;
    slot.restless = false;
    slot.settledNanos = now;
    this.#toSettle.push(slot.index);
  }

  #settle(): void {
    if (this.#toSettle.length === 0) return;
    const slots = Uint32Array.from(this.#toSettle);
    this.#toSettle.length = 0;
    this.#attempt(() => this.kernel.settleFlows(slots), 'Connections that rest could not be looked at.');
  }

  /** Retires what is finished with, and recycles what was retired long enough ago. */
  #tidy(slot: Slot, now: number, checkAbandoned: boolean): void {
    if (slot.retiredNanos !== 0) {
      if (now - slot.retiredNanos >= graceNanos) this.#recycle(slot);
      return;
    }
    if (this.#isOver(slot, now) || this.#isIdle(slot, now, checkAbandoned)) {
      this.#attempt(() => this.kernel.retireFlow(slot.index));
      slot.retiredNanos = now;
    }
  }

  /** A closed connection still answers for a moment, in TIME_WAIT; that counts too while there is room. */
  #isOver(slot: Slot, now: number): boolean {
    if ((slot.flags & FlowFlag.Closed) === 0) return false;
    if (slot.timeWait !== TimeWait.None && !this.#filling && slot.flow.account.observers.size > 0) {
      return slot.timeWait === TimeWait.Assumed && now - slot.closedNanos >= timeWaitNanos;
    }
    return this.#crowded || now - slot.lastNanos >= closedNanos;
  }

  #isIdle(slot: Slot, now: number, checkAbandoned: boolean): boolean {
    if (slot.timeWait !== TimeWait.None) return false;
    // Of a packet socket without a peer nothing is to be seen while it listens.
    if ((slot.flow.marks & FlowMark.ReceivedUncounted) !== 0 && slot.flow.remote === undefined)
      return checkAbandoned && !this.#ownerLives(slot.processId);
    if (now - Math.max(slot.lastNanos, slot.openedNanos) < idleNanos) return false;
    if (slot.state === datagramState || slot.state === closedState || slot.state === timeWaitState)
      return true;
    // A connection may rest for days; it is abandoned only when nobody is left to use it.
    return checkAbandoned && !this.#ownerLives(slot.processId);
  }

  /** Looks once for all flows of a process: there may be thousands that rest. */
  #ownerLives(pid: number): boolean {
    let lives = this.#owners.get(pid);
    if (lives === undefined) {
      lives = this.ledger.lives(pid);
      this.#owners.set(pid, lives);
    }
    return lives;
  }

  /** Its counters were just read, a grace period after the kernel stopped counting on it. */
  #recycle(slot: Slot): void {
    if (this.#attempt(() => this.kernel.recycleFlow(slot.index))) this.#forget(slot);
  }

  #forget(slot: Slot): void {
    this.#detach(slot);
    const { flow } = slot;
    if (flow.ended) for (const observer of flow.account.observers) observer.flowChanged(flow);
  }

  /** Takes a slot from its flow, which ends with the last one. */
  #detach(slot: Slot): void {
    this.#slots[slot.index] = undefined;
    this.#used -= 1;
    const { flow } = slot;
    flow.slots -= 1;
    if (flow.slots > 0) return;
    flow.ended = true;
    if (flow.closedNanos > 0) flow.state = 'closed';
    this.#flows.delete(flow.key);
    flow.account.flows.delete(flow);
    this.listener?.ended(flow);
  }

  /** Slots that were not among the rows are free, by whatever way. */
  #forgetMissing(): void {
    for (const slot of this.#slots) {
      if (slot !== undefined && slot.tick !== this.#tick) this.#forget(slot);
    }
  }

  #readOverflow(now: number): void {
    this.#overflowUpdates = this.#statistics.overflowUpdates;
    for (const entry of this.kernel.readOverflow()) {
      if (entry.processId === unknownProcess) continue;
      const device = interfaceKey(entry.interfaceIndex, entry.foreign);
      const meter = this.#overflowMeter(entry.processId, device);
      const growth = meter.advance(entry);
      if (growth.empty) continue;
      const since = this.ledger.find(entry.processId)?.seenNanos ?? now;
      const owner = { pid: entry.processId, userId: unknownUser, name: '' };
      const sum = this.ledger.ofOwner(owner, since, this.#tick).onInterface(device);
      sum.add(growth);
      sum.marks |= entry.flags;
    }
  }

  #overflowMeter(processId: number, device: number): GrowthMeter {
    let ofProcess = this.#overflow.get(processId);
    if (ofProcess === undefined) this.#overflow.set(processId, (ofProcess = new Map<number, GrowthMeter>()));
    let meter = ofProcess.get(device);
    if (meter === undefined) ofProcess.set(device, (meter = new GrowthMeter()));
    return meter;
  }

  /** A slot that cannot be given back is lost until the helper ends; that is no reason to stop counting. */
  #attempt(operation: () => void, trouble = 'A slot of the flow pool could not be given back.'): boolean {
    try {
      operation();
      return true;
    } catch (error) {
      if (!this.#troubleReported) {
        this.onError(new Error(trouble, { cause: asError(error) }));
      }
      this.#troubleReported = true;
      return false;
    }
  }
}
