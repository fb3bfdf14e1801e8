// The state of one watched session, and how the helper's samples and events change it. Free of the editor's
// API: everything here is figures in, figures out.
import { ConnectionFacts } from '../shared/facts';
import type {
  DroppedCounters,
  FlowFact,
  FlowSample,
  MonitorEvent,
  MonitorSample,
  ProcessSample,
  Usage,
} from '../shared/protocol';
import type { HistoryPoint, WatchedSession, WatchState } from './sessions';

/** Points of history a session keeps: one hour at one sample a second. */
export const maximumHistoryPoints = 3_600;
/** Events a session keeps, the newest ones. */
export const maximumEvents = 1_000;
/** Closed flows a session keeps, the newest ones. */
export const maximumClosedFlows = 500;

/** Usage of something that has not moved a byte. */
export function emptyUsage(): Usage {
  return {
    wire: { txBytes: 0, rxBytes: 0, txPackets: 0, rxPackets: 0 },
    payload: { txBytes: 0, rxBytes: 0 },
    rates: { wire: { tx: 0, rx: 0 }, payload: { tx: 0, rx: 0 } },
  };
}

/** The sum of several usages, ledger by ledger. */
export function addUsages(usages: Iterable<Usage>): Usage {
  const sum = emptyUsage();
  for (const usage of usages) {
    sum.wire.txBytes += usage.wire.txBytes;
    sum.wire.rxBytes += usage.wire.rxBytes;
    sum.wire.txPackets += usage.wire.txPackets;
    sum.wire.rxPackets += usage.wire.rxPackets;
    sum.payload.txBytes += usage.payload.txBytes;
    sum.payload.rxBytes += usage.payload.rxBytes;
    sum.rates.wire.tx += usage.rates.wire.tx;
    sum.rates.wire.rx += usage.rates.wire.rx;
    sum.rates.payload.tx += usage.rates.payload.tx;
    sum.rates.payload.rx += usage.rates.payload.rx;
  }
  return sum;
}

function atRest<T extends Usage>(usage: T): T {
  return { ...usage, rates: { wire: { tx: 0, rx: 0 }, payload: { tx: 0, rx: 0 } } };
}

/** What one monitor of the helper has reported so far. */
interface MonitorFigures {
  total: Usage;
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
  readonly history: HistoryPoint[] = [];
  readonly facts = new Map<number, ConnectionFacts>();
  readonly events: MonitorEvent[] = [];
  state: WatchState = 'searching';
  failure?: { message: string; remedy?: string };
  total: Usage = emptyUsage();
  dropped: DroppedCounters = { events: 0, flows: 0, processes: 0, inspections: 0, facts: 0 };

  readonly #monitors = new Map<string, MonitorFigures>();
  /** Figures of monitors that were stopped: their totals stay in the session's. */
  #stoppedTotal: Usage = emptyUsage();
  /** Closed flows in the order in which they closed. */
  readonly #closedFlows = new Set<number>();

  constructor(description: SessionDescription) {
    this.id = description.id;
    this.label = description.label;
    this.origin = description.origin;
    this.debugType = description.debugType;
    this.startedAt = description.startedAt;
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
      this.processes.set(process.pid, process);
    }
    for (const flow of sample.flows) {
      figures.flows.add(flow.id);
      this.flows.set(flow.id, flow);
      if (flow.state === 'closed') {
        this.#closedFlows.add(flow.id);
      }
    }
    for (const fact of sample.facts) {
      this.#applyFact(fact);
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
        this.processes.set(process.pid, { ...atRest(process), openFlows: 0, alive: false });
      }
    }
    this.#forgetOldClosedFlows();
    this.#sumUp();
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

  #closeFlow(id: number): void {
    const flow = this.flows.get(id);
    if (flow !== undefined) {
      this.flows.set(id, { ...atRest(flow), state: 'closed' });
      this.#closedFlows.add(id);
    }
  }

  #forgetOldClosedFlows(): void {
    for (const id of this.#closedFlows) {
      if (this.#closedFlows.size <= maximumClosedFlows) {
        return;
      }
      this.#closedFlows.delete(id);
      this.flows.delete(id);
      this.facts.delete(id);
    }
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
        inspections: Math.max(this.dropped.inspections, each.dropped.inspections),
        facts: Math.max(this.dropped.facts, each.dropped.facts),
      };
    }
  }

  #appendHistory(sample: MonitorSample): void {
    // With several monitors the eldest sets the pace, so that each moment is one point.
    const eldest = this.#monitors.keys().next().value;
    if (sample.monitor !== eldest) {
      return;
    }
    const timeMillis = Date.parse(sample.time);
    const { tx, rx } = this.total.rates.wire;
    this.history.push({ timeMillis: Number.isNaN(timeMillis) ? Date.now() : timeMillis, tx, rx });
    if (this.history.length > maximumHistoryPoints) {
      this.history.splice(0, this.history.length - maximumHistoryPoints);
    }
  }
}
