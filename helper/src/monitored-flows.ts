// The flows of one monitor: what was told of each, what is to be told, and which ids are to be taken back.
import type { FlowSample, HostName } from '../../src/shared/protocol';
import { standingStill } from '../../src/shared/usage';
import type { WallClock } from './clock';
import { estimateMarks } from './estimate-marks';
import type { Flow } from './flow';
import type { Inspection } from './inspection/inspection';
import type { Interfaces } from './interfaces';
import type { ProcessAccount } from './ledger';
import { type Period, UsageView } from './usage';

interface FlowView {
  readonly flow: Flow;
  readonly usage: UsageView;
  readonly openedAt: string;
  /** It was in a sample. */
  told: boolean;
}

export class MonitoredFlows {
  readonly #views = new Map<Flow, FlowView>();
  /** Those that differ from what was told. */
  readonly #changed = new Set<FlowView>();
  /** Those whose rates change by the mere passing of time. */
  readonly #moving = new Set<FlowView>();
  readonly #removed = new Set<number>();
  /** Flows that found no room and still exist, so that each is counted once. */
  readonly #leftOut = new Set<Flow>();
  /** Flows that came and went since the last sample. */
  #unseen = 0;
  /** Flows of which only the sums were told, because there were too many. */
  dropped = 0;

  constructor(
    private readonly context: {
      interfaces: Interfaces;
      wallClock: WallClock;
      inspection: Inspection;
    },
    private readonly settings: () => { inspect: boolean; maximumConnections: number },
  ) {}

  /**
   * Has a flow told of in the next sample.
   * @param old whether, when it was not told of before, what it has counted so far was counted before the monitor began
   */
  change(flow: Flow, old: boolean): void {
    let view = this.#views.get(flow);
    const { maximumConnections } = this.settings();
    if (view === undefined) {
      if (this.#views.size - this.#unseen >= maximumConnections) {
        this.#leaveOut(flow);
        return;
      }
      // What was left out until now begins with what it has, so that this is no rate.
      old = this.#leftOut.delete(flow) || old;
      const openedAt = this.context.wallClock.iso(flow.openedNanos);
      view = { flow, usage: new UsageView(old), openedAt, told: false };
      this.#views.set(flow, view);
      this.#removed.delete(flow.id);
    }
    this.#changed.add(view);
    if (!flow.ended || view.told) return;
    this.#unseen += 1;
    if (this.#unseen <= maximumConnections) return;
    this.#unseen -= 1;
    this.dropped += 1;
    this.#drop(view);
  }

  /** Has every flow told of in the next sample. */
  changeAll(): void {
    for (const view of this.#views.values()) this.#changed.add(view);
  }

  /** Leaves out what is beyond a limit that has become smaller, the newest. */
  shrink(): void {
    const tooMany = this.#views.size - this.settings().maximumConnections;
    if (tooMany <= 0) return;
    for (const view of [...this.#views.values()].slice(-tooMany)) {
      this.#drop(view);
      this.#leaveOut(view.flow);
    }
  }

  /** Takes a flow back. */
  remove(flow: Flow): void {
    this.#leftOut.delete(flow);
    const view = this.#views.get(flow);
    if (view !== undefined) this.#drop(view);
  }

  /** Takes back the flows of a process. */
  removeAll(account: ProcessAccount): void {
    for (const flow of this.#leftOut) if (flow.account === account) this.#leftOut.delete(flow);
    for (const view of [...this.#views.values()]) if (view.flow.account === account) this.#drop(view);
  }

  /** Rates begin anew; flows that the filter does not let through are taken back. */
  restart(lets: (interfaceKey: number) => boolean): void {
    for (const view of [...this.#views.values()]) {
      view.usage.restart();
      if (!lets(view.flow.interfaceKey)) this.#drop(view);
    }
    for (const flow of this.#leftOut) if (!lets(flow.interfaceKey)) this.#leftOut.delete(flow);
  }

  /** Ids that were told and exist no more; each is answered once. */
  takeRemoved(): number[] {
    const removed = [...this.#removed];
    this.#removed.clear();
    return removed;
  }

  /** Flows that are new or differ from the sample before. */
  compose(period: Period): FlowSample[] {
    const samples: FlowSample[] = [];
    for (const view of this.#changed) {
      view.usage.advance(view.flow.counters, period);
      view.usage.update(period);
      samples.push(this.#sample(view, period.nowNanos));
      view.told = true;
      // The last word on a flow; its id is taken back with the sample after this one.
      if (view.flow.ended) this.#drop(view);
      else if (view.usage.moving) this.#moving.add(view);
    }
    for (const view of this.#moving) {
      if (this.#changed.has(view)) continue;
      if (view.usage.update(period)) samples.push(this.#sample(view, period.nowNanos));
      if (!view.usage.moving) this.#moving.delete(view);
    }
    this.#changed.clear();
    this.#unseen = 0;
    return samples;
  }

  #sample({ flow, usage, openedAt }: FlowView, nowNanos: number): FlowSample {
    const { wire, payload, rates } = usage.usage();
    const detection = this.settings().inspect ? flow.conversation?.detection : undefined;
    const host = this.#hostOf(flow, nowNanos);
    return {
      id: flow.id,
      pid: flow.account.pid,
      protocol: flow.protocol,
      ...estimateMarks(flow.marks),
      local: flow.local,
      ...(flow.remote !== undefined && { remote: flow.remote }),
      interface: this.context.interfaces.name(flow.interfaceKey),
      state: flow.state,
      openedAt,
      rttMicros: flow.rttMicros,
      retransmits: flow.retransmits,
      ...(detection !== undefined && {
        application: detection.application,
        applicationLabel: detection.label,
        certainty: detection.certainty,
      }),
      ...(host !== undefined && { host }),
      ...(flow.connectMicros > 0 && { connectMicros: flow.connectMicros }),
      ...(flow.reason !== undefined && { reason: flow.reason }),
      ...(flow.closedNanos > 0 && { closedAt: this.context.wallClock.iso(flow.closedNanos) }),
      wire,
      payload,
      rates: flow.ended ? standingStill() : rates,
    };
  }

  #hostOf(flow: Flow, nowNanos: number): HostName | undefined {
    const said = this.settings().inspect ? flow.conversation?.host : undefined;
    return said ?? this.context.inspection.hostOf(flow, nowNanos);
  }

  #leaveOut(flow: Flow): void {
    if (!this.#leftOut.has(flow)) this.dropped += 1;
    if (flow.ended) this.#leftOut.delete(flow);
    else this.#leftOut.add(flow);
  }

  #drop(view: FlowView): void {
    this.#views.delete(view.flow);
    this.#changed.delete(view);
    this.#moving.delete(view);
    if (view.told) this.#removed.add(view.flow.id);
  }
}
