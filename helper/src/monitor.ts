// One monitor: the processes it covers, their sums and rates, and its samples.
import {
  type DroppedCounters,
  limits,
  type MonitorEvent,
  type MonitorSample,
  type ProcessSample,
} from '../../src/shared/protocol';
import { addUsages, standingStill } from '../../src/shared/usage';
import type { WallClock } from './clock';
import { Counters, MarkedCounters } from './counters';
import { estimateMarks } from './estimate-marks';
import { TalliedFacts } from './inspection/tallied-facts';
import type { Inspection } from './inspection/inspection';
import type { Flow } from './flow';
import type { Interfaces } from './interfaces';
import type { AccountObserver, ProcessAccount } from './ledger';
import { MonitoredFlows } from './monitored-flows';
import type { Fact } from './protocols/detection';
import { RateLimit } from './rate-limit';
import { type Period, UsageView } from './usage';
import type { EventDetails, ProcessObserver, WatchedProcess, WatchedProcesses } from './watched-processes';

export interface MonitorSettings {
  children: boolean;
  /** Names of interfaces; empty for all. */
  interfaces: string[];
  intervalMillis: number;
  windowMillis: number;
  inspect: boolean;
  maximumProcesses: number;
  maximumConnections: number;
  eventsPerSecond: number;
}

/** What a monitor shares with the others. */
export interface MonitorContext {
  processes: WatchedProcesses;
  interfaces: Interfaces;
  wallClock: WallClock;
  inspection: Inspection;
  onEvent(event: MonitorEvent): void;
}

interface ProcessView {
  readonly usage: UsageView;
  /** Counters at the moment from which on the caller may not see the process any more. */
  hidden?: MarkedCounters;
}

export class Monitor implements ProcessObserver, AccountObserver {
  readonly #processes = new Map<WatchedProcess, ProcessView>();
  /** Flows opened before this time have a past that is not of this monitor. */
  readonly #coveredSince = new Map<ProcessAccount, number>();
  readonly #flows: MonitoredFlows;
  readonly #facts: TalliedFacts;
  /** Sums of processes that had to make room. */
  readonly #departed = new MarkedCounters();
  /** Everything counted since the monitor began, whatever came and went. */
  readonly #counted = new Counters();
  readonly #total = new UsageView(true);
  /** Used within one call at a time. */
  readonly #sum = new MarkedCounters();
  #sequence = 0;
  /** No sample since watching began, or began anew: the next one is what rates are computed from. */
  #fresh = true;
  readonly #beganNanos: number;
  #sinceNanos: number;
  #lastNanos: number;
  #droppedEvents = 0;
  /** Events beyond `eventsPerSecond`, and how many of them were told of. */
  #unsaidEvents = 0;
  #unsaidEventsTold = 0;
  #eventRate: RateLimit;
  #settings: MonitorSettings;

  constructor(
    readonly id: string,
    settings: MonitorSettings,
    private readonly context: MonitorContext,
    /** The process that was asked for; 0 for every process that is found. */
    private readonly rootPid: number,
    now: number,
  ) {
    this.#settings = settings;
    this.#eventRate = eventRateOf(settings);
    this.#flows = new MonitoredFlows(context, () => this.#settings);
    this.#facts = new TalliedFacts(context.wallClock);
    this.#beganNanos = now;
    this.#sinceNanos = now;
    this.#lastNanos = now;
  }

  get settings(): MonitorSettings {
    return this.#settings;
  }

  get followsChildren(): boolean {
    return this.#settings.children;
  }

  get inspects(): boolean {
    return this.#settings.inspect;
  }

  /** Covers a process that has been running, with its past. */
  cover(process: WatchedProcess, now: number): void {
    this.#cover(process, new UsageView(true), now);
  }

  /**
   * Covers a process that was found by its traffic, with what it moved since the monitor began. Returns false when there
   * is no room for it.
   */
  discover(process: WatchedProcess): boolean {
    if (this.#processes.size >= this.#settings.maximumProcesses && !this.#makeRoom()) return false;
    const isOld = this.#fresh || process.account.seenNanos < this.#beganNanos;
    this.#cover(process, new UsageView(isOld), this.#beganNanos);
    return true;
  }

  /** Covers everything that is below a process now. */
  coverDescendants(root: WatchedProcess, now: number): void {
    const room = Math.max(0, this.#settings.maximumProcesses - this.#processes.size);
    for (const child of this.context.processes.coverDescendants(this, root, now, room))
      this.cover(child, now);
  }

  adoptChild(child: WatchedProcess, bornNanos: number): boolean {
    if (this.#processes.size >= this.#settings.maximumProcesses && !this.#makeRoom()) return false;
    this.#cover(child, new UsageView(this.#fresh), bornNanos);
    return true;
  }

  hideProcess(process: WatchedProcess): void {
    const view = this.#processes.get(process);
    if (view === undefined) return;
    const hidden = new MarkedCounters();
    process.account.sumInto(hidden, this.#filter());
    view.hidden = hidden;
    this.#disregard(process);
  }

  emit(nanos: number, event: EventDetails): void {
    if (this.#eventRate.take()) this.#tell(nanos, event);
    else this.#unsaidEvents += 1;
  }

  /** Tells that events were lost in the kernel or left out here, when there are more than the last time. */
  noteDroppedEvents(now: number, dropped: number): void {
    const lost = this.#sequence > 0 ? Math.max(0, dropped - this.#droppedEvents) : 0;
    const count = lost + this.#unsaidEvents - this.#unsaidEventsTold;
    this.#droppedEvents = dropped;
    this.#unsaidEventsTold = this.#unsaidEvents;
    if (count > 0) this.#tell(now, { kind: 'dropped', pid: this.rootPid, count });
  }

  #tell(nanos: number, event: EventDetails): void {
    this.context.onEvent({ monitor: this.id, time: this.context.wallClock.iso(nanos), ...event });
  }

  flowChanged(flow: Flow): void {
    if (!this.#lets(flow.interfaceKey)) return;
    const coveredSince = this.#coveredSince.get(flow.account) ?? Infinity;
    this.#flows.change(flow, this.#fresh || flow.openedNanos < coveredSince);
  }

  flowLeft(flow: Flow): void {
    this.#flows.remove(flow);
  }

  factTold(flow: Flow, fact: Fact): void {
    if (this.#settings.inspect && this.#lets(flow.interfaceKey)) this.#facts.add(flow.id, fact);
  }

  /** Takes new settings over. What they leave out is taken back, what they let in is told of in the next sample. */
  update(settings: MonitorSettings, now: number): void {
    const former = this.#settings;
    this.#settings = settings;
    if (settings.children !== former.children) this.#childrenChanged(now);
    if (settings.inspect !== former.inspect) this.#inspectChanged();
    if (settings.eventsPerSecond !== former.eventsPerSecond) this.#eventRate = eventRateOf(settings);
    if (settings.maximumConnections !== former.maximumConnections) this.#maximumConnectionsChanged();
    const sameInterfaces = settings.interfaces.join('/') === former.interfaces.join('/');
    if (!sameInterfaces || settings.windowMillis !== former.windowMillis) this.#restart();
  }

  /** Lets go of every process. */
  close(): void {
    for (const process of [...this.#processes.keys()]) this.#uncover(process);
  }

  /**
   * What changed since the last sample, in one sample or, beyond `maximumFlows`, in several with the same time.
   * The counters have been read at `now`.
   */
  compose(now: number, dropped: DroppedCounters, maximumFlows = Infinity): MonitorSample[] {
    if (this.#fresh) this.#sinceNanos = now;
    this.#fresh = false;
    const period = this.#periodUntil(now);
    const removedFlows = this.#flows.takeRemoved();
    const flows = this.#flows.compose(period);
    const facts = this.#facts.take();
    const processes = this.#composeProcesses(period);
    const rest = {
      monitor: this.id,
      time: this.context.wallClock.iso(now),
      monotonicMicros: Math.round(now / 1000),
      total: this.#composeTotal(period, processes),
      processes,
      dropped: {
        ...dropped,
        events: dropped.events + this.#unsaidEvents,
        connections: dropped.connections + this.#flows.dropped,
        facts: dropped.facts + this.#facts.dropped,
      },
    };
    this.#lastNanos = now;
    const samples: MonitorSample[] = [];
    for (let from = 0; from === 0 || from < flows.length; from += maximumFlows) {
      samples.push({
        ...rest,
        sequence: this.#sequence++,
        flows: flows.slice(from, from + maximumFlows),
        removedFlows: from === 0 ? removedFlows : [],
        // With the last of the flows that they may be about.
        facts: from + maximumFlows >= flows.length ? facts : [],
      });
    }
    return samples;
  }

  #composeProcesses(period: Period): ProcessSample[] {
    const samples: ProcessSample[] = [];
    for (const [process, view] of this.#processes) {
      this.#read(process, view);
      view.usage.advance(this.#sum, period, this.#counted);
      view.usage.update(period);
      const { info, account } = process;
      // Gone before it could be looked at: its sockets still know what it was called.
      const name = process.unseen && account.name !== '' ? account.name : info.name;
      samples.push({
        ...info,
        name,
        ...view.usage.usage(),
        openFlows: view.hidden === undefined ? this.#openFlows(process) : 0,
        alive: process.alive && view.hidden === undefined,
        ...estimateMarks(this.#sum.marks),
      });
    }
    return samples;
  }

  #composeTotal(period: Period, processes: readonly ProcessSample[]): MonitorSample['total'] {
    this.#total.advance(this.#counted, period);
    this.#total.update(period);
    const departed = {
      wire: this.#departed.wire(),
      payload: this.#departed.payload(),
      rates: standingStill(),
      ...estimateMarks(this.#departed.marks),
    };
    return { ...addUsages([departed, ...processes]), rates: this.#total.usage().rates };
  }

  /** Sets `#sum` to what a process has counted so far. */
  #read(process: WatchedProcess, view: ProcessView): void {
    if (view.hidden === undefined) {
      process.account.sumInto(this.#sum, this.#filter());
    } else {
      this.#sum.clear();
      this.#sum.addMarked(view.hidden);
    }
  }

  #openFlows(process: WatchedProcess): number {
    let count = 0;
    for (const flow of process.account.flows) {
      if (flow.state !== 'closed' && flow.closedNanos === 0 && this.#lets(flow.interfaceKey)) count += 1;
    }
    return count;
  }

  #cover(process: WatchedProcess, usage: UsageView, sinceNanos: number): void {
    this.#processes.set(process, { usage });
    this.#coveredSince.set(process.account, sinceNanos);
    process.account.observers.add(this);
    for (const flow of process.account.flows) this.flowChanged(flow);
  }

  #uncover(process: WatchedProcess): void {
    this.#disregard(process);
    this.#processes.delete(process);
    this.context.processes.release(this, process);
  }

  /** Forgets the flows of a process. */
  #disregard(process: WatchedProcess): void {
    process.account.observers.delete(this);
    this.#coveredSince.delete(process.account);
    this.#flows.removeAll(process.account);
  }

  /** Processes that ended make room for those that live: such without traffic first, then the oldest. */
  #makeRoom(): boolean {
    const ended = [...this.#processes].filter(([process]) => !process.alive);
    const chosen = ended.find(([, view]) => view.usage.counters.empty) ?? ended[0];
    if (chosen === undefined) return false;
    const [process, view] = chosen;
    this.#read(process, view);
    view.usage.advance(this.#sum, this.#periodUntil(this.#lastNanos), this.#counted);
    this.#departed.addMarked(this.#sum);
    this.#uncover(process);
    return true;
  }

  #childrenChanged(now: number): void {
    const root = [...this.#processes.keys()].find((process) => process.info.pid === this.rootPid);
    if (!this.#settings.children) {
      for (const process of [...this.#processes.keys()]) if (process !== root) this.#uncover(process);
      this.#departed.clear();
    }
    if (root === undefined) return;
    // Told first, so that no child escapes between the look at `/proc` and the events.
    this.context.processes.refresh(root);
    if (this.#settings.children) this.coverDescendants(root, now);
  }

  #inspectChanged(): void {
    if (!this.#settings.inspect) this.#facts.take();
    for (const process of this.#processes.keys()) this.context.processes.refresh(process);
    this.#flows.changeAll();
  }

  #maximumConnectionsChanged(): void {
    this.#flows.shrink();
    for (const { account } of this.#processes.keys())
      for (const flow of account.flows) this.flowChanged(flow);
  }

  /** Rates begin anew, because the counters or the window they are of are others from now on. */
  #restart(): void {
    this.#fresh = true;
    this.#total.restart();
    this.#departed.clear();
    this.#flows.restart((key) => this.#lets(key));
    for (const [process, view] of this.#processes) {
      view.usage.restart();
      if (view.hidden !== undefined) continue;
      for (const flow of process.account.flows) this.flowChanged(flow);
    }
  }

  #periodUntil(nowNanos: number): Period {
    return {
      lastNanos: this.#lastNanos,
      nowNanos,
      sinceNanos: this.#sinceNanos,
      windowNanos: this.#settings.windowMillis * 1e6,
    };
  }

  #lets(interfaceKey: number): boolean {
    const { interfaces } = this.#settings;
    return interfaces.length === 0 || this.context.interfaces.isCalled(interfaceKey, interfaces);
  }

  #filter(): ((interfaceKey: number) => boolean) | undefined {
    return this.#settings.interfaces.length === 0 ? undefined : (key) => this.#lets(key);
  }
}

function eventRateOf({ eventsPerSecond }: MonitorSettings): RateLimit {
  return new RateLimit(eventsPerSecond, eventsPerSecond * limits.eventBurst);
}
