// Answers to what the panel asks beyond the figures of now: groups over time, the sums of a range, one connection.
import { peerName } from '../shared/flow-label';
import type {
  Grouping,
  PanelFlowEvent,
  PanelGroupPoint,
  PanelInspection,
  PanelRangeSums,
} from '../shared/panel-messages';
import { processTitle } from '../shared/process-title';
import { sanitise } from '../shared/sanitise';
import type { Texts } from '../shared/texts';
import { sumRange, type TimeRange } from '../shared/traffic-history';
import { applicationOf, socketName } from './flow-names';
import type { Moved } from './history/flow-log';
import type { WatchedSession } from './sessions';

/** Groups of one stretch that are told apart. The rest are one, with an empty name. */
const maximumGroups = 15;

/** Events of a connection that are shown, the newest ones. */
const maximumEvents = 100;

/** Lines about what was said on a connection. */
const maximumLines = 64;

/** What each group moved, by stretch of time, of the stretches that end after `sinceMillis`. */
export function groupPoints(
  session: WatchedSession,
  grouping: Exclude<Grouping, 'direction'>,
  sinceMillis: number,
): PanelGroupPoint[] {
  const names = new Map<number, string>();
  const groupOf = (id: number): string => {
    let name = names.get(id);
    if (name === undefined) {
      name = groupName(session, grouping, id);
      names.set(id, name);
    }
    return name;
  };
  return session.flowLog.grouped(sinceMillis, groupOf).map(({ timeMillis, spanMillis, groups }) => ({
    timeMillis,
    spanMillis,
    groups: largestGroups(groups),
  }));
}

function largestGroups(groups: Map<string, Moved>): PanelGroupPoint['groups'] {
  const sorted = [...groups].sort(([, one], [, other]) => other.tx + other.rx - (one.tx + one.rx));
  const kept = sorted
    .slice(0, maximumGroups)
    .map(([name, { tx, rx }]): [string, number, number] => [name, tx, rx]);
  const rest = sorted.slice(maximumGroups);
  if (rest.length > 0) {
    kept.push([
      '',
      rest.reduce((sum, [, { tx }]) => sum + tx, 0),
      rest.reduce((sum, [, { rx }]) => sum + rx, 0),
    ]);
  }
  return kept;
}

function groupName(session: WatchedSession, grouping: Exclude<Grouping, 'direction'>, id: number): string {
  const flow = session.flows.get(id);
  const identity = flow === undefined ? session.flowLog.identityOf(id) : undefined;
  switch (grouping) {
    case 'process': {
      const pid = flow?.pid ?? identity?.pid;
      const process = pid === undefined ? undefined : session.processes.get(pid);
      if (pid === undefined) return '';
      return sanitise(`${process === undefined ? '' : processTitle(process)} (${String(pid)})`.trim());
    }
    case 'host':
      return (flow === undefined ? identity?.peer : peerName(flow)) ?? '';
    case 'protocol': {
      const name = flow === undefined ? undefined : applicationOf(flow);
      return name ?? (flow?.protocol ?? identity?.protocol ?? '').toUpperCase();
    }
  }
}

/** What moved in a range, in all and by connection. */
export function sumsInRange(session: WatchedSession, range: TimeRange): PanelRangeSums {
  const { covered, flows } = session.flowLog.sum(range);
  const sums: PanelRangeSums = {
    covered,
    ...sumRange(session.history, covered),
    flows: [],
    forgotten: { tx: 0, rx: 0 },
  };
  for (const [id, { tx, rx }] of flows) {
    if (session.flows.has(id)) {
      sums.flows.push([id, tx, rx]);
    } else {
      sums.forgotten.tx += tx;
      sums.forgotten.rx += rx;
    }
  }
  return sums;
}

/** Everything about one connection. */
export function inspect(session: WatchedSession, id: number, texts: Texts): PanelInspection {
  const flow = session.flows.get(id);
  const name = flow === undefined ? undefined : socketName(flow.pid, flow);
  const events: PanelFlowEvent[] = [];
  for (const event of session.events) {
    if (name === undefined || event.local === undefined || socketName(event.pid, event) !== name) continue;
    const timeMillis = Date.parse(event.time);
    if (Number.isNaN(timeMillis)) continue;
    events.push({ timeMillis, kind: event.kind, detail: event.reason ?? event.direction ?? '' });
  }
  return {
    flow: id,
    series: session.flowLog.seriesOf(id),
    events: events.slice(-maximumEvents),
    said: session.facts.get(id)?.lines(maximumLines, texts) ?? [],
  };
}
