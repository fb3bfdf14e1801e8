// What the view knows: the host's messages put together. No drawing here.
import type {
  PanelData,
  PanelDetail,
  PanelFlow,
  PanelGroupPoint,
  PanelInspection,
  PanelProcess,
  PanelRangeSums,
  PanelSession,
  SessionMark,
} from '../shared/panel-messages';
import { TrafficHistory } from '../shared/traffic-history';

/** Marks and group points that the view keeps of one session. */
const maximumMarks = 500;
const maximumGroupPoints = 8_192;

/** Figures of one shown session. */
export interface SessionFigures {
  flows: Map<number, PanelFlow>;
  processes: Map<number, PanelProcess>;
  history: TrafficHistory;
  marks: SessionMark[];
  groups: PanelGroupPoint[];
  range: PanelRangeSums | undefined;
  inspection: PanelInspection | undefined;
}

export class PanelModel {
  sessions: readonly PanelSession[] = [];
  /** Ids of the sessions on show, each with figures. */
  shown: readonly string[] = [];
  readonly figures = new Map<string, SessionFigures>();
  /** The host's clock, in Unix milliseconds. */
  timeMillis = 0;
  /** The session to compare with, as it was last told. */
  compared: PanelData['compared'];
  /** Whether a snapshot has come in. */
  complete = false;
  #sequence = 0;

  /**
   * Takes a message in.
   * @returns false when a message before it got lost: the model is unchanged, a new snapshot is needed
   */
  apply(message: PanelData): boolean {
    if (message.type === 'snapshot') {
      this.figures.clear();
    } else if (!this.complete || message.sequence !== this.#sequence + 1) {
      return false;
    }
    this.complete = true;
    this.#sequence = message.sequence;
    this.timeMillis = message.timeMillis;
    this.sessions = message.sessions;
    this.shown = message.shown;
    this.compared = message.compared ?? this.compared;
    for (const id of this.figures.keys()) {
      if (!message.shown.includes(id)) this.figures.delete(id);
    }
    for (const detail of message.details) this.#applyDetail(detail);
    return true;
  }

  get shownSessions(): PanelSession[] {
    return this.sessions.filter(({ id }) => this.shown.includes(id));
  }

  /** What is known of the range that the view asked about is void: it asks about another one, or about none. */
  forgetRange(): void {
    for (const figures of this.figures.values()) figures.range = undefined;
  }

  #applyDetail(detail: PanelDetail): void {
    let figures = this.figures.get(detail.session);
    if (figures === undefined) {
      figures = {
        flows: new Map(),
        processes: new Map(),
        history: new TrafficHistory(),
        marks: [],
        groups: [],
        range: undefined,
        inspection: undefined,
      };
      this.figures.set(detail.session, figures);
    }
    for (const process of detail.processes) figures.processes.set(process.pid, process);
    for (const flow of detail.flows) figures.flows.set(flow.id, flow);
    for (const id of detail.removedFlows) figures.flows.delete(id);
    for (const point of detail.history) figures.history.add(point);
    figures.marks.push(...detail.marks);
    figures.marks.splice(0, Math.max(0, figures.marks.length - maximumMarks));
    if (detail.groups?.fresh === true) figures.groups = [];
    figures.groups.push(...(detail.groups?.points ?? []));
    figures.groups.splice(0, Math.max(0, figures.groups.length - maximumGroupPoints));
    figures.range = detail.range ?? figures.range;
    figures.inspection = detail.inspection ?? figures.inspection;
  }
}
