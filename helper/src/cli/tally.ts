// Everything that was seen since the command started, gathered from the samples of all monitors: what the
// table shows and what the summary is made of. One process or flow appears once, whichever monitors cover it.
import { marksOf } from '../../../src/shared/estimate';
import { ConnectionFacts, type RequestGroup } from '../../../src/shared/facts';
import { formatEndpoint } from '../../../src/shared/format';
import type {
  Directions,
  DroppedCounters,
  EstimateMarks,
  FlowFact,
  FlowSample,
  HostName,
  MarkedUsage,
  MonitorSample,
  ProcessSample,
} from '../../../src/shared/protocol';
import { addUsages, atRest, emptyUsage, standingStill } from '../../../src/shared/usage';
import { historyRange } from './options';
import type { FlowSummary, ProcessSummary, RequestSummary, SummaryLine } from './json-lines';

/** A process and its flows, oldest flow first. */
export interface TalliedProcess {
  process: ProcessSample;
  flows: FlowSample[];
}

interface OwnedFlow {
  flow: FlowSample;
  /** Key of the process that had the flow's id when the flow was first seen. */
  owner: string;
}

function processKey(process: ProcessSample): string {
  return `${String(process.pid)}/${String(process.startTicks)}`;
}

const stillRates = standingStill();

export class Tally {
  readonly #processes = new Map<string, ProcessSample>();
  /** The process that has an id now, or had it last: ids are used again. */
  readonly #processByPid = new Map<number, ProcessSample>();
  readonly #flows = new Map<number, OwnedFlow>();
  readonly #facts = new Map<number, ConnectionFacts>();
  #omitted = 0;
  /** Processes that have made room, and what they moved. */
  #left: { count: number; usage: MarkedUsage } = { count: 0, usage: emptyUsage() };
  /** Flows that found no room and still exist, so that each is counted once. */
  readonly #omittedOpen = new Set<number>();
  #dropped: DroppedCounters = {
    events: 0,
    flows: 0,
    processes: 0,
    connections: 0,
    inspections: 0,
    facts: 0,
  };
  readonly #maximum: number;

  /**
   * @param maximum flows that are held, of which further ones are counted and left out; and processes that are held,
   *   of which those that exited make room
   */
  constructor(maximum: number = historyRange.default) {
    this.#maximum = maximum;
  }

  /** Takes a sample of any monitor into account. */
  add(sample: MonitorSample): void {
    for (const process of sample.processes) {
      this.#processes.set(processKey(process), process);
      const other = this.#processByPid.get(process.pid);
      if (other === undefined || other.startTicks <= process.startTicks) {
        this.#processByPid.set(process.pid, process);
      }
    }
    for (const flow of sample.flows) this.#addFlow(flow);
    for (const id of sample.removedFlows) {
      this.#omittedOpen.delete(id);
      const entry = this.#flows.get(id);
      if (entry !== undefined && (entry.flow.state !== 'closed' || entry.flow.rates !== stillRates)) {
        this.#flows.set(id, { ...entry, flow: { ...entry.flow, state: 'closed', rates: stillRates } });
      }
    }
    for (const fact of sample.facts) this.#addFact(fact);
    this.#dropped = sample.dropped;
    // Not one by one: it looks at everything.
    if (this.#processes.size > this.#maximum * 1.1) this.#makeRoom();
  }

  /** Forgets processes that exited, those first that were seen first, and their flows. */
  #makeRoom(): void {
    for (const [key, process] of this.#processes) {
      if (this.#processes.size <= this.#maximum) break;
      if (process.alive) continue;
      this.#processes.delete(key);
      if (this.#processByPid.get(process.pid) === process) this.#processByPid.delete(process.pid);
      this.#left.count += 1;
      this.#left.usage = addUsages([this.#left.usage, atRest(process)]);
    }
    for (const [id, { owner }] of this.#flows) {
      if (this.#processes.has(owner)) continue;
      this.#flows.delete(id);
      this.#facts.delete(id);
      this.#omitted += 1;
    }
  }

  #addFact(fact: FlowFact): void {
    if (!this.#flows.has(fact.flow)) return;
    let facts = this.#facts.get(fact.flow);
    if (facts === undefined) {
      facts = new ConnectionFacts();
      this.#facts.set(fact.flow, facts);
    }
    facts.add(fact);
  }

  /** An address got a name: flows that have none take it. */
  name(address: string, host: HostName): void {
    for (const entry of this.#flows.values()) {
      const { flow } = entry;
      if (flow.remote?.address === address && flow.host === undefined) entry.flow = { ...flow, host };
    }
  }

  /** What was said on a flow; undefined when nothing is known. */
  factsOf(flow: number): ConnectionFacts | undefined {
    return this.#facts.get(flow);
  }

  /** A flow that was seen. */
  flow(id: number): FlowSample | undefined {
    return this.#flows.get(id)?.flow;
  }

  #addFlow(flow: FlowSample): void {
    const known = this.#flows.get(flow.id);
    if (known?.flow.pid === flow.pid) {
      known.flow = flow;
    } else if (known !== undefined || this.#flows.size < this.#maximum) {
      const owner = this.#processByPid.get(flow.pid);
      this.#flows.set(flow.id, { flow, owner: owner === undefined ? '' : processKey(owner) });
    } else if (!this.#omittedOpen.has(flow.id)) {
      this.#omittedOpen.add(flow.id);
      this.#omitted += 1;
    }
  }

  get dropped(): DroppedCounters {
    return this.#dropped;
  }

  /** Flows that were left out for want of room. */
  get omittedFlows(): number {
    return this.#omitted;
  }

  /** Processes that exited and are not listed any more. */
  get omittedProcesses(): number {
    return this.#left.count;
  }

  /** Bytes, and bytes per second, on the wire, over all processes, those included that are not listed any more. */
  wireTotal(): { bytes: Directions; rates: Directions } & EstimateMarks {
    const total = addUsages([this.#left.usage, ...this.#processes.values()]);
    const bytes = { tx: total.wire.txBytes, rx: total.wire.rxBytes };
    return { bytes, rates: total.rates.wire, ...marksOf(total) };
  }

  /** True while at least one process that was seen has not exited. */
  get anyAlive(): boolean {
    for (const process of this.#processes.values()) if (process.alive) return true;
    return false;
  }

  /** Every process with its flows, in the order in which they were first seen. */
  processes(): TalliedProcess[] {
    const entries = new Map<string, TalliedProcess>();
    for (const [key, process] of this.#processes) entries.set(key, { process, flows: [] });
    for (const { flow, owner } of this.#flows.values()) entries.get(owner)?.flows.push(flow);
    return [...entries.values()];
  }

  /** The last line of `--format json`. */
  summary(): SummaryLine {
    return {
      type: 'summary',
      processes: this.processes().map((process) => summariseProcess(process, this.#facts)),
      dropped: { ...this.#dropped, summaryFlows: this.#omitted, summaryProcesses: this.#left.count },
    };
  }
}

function summariseProcess(
  { process, flows }: TalliedProcess,
  facts: ReadonlyMap<number, ConnectionFacts>,
): ProcessSummary {
  const { pid, ppid, name, exe, wire, payload } = process;
  const summaries = flows.map((flow) => summariseFlow(flow, facts.get(flow.id)));
  return {
    pid,
    ppid,
    name,
    exe,
    wire,
    payload,
    ...marksOf(process),
    flows: summaries,
  };
}

function summariseFlow(flow: FlowSample, facts: ConnectionFacts | undefined): FlowSummary {
  return {
    protocol: flow.protocol,
    ...marksOf(flow),
    local: formatEndpoint(flow.local),
    remote: flow.remote === undefined ? null : formatEndpoint(flow.remote),
    interface: flow.interface,
    state: flow.state,
    application: flow.application ?? null,
    applicationLabel: flow.applicationLabel ?? null,
    certainty: flow.certainty ?? null,
    host: flow.host?.name ?? null,
    hostSource: flow.host?.source ?? null,
    wire: flow.wire,
    payload: flow.payload,
    rttMicros: flow.rttMicros,
    retransmits: flow.retransmits,
    openedAt: flow.openedAt,
    closedAt: flow.closedAt ?? null,
    connectMicros: flow.connectMicros ?? null,
    reason: flow.reason ?? null,
    requests: (facts?.groups ?? []).map(summariseRequests),
  };
}

function summariseRequests(group: RequestGroup): RequestSummary {
  const { request, count, answered, failed, latencyMicros, timed, slowestMicros } = group;
  const average = timed === 0 ? null : Math.round(latencyMicros / timed);
  return {
    ...{ request, count, answered, failed },
    averageLatencyMicros: average,
    slowestLatencyMicros: timed === 0 ? null : slowestMicros,
  };
}
