// What the panel is told: the difference between the watched sessions and what it was told before. Free of
// the editor's API: sessions in, messages out.
import { marksOf } from '../shared/estimate';
import type {
  PanelData,
  PanelDetail,
  PanelFlow,
  PanelProcess,
  PanelQuery,
  PanelSelection,
  PanelSession,
  SessionMark,
} from '../shared/panel-messages';
import { processTitle } from '../shared/process-title';
import type { FlowSample, ProcessSample } from '../shared/protocol';
import { english, type Texts } from '../shared/texts';
import type { HistoryPoint } from '../shared/traffic-history';
import { applicationOf, hostOf, socketName } from './flow-names';
import { groupPoints, inspect, sumsInRange } from './panel-answers';
import type { WatchedSession } from './sessions';

/** What the view holds of one session. Samples are replaced, never changed, so identity tells what is new. */
interface Told {
  flows: Map<number, FlowSample>;
  processes: Map<number, ProcessSample>;
  /** Unix time in milliseconds of the newest point. */
  historyUntil: number;
  lastMark: SessionMark | undefined;
  /** What the groups are that the view holds, and up to when, in Unix milliseconds. */
  grouping: PanelQuery['grouping'];
  groupsUntil: number;
  /** The range it has been told about. */
  range: string;
  /** The connection that it has been told about, and the sample that was the newest then. */
  inspected: number | undefined;
  inspectedSample: FlowSample | undefined;
  inspectedEvents: number;
}

/** The sessions that a selection means. Falls back to the newest where the chosen one is gone. */
export function selectSessions(
  sessions: readonly WatchedSession[],
  selection: PanelSelection,
): readonly WatchedSession[] {
  if (selection.kind === 'all') return sessions;
  const chosen = selection.kind === 'session' ? sessions.find(({ id }) => id === selection.id) : undefined;
  const newest = sessions.findLast(({ state }) => state !== 'ended' && state !== 'failed') ?? sessions.at(-1);
  const shown = chosen ?? newest;
  return shown === undefined ? [] : [shown];
}

export class PanelFeed {
  readonly #told = new Map<string, Told>();
  readonly #texts: Texts;
  #sequence = 0;
  /** The session to compare with as it was told: its id and its newest point. */
  #compared = '';

  constructor(texts = english) {
    this.#texts = texts;
  }

  /** Everything; what was told before no longer counts. */
  snapshot(sessions: readonly WatchedSession[], query: PanelQuery): PanelData {
    this.#told.clear();
    this.#compared = '';
    return this.#data('snapshot', sessions, query);
  }

  /** What differs from the message before. */
  update(sessions: readonly WatchedSession[], query: PanelQuery): PanelData {
    return this.#data('update', sessions, query);
  }

  #data(type: PanelData['type'], sessions: readonly WatchedSession[], query: PanelQuery): PanelData {
    const shown = selectSessions(sessions, query.selection);
    const ids = shown.map(({ id }) => id);
    for (const id of this.#told.keys()) {
      if (!ids.includes(id)) this.#told.delete(id);
    }
    this.#sequence += 1;
    return {
      type,
      sequence: this.#sequence,
      timeMillis: Date.now(),
      sessions: sessions.map(describeSession),
      shown: ids,
      details: shown.map((session) => this.#detail(session, query)),
      ...this.#comparison(sessions, query),
    };
  }

  #comparison(sessions: readonly WatchedSession[], query: PanelQuery): Pick<PanelData, 'compared'> {
    const session = sessions.find(({ id }) => id === query.compared);
    const told =
      session === undefined ? '' : `${session.id} ${String(session.history.at(-1)?.timeMillis ?? 0)}`;
    if (session === undefined || told === this.#compared) {
      this.#compared = told;
      return {};
    }
    this.#compared = told;
    return { compared: { session: session.id, history: [...session.history] } };
  }

  #detail(session: WatchedSession, query: PanelQuery): PanelDetail {
    let told = this.#told.get(session.id);
    if (told === undefined) {
      told = newlyTold();
      this.#told.set(session.id, told);
    }
    const detail: PanelDetail = {
      session: session.id,
      history: newHistory(session, told),
      processes: newProcesses(session, told),
      flows: newFlows(session, told),
      removedFlows: [...told.flows.keys()].filter((id) => !session.flows.has(id)),
      marks: newMarks(session, told),
    };
    for (const id of detail.removedFlows) told.flows.delete(id);
    answer(detail, session, query, told, this.#texts);
    return detail;
  }
}

function describeSession(session: WatchedSession): PanelSession {
  return {
    id: session.id,
    label: session.label,
    origin: session.origin,
    state: session.state,
    ...(session.failure === undefined ? {} : { failure: session.failure }),
    total: session.total,
    dropped: session.dropped,
    startedMillis: session.startedAt,
  };
}

function newlyTold(): Told {
  return {
    flows: new Map(),
    processes: new Map(),
    historyUntil: -Infinity,
    lastMark: undefined,
    grouping: 'direction',
    groupsUntil: -Infinity,
    range: '',
    inspected: undefined,
    inspectedSample: undefined,
    inspectedEvents: 0,
  };
}

/** Adds what the query asks for beyond the figures of now, as far as it is new. */
function answer(
  detail: PanelDetail,
  session: WatchedSession,
  query: PanelQuery,
  told: Told,
  texts: Texts,
): void {
  const { grouping, range, inspected } = query;
  if (grouping !== 'direction') {
    const fresh = told.grouping !== grouping || told.groupsUntil === -Infinity;
    const points = groupPoints(session, grouping, fresh ? -Infinity : told.groupsUntil);
    detail.groups = { fresh, points };
    told.groupsUntil = points.at(-1)?.timeMillis ?? (fresh ? 0 : told.groupsUntil);
  }
  told.grouping = grouping;
  // The figures of a range that is over do not change; one that reaches into the future is asked for again.
  const asked = range === undefined ? '' : `${String(range.fromMillis)} ${String(range.toMillis)}`;
  const isOpen = range !== undefined && range.toMillis > told.historyUntil;
  if (range !== undefined && (asked !== told.range || isOpen)) detail.range = sumsInRange(session, range);
  told.range = asked;
  const flow = inspected?.session === session.id ? inspected.flow : undefined;
  if (flow !== undefined) {
    const sample = session.flows.get(flow);
    const isNews =
      told.inspected !== flow ||
      told.inspectedSample !== sample ||
      told.inspectedEvents !== session.events.length;
    if (isNews) detail.inspection = inspect(session, flow, texts);
    told.inspectedSample = sample;
    told.inspectedEvents = session.events.length;
  }
  told.inspected = flow;
}

function newMarks({ marks }: WatchedSession, told: Told): SessionMark[] {
  const first = told.lastMark === undefined ? 0 : marks.lastIndexOf(told.lastMark) + 1;
  told.lastMark = marks.at(-1);
  return marks.slice(first);
}

function newHistory(session: WatchedSession, told: Told): HistoryPoint[] {
  const first = session.history.findLastIndex(({ timeMillis }) => timeMillis <= told.historyUntil) + 1;
  const points = session.history.slice(first);
  told.historyUntil = points.at(-1)?.timeMillis ?? told.historyUntil;
  return points;
}

function newProcesses(session: WatchedSession, told: Told): PanelProcess[] {
  const changed: PanelProcess[] = [];
  for (const [pid, process] of session.processes) {
    const before = told.processes.get(pid);
    if (before === process) continue;
    told.processes.set(pid, process);
    // The figures of a process move with every sample; the view shows its name only.
    const name = processTitle(process);
    if (before === undefined || processTitle(before) !== name || before.alive !== process.alive) {
      changed.push({ pid, name, alive: process.alive });
    }
  }
  return changed;
}

function newFlows(session: WatchedSession, told: Told): PanelFlow[] {
  const changed = [...session.flows.values()].filter((flow) => told.flows.get(flow.id) !== flow);
  const closings = changed.some(({ state }) => state === 'closed') ? closingTimes(session) : undefined;
  return changed.map((flow) => {
    told.flows.set(flow.id, flow);
    const closed = flow.state === 'closed' ? closings?.get(socketName(flow.pid, flow)) : undefined;
    return describeFlow(flow, closed);
  });
}

/** When sockets closed, by name, in Unix milliseconds. Of a name that was used again, the last time. */
function closingTimes(session: WatchedSession): Map<string, number> {
  const times = new Map<string, number>();
  for (const event of session.events) {
    if (event.kind === 'closed') times.set(socketName(event.pid, event), Date.parse(event.time));
  }
  return times;
}

function describeFlow(flow: FlowSample, closedMillis: number | undefined): PanelFlow {
  const [host, application, failure] = [hostOf(flow), applicationOf(flow), flow.reason];
  return {
    id: flow.id,
    pid: flow.pid,
    protocol: flow.protocol,
    local: flow.local,
    ...(flow.remote === undefined ? {} : { remote: flow.remote }),
    ...(host === undefined ? {} : { host }),
    ...(application === undefined ? {} : { application }),
    ...(failure === undefined ? {} : { failure }),
    ...marksOf(flow),
    interface: flow.interface,
    state: flow.state,
    openedMillis: Date.parse(flow.openedAt),
    ...(closedMillis === undefined ? {} : { closedMillis }),
    txRate: flow.rates.wire.tx,
    rxRate: flow.rates.wire.rx,
    txBytes: flow.wire.txBytes,
    rxBytes: flow.wire.rxBytes,
    payloadTxBytes: flow.payload.txBytes,
    payloadRxBytes: flow.payload.rxBytes,
    rttMicros: flow.rttMicros,
    retransmits: flow.retransmits,
  };
}
