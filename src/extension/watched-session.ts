// The state of one watched session, and how the helper's samples and events change it. Free of the editor's
// API: everything here is figures in, figures out.
import { peerName } from '../shared/flow-label';
import { ConnectionFacts } from '../shared/facts';
import type {
  DroppedCounters,
  FlowFact,
  FlowSample,
  MonitorEvent,
  MonitorSample,
  ProcessSample,
  MarkedUsage,
} from '../shared/protocol';
import type { SessionMark } from '../shared/panel-messages';
import { TrafficHistory, type HistoryPoint } from '../shared/traffic-history';
import { addUsages, atRest, emptyUsage } from '../shared/usage';
import { defaultMaximumRecords, FlowLog, type Moved } from './history/flow-log';
import { markOf } from './history/marks';
import { RequestLog } from './history/request-log';
import type { WatchedSession, WatchState } from './sessions';

/** Marks a session keeps, the newest ones. */
export const maximumMarks = 500;
/** Events a session keeps, the newest ones. */
export const maximumEvents = 1_000;
/** How much of its past a session keeps. */
export interface SessionLimits {
  /** Closed connections with figures of their own, the newest ones. */
  closedConnections: number;
  /** Records of what each connection moved over time. */
  historyRecords: number;
}

export const defaultSessionLimits: SessionLimits = {
  closedConnections: 500,
  historyRecords: defaultMaximumRecords,
};

function processKey({ pid, startTicks }: ProcessSample): string {
  return `${String(pid)} ${String(startTicks)}`;
}

/** What one monitor of the helper has reported so far. */
interface MonitorFigures {
  total: MarkedUsage;
  processes: readonly ProcessSample[];
  dropped: DroppedCounters;
  /** Flows this monitor reported and has not removed. */
  readonly flows: Set<number>;
}

export interface SessionDescription {
  id: string;
  label: string;
  origin: 'debug' | 'process';
  debugType: string;
  startedAt: number;
}

/** A watched session that can be written to. The store owns these; everybody else sees `WatchedSession`. */
export class MonitoredSession implements WatchedSession {
  readonly id: string;
  readonly label: string;
  readonly origin: 'debug' | 'process';
  readonly debugType: string;
  readonly startedAt: number;
  readonly processes = new Map<number, ProcessSample>();
  readonly flows = new Map<number, FlowSample>();
  readonly facts = new Map<number, ConnectionFacts>();
  readonly flowLog: FlowLog;
  readonly events: MonitorEvent[] = [];
  readonly marks: SessionMark[] = [];
  readonly requests = new RequestLog();
  isRestored = false;
  forgottenConnections = 0;
  state: WatchState = 'searching';
  failure?: { message: string; remedy?: string };
  total: MarkedUsage = emptyUsage();
  dropped: DroppedCounters = { events: 0, flows: 0, processes: 0, connections: 0, inspections: 0, facts: 0 };

  readonly #monitors = new Map<string, MonitorFigures>();
  /** Figures of monitors that were stopped: their totals stay in the session's. */
  #stoppedTotal: MarkedUsage = emptyUsage();
  /** What earlier helpers counted, by process: a later one begins at zero. */
  readonly #earlier = new Map<string, MarkedUsage>();
  /** Closed flows in the order in which they closed. */
  readonly #closedFlows = new Set<number>();
  readonly #history = new TrafficHistory();
  /** What moved since the last point of the history. */
  #moved = new Map<number, Moved>();
  /** By how much the clock was set back since the session began. */
  #setBackMillis = 0;
  #lastRead: { timeMillis: number; monotonicMicros: number } | undefined;
  /** The total at the last point of the history. */
  #lastTotal: MarkedUsage | undefined;

  constructor(
    description: SessionDescription,
    private readonly limits: SessionLimits = defaultSessionLimits,
  ) {
    this.flowLog = new FlowLog(limits.historyRecords);
    this.id = description.id;
    this.label = description.label;
    this.origin = description.origin;
    this.debugType = description.debugType;
    this.startedAt = description.startedAt;
  }

  get history(): readonly HistoryPoint[] {
    return this.#history.points;
  }

  /** Takes in one sample. Samples of several monitors of one session add up; flows and processes are told
   * apart by their ids, which are the helper's. */
  applySample(sample: MonitorSample): void {
    let figures = this.#monitors.get(sample.monitor);
    if (figures === undefined) {
      figures = { total: sample.total, processes: [], dropped: sample.dropped, flows: new Set() };
      this.#monitors.set(sample.monitor, figures);
    }
    figures.total = sample.total;
    figures.processes = sample.processes;
    figures.dropped = sample.dropped;
    for (const process of sample.processes) {
      this.processes.set(process.pid, this.#withEarlier(process));
    }
    for (const flow of sample.flows) {
      figures.flows.add(flow.id);
      this.#noteMoved(flow);
      this.flows.set(flow.id, flow);
      if (flow.state === 'closed') {
        this.#closedFlows.add(flow.id);
      }
    }
    for (const fact of sample.facts) {
      this.#applyFact(fact);
      this.requests.add(fact, this.flows.get(fact.flow));
    }
    for (const id of sample.removedFlows) {
      figures.flows.delete(id);
      this.#closeFlow(id);
    }
    this.#forgetOldClosedFlows();
    this.#sumUp();
    this.#appendHistory(sample);
  }

  /** Takes in one event of a monitor. */
  applyEvent(event: MonitorEvent): void {
    this.events.push(event);
    if (this.events.length > maximumEvents) {
      this.events.splice(0, this.events.length - maximumEvents);
    }
    const mark = markOf(event);
    if (mark !== undefined) {
      this.addMark(mark);
    }
  }

  /** Adds points of a history that was saved. */
  restoreHistory(points: readonly HistoryPoint[]): void {
    for (const point of points) {
      this.#history.add(point);
    }
  }

  /** Notes what happened to the program. */
  addMark(mark: SessionMark): void {
    this.marks.push(mark);
    this.marks.splice(0, Math.max(0, this.marks.length - maximumMarks));
  }

  /**
   * No more samples will come from a monitor.
   * @param covered whether another monitor of this session reports the same processes; then the figures are
   *   dropped instead of kept, because they are in the other's total already.
   */
  removeMonitor(monitor: string, covered: boolean): void {
    const figures = this.#monitors.get(monitor);
    if (figures === undefined) {
      return;
    }
    this.#monitors.delete(monitor);
    if (!covered) {
      this.#stoppedTotal = addUsages([this.#stoppedTotal, atRest(figures.total)]);
      for (const id of figures.flows) {
        this.#closeFlow(id);
      }
      for (const process of figures.processes) {
        const ended = { ...atRest(process), openFlows: 0, alive: false };
        this.processes.set(process.pid, this.#withEarlier(ended));
      }
    }
    this.#forgetOldClosedFlows();
    this.#sumUp();
  }

  /** The helper has gone, and another one is to go on: what it counted stays, and the next one's is added to it. */
  interrupt(): void {
    const counted = [...this.#monitors.values()].flatMap((figures) => figures.processes);
    this.end();
    for (const process of counted) {
      const key = processKey(process);
      this.#earlier.set(key, addUsages([this.#earlier.get(key) ?? emptyUsage(), atRest(process)]));
      const shown = this.processes.get(process.pid);
      // It has not ended, it is only not looked at for a moment.
      if (shown !== undefined) this.processes.set(process.pid, { ...shown, alive: process.alive });
    }
  }

  /** All figures stay, all rates become zero. */
  end(): void {
    for (const monitor of [...this.#monitors.keys()]) {
      this.removeMonitor(monitor, false);
    }
  }

  /** Takes the name of a flow over. Returns whether it had none. */
  nameFlow(named: FlowSample): boolean {
    const flow = this.flows.get(named.id);
    if (flow === undefined || flow.host !== undefined || named.host === undefined) {
      return false;
    }
    this.flows.set(flow.id, { ...flow, host: named.host });
    return true;
  }

  #applyFact(fact: FlowFact): void {
    if (!this.flows.has(fact.flow)) {
      return;
    }
    const facts = this.facts.get(fact.flow) ?? new ConnectionFacts();
    this.facts.set(fact.flow, facts);
    facts.add(fact);
  }

  #withEarlier(process: ProcessSample): ProcessSample {
    const earlier = this.#earlier.get(processKey(process));
    return earlier === undefined ? process : { ...process, ...addUsages([earlier, process]) };
  }

  #closeFlow(id: number): void {
    const flow = this.flows.get(id);
    if (flow !== undefined) {
      this.flows.set(id, { ...atRest(flow), state: 'closed' });
      this.#closedFlows.add(id);
    }
  }

  #forgetOldClosedFlows(): void {
    for (const id of this.#closedFlows) {
      if (this.#closedFlows.size <= this.limits.closedConnections) {
        return;
      }
      this.#closedFlows.delete(id);
      const flow = this.flows.get(id);
      if (flow !== undefined) {
        this.forgottenConnections += 1;
        const peer = peerName(flow);
        const { pid, protocol } = flow;
        this.flowLog.forget(id, { pid, protocol, ...(peer === undefined ? {} : { peer }) });
      }
      this.flows.delete(id);
      this.facts.delete(id);
    }
  }

  /** Adds up what a connection moved since it was last seen. What was before this session is not its own. */
  #noteMoved(flow: FlowSample): void {
    const before = this.flows.get(flow.id);
    if (before === undefined && Date.parse(flow.openedAt) < this.startedAt) {
      return;
    }
    const tx = Math.max(0, flow.wire.txBytes - (before?.wire.txBytes ?? 0));
    const rx = Math.max(0, flow.wire.rxBytes - (before?.wire.rxBytes ?? 0));
    if (tx === 0 && rx === 0) {
      return;
    }
    const moved = this.#moved.get(flow.id);
    this.#moved.set(flow.id, { tx: (moved?.tx ?? 0) + tx, rx: (moved?.rx ?? 0) + rx });
  }

  #sumUp(): void {
    const figures = [...this.#monitors.values()];
    this.total = addUsages([this.#stoppedTotal, ...figures.map((each) => each.total)]);
    // These are counts since the helper started, the same for every monitor: the largest is the newest.
    for (const each of figures) {
      this.dropped = {
        events: Math.max(this.dropped.events, each.dropped.events),
        flows: Math.max(this.dropped.flows, each.dropped.flows),
        processes: Math.max(this.dropped.processes, each.dropped.processes),
        connections: Math.max(this.dropped.connections, each.dropped.connections),
        inspections: Math.max(this.dropped.inspections, each.dropped.inspections),
        facts: Math.max(this.dropped.facts, each.dropped.facts),
      };
    }
  }

  /**
   * When a sample was read, in Unix milliseconds. Where the clock was set back, time goes on as it passed, so that the
   * history stays in order.
   */
  #timeOf({ time, monotonicMicros }: MonitorSample): number {
    const read = Date.parse(time);
    const told = (Number.isNaN(read) ? Date.now() : read) + this.#setBackMillis;
    const last = this.#lastRead;
    let timeMillis = told;
    if (last !== undefined && told <= last.timeMillis && monotonicMicros > last.monotonicMicros) {
      timeMillis = last.timeMillis + (monotonicMicros - last.monotonicMicros) / 1_000;
      this.#setBackMillis += timeMillis - told;
    }
    this.#lastRead = { timeMillis, monotonicMicros };
    return timeMillis;
  }

  #appendHistory(sample: MonitorSample): void {
    // With several monitors the eldest sets the pace, so that each moment is one point.
    const eldest = this.#monitors.keys().next().value;
    if (sample.monitor !== eldest) {
      return;
    }
    const timeMillis = this.#timeOf(sample);
    const { tx, rx } = this.total.rates.wire;
    let [txBytes, rxBytes] = [0, 0];
    for (const moved of this.#moved.values()) {
      txBytes += moved.tx;
      rxBytes += moved.rx;
    }
    if (this.#lastTotal !== undefined) {
      // More than the sum of the connections where some of them had no room of their own.
      txBytes = Math.max(0, this.total.wire.txBytes - this.#lastTotal.wire.txBytes);
      rxBytes = Math.max(0, this.total.wire.rxBytes - this.#lastTotal.wire.rxBytes);
    }
    const point = this.#history.read({ timeMillis, tx, rx, txBytes, rxBytes });
    if (point === undefined) {
      return;
    }
    this.#lastTotal = this.total;
    if (this.#moved.size > 0) {
      this.flowLog.append(point.timeMillis, point.spanMillis, this.#moved);
      this.#moved = new Map();
    }
  }
}
