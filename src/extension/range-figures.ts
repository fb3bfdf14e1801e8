// What sessions, processes and connections moved in the stretch of time that the user chose.
import type { TimeRange } from '../shared/traffic-history';
import type { Moved } from './history/flow-log';
import type { WatchedSession } from './sessions';

interface SessionSums {
  /** The newest point that the sums know. */
  until: number;
  total: Moved;
  processes: Map<number, Moved>;
  flows: Map<number, Moved>;
}

const nothing: Moved = { tx: 0, rx: 0 };

/** Figures of one range. They are added up when they are first asked for. */
export class RangeFigures {
  readonly #sums = new Map<string, SessionSums>();

  constructor(readonly range: TimeRange) {}

  session(session: WatchedSession): Moved {
    return this.#of(session).total;
  }

  process(session: WatchedSession, pid: number): Moved {
    return this.#of(session).processes.get(pid) ?? nothing;
  }

  flow(session: WatchedSession, id: number): Moved {
    return this.#of(session).flows.get(id) ?? nothing;
  }

  #of(session: WatchedSession): SessionSums {
    const newest = session.history.at(-1)?.timeMillis ?? 0;
    const known = this.#sums.get(session.id);
    // A range that was over when it was added up does not change.
    if (known !== undefined && (known.until === newest || known.until >= this.range.toMillis)) {
      return known;
    }
    const sums = addUp(session, this.range, newest);
    this.#sums.set(session.id, sums);
    return sums;
  }
}

function addUp(session: WatchedSession, range: TimeRange, until: number): SessionSums {
  const { flows } = session.flowLog.sum(range);
  const total: Moved = { tx: 0, rx: 0 };
  const processes = new Map<number, Moved>();
  for (const [id, { tx, rx }] of flows) {
    total.tx += tx;
    total.rx += rx;
    const pid = session.flows.get(id)?.pid ?? session.flowLog.identityOf(id)?.pid;
    if (pid === undefined) continue;
    const process = processes.get(pid);
    processes.set(pid, { tx: (process?.tx ?? 0) + tx, rx: (process?.rx ?? 0) + rx });
  }
  return { until, total, processes, flows };
}
