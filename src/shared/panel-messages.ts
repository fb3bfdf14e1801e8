// What the extension host and the panel's webview say to each other.
//
// The webview says `ready` once its script runs and gets a `snapshot`; from then on it gets an `update` with
// what differs. It acknowledges every message once it is drawn, and the host never has more than one message
// on the way: a slow view gets fewer, larger updates, and a hidden one none. A view that finds a gap in the
// sequence says `ready` again.
import { parsePreferences, type PanelPreferences } from './panel-preferences';
import type {
  DroppedCounters,
  Endpoint,
  FlowReason,
  FlowState,
  MonitorEventKind,
  TransportProtocol,
  EstimateMarks,
  MarkedUsage,
} from './protocol';
import type { HistoryPoint, TimeRange } from './traffic-history';

/** Longest session id that the webview may name, in UTF-16 units. */
const maximumIdLength = 256;

/** Longest text that the view hands over to be copied, in UTF-16 units. */
const maximumContextText = 16_384;

export type PanelSessionState = 'searching' | 'starting' | 'watching' | 'ended' | 'failed';

/** One watched session in few words; all of them stand in every message. */
export interface PanelSession {
  id: string;
  label: string;
  origin: 'debug' | 'process';
  state: PanelSessionState;
  failure?: { message: string; remedy?: string };
  total: MarkedUsage;
  dropped: DroppedCounters;
  /** Unix time in milliseconds. */
  startedMillis: number;
}

/** What can happen to a program that the chart marks. */
export const markKinds = ['stopped', 'stepped', 'restarted', 'exited', 'failed'] as const;
export type MarkKind = (typeof markKinds)[number];

export interface SessionMark {
  /** Unix time in milliseconds. */
  timeMillis: number;
  kind: MarkKind;
  /**
   * More about it: of `stopped` and `stepped` the reason or the kind of step and the place, of `exited` the process id
   * and the status, of `failed` the peer and the reason. Either may be empty or missing.
   */
  detail: string[];
}

/** What the chart tells apart. */
const groupings = ['direction', 'process', 'host', 'protocol'] as const;
export type Grouping = (typeof groupings)[number];

/** What each group moved in one stretch of time. */
export interface PanelGroupPoint {
  /** End and length of the stretch in milliseconds. */
  timeMillis: number;
  spanMillis: number;
  /** Bytes on the wire. */
  groups: [name: string, tx: number, rx: number][];
}

/** What moved in the range that the view asked about. */
export interface PanelRangeSums {
  /** The stretch that the figures cover: whole points of the history, the asked range rounded to them. */
  covered: TimeRange;
  txBytes: number;
  rxBytes: number;
  /** By id; connections at rest are left out. */
  flows: [id: number, tx: number, rx: number][];
  /** Of connections that are no longer listed. */
  forgotten: { tx: number; rx: number };
}

/** One event of a connection. */
export interface PanelFlowEvent {
  timeMillis: number;
  kind: MonitorEventKind;
  /** Reason of a failure, direction of a connection; may be empty. */
  detail: string;
}

/** Everything about one connection. */
export interface PanelInspection {
  flow: number;
  /** Bytes by stretch of time, those in which it was at rest left out. */
  series: { timeMillis: number; spanMillis: number; tx: number; rx: number }[];
  events: PanelFlowEvent[];
  /** What was said on it: requests, handshakes, each in a line of plain text. */
  said: string[];
}

export interface PanelProcess {
  pid: number;
  /** What people call it, see `processTitle`. */
  name: string;
  alive: boolean;
}

/** One connection, with what the table shows of it. Bytes and rates are those on the wire. */
export interface PanelFlow extends EstimateMarks {
  /** Unique within its session. */
  id: number;
  pid: number;
  protocol: TransportProtocol;
  local: Endpoint;
  remote?: Endpoint;
  /** Name of the peer, and what is spoken, where they are known. */
  host?: string;
  application?: string;
  /** Why it failed. */
  failure?: FlowReason;
  interface: string;
  state: FlowState;
  /** Unix time in milliseconds. */
  openedMillis: number;
  /** Unix time in milliseconds; absent while open, and where the moment is not known. */
  closedMillis?: number;
  /** Bytes per second. */
  txRate: number;
  rxRate: number;
  txBytes: number;
  rxBytes: number;
  payloadTxBytes: number;
  payloadRxBytes: number;
  /** 0 where unknown. */
  rttMicros: number;
  retransmits: number;
}

/** What is new of one session; everything, when it was not shown before. */
export interface PanelDetail {
  session: string;
  history: HistoryPoint[];
  processes: PanelProcess[];
  flows: PanelFlow[];
  removedFlows: number[];
  marks: SessionMark[];
  /** Present where the view asked for groups. `fresh`: what it holds of groups is void. */
  groups?: { fresh: boolean; points: PanelGroupPoint[] };
  /** Present when the view asked about a range and the answer is new. */
  range?: PanelRangeSums;
  /** Present when the view asked about a connection of this session and something is new. */
  inspection?: PanelInspection;
}

/** Which sessions the view shows: the newest live one, all, or the one with the given id. */
export type PanelSelection = { kind: 'newest' } | { kind: 'all' } | { kind: 'session'; id: string };

/** What the view shows, and so what the host has to tell it. */
export interface PanelQuery {
  selection: PanelSelection;
  grouping: Grouping;
  range?: TimeRange;
  /** Id of the session whose rates are laid over those on show. */
  compared?: string;
  /** The connection whose details are on show. */
  inspected?: { session: string; flow: number };
}

export interface PanelData {
  /** `snapshot` replaces everything the view holds, `update` adds to it. */
  type: 'snapshot' | 'update';
  /** Of a snapshot any number, of an update one more than the message before. */
  sequence: number;
  /** Unix time of the host in milliseconds. Ages are counted from it, because the clocks may differ. */
  timeMillis: number;
  sessions: PanelSession[];
  /** Ids of the sessions to show. What the view holds of others is void. */
  shown: string[];
  details: PanelDetail[];
  /** The session to compare with, when it is asked for and new. */
  compared?: { session: string; history: HistoryPoint[] };
}

/** From the extension: the view is to let go of the range that it shows. */
export interface ClearRangeMessage {
  type: 'clear-range';
}

/** From the extension: the view is to show one session, and of it what matches. */
export interface ShowMessage {
  type: 'show';
  /** Id of the session. */
  session: string;
  /** Filter of the table; absent: everything. */
  filter?: string;
  /** The connection whose details are to be on show. */
  flow?: number;
  /** Absent: all the time. */
  range?: TimeRange;
}

/** What the view is told. */
export type PanelMessage = PanelData | ClearRangeMessage | ShowMessage;

/** Things the view can ask the host to do on a click. */
const panelActions = ['startDebugging', 'monitorProcess', 'retry', 'showLog'] as const;
export type PanelAction = (typeof panelActions)[number];

export type WebviewMessage =
  | { type: 'ready'; query: PanelQuery }
  | { type: 'acknowledge'; sequence: number }
  | { type: 'query'; query: PanelQuery }
  | { type: 'preferences'; preferences: PanelPreferences }
  | { type: 'copy'; text: string }
  | { type: 'action'; action: PanelAction; session?: string };

/** Texts that the view's context menu can copy. */
export const contextTexts = ['value', 'row', 'address', 'filter', 'socketFilter', 'packetFilter'] as const;
export type ContextText = (typeof contextTexts)[number];

/** Where in the view a context menu was opened; VS Code hands it to the chosen command. */
export interface PanelContext extends Record<ContextText, string> {
  webviewSection: 'connection';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maximumIdLength;
}

/** Reads a selection from data that nobody vouches for; `undefined` where it is none. */
export function parsePanelSelection(value: unknown): PanelSelection | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, id } = value;
  if (kind === 'newest' || kind === 'all') return { kind };
  return kind === 'session' && isSessionId(id) ? { kind, id } : undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < 8.64e15;
}

/** Reads a query from data that nobody vouches for; `undefined` where it is none. */
export function parsePanelQuery(value: unknown): PanelQuery | undefined {
  if (!isRecord(value)) return undefined;
  const selection = parsePanelSelection(value['selection']);
  const grouping = groupings.find((known) => known === value['grouping']);
  if (selection === undefined || grouping === undefined) return undefined;
  const query: PanelQuery = { selection, grouping };
  const { range, inspected, compared } = value;
  if (isSessionId(compared)) query.compared = compared;
  if (isRecord(range) && isTime(range['fromMillis']) && isTime(range['toMillis'])) {
    query.range = { fromMillis: range['fromMillis'], toMillis: range['toMillis'] };
  }
  if (isRecord(inspected) && isSessionId(inspected['session']) && Number.isSafeInteger(inspected['flow'])) {
    query.inspected = { session: inspected['session'], flow: inspected['flow'] as number };
  }
  return query;
}

/** Reads a message from the webview; `undefined` where it is not one of `WebviewMessage`. */
export function parseWebviewMessage(value: unknown): WebviewMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  switch (type) {
    case 'ready':
    case 'query': {
      const query = parsePanelQuery(value['query']);
      return query && { type, query };
    }
    case 'preferences':
      return { type, preferences: parsePreferences(value['preferences']) };
    case 'copy': {
      const { text } = value;
      return typeof text === 'string' && text.length <= maximumContextText ? { type, text } : undefined;
    }
    case 'acknowledge': {
      const { sequence } = value;
      return Number.isSafeInteger(sequence) ? { type, sequence: sequence as number } : undefined;
    }
    case 'action': {
      const action = panelActions.find((known) => known === value['action']);
      const { session } = value;
      if (action === undefined) return undefined;
      if (session === undefined) return { type, action };
      return isSessionId(session) ? { type, action, session } : undefined;
    }
    default:
      return undefined;
  }
}

/** Reads what a context menu of the view hands to its command; `undefined` where it is something else. */
export function parsePanelContext(value: unknown): Record<ContextText, string> | undefined {
  if (!isRecord(value)) return undefined;
  const texts: Partial<Record<ContextText, string>> = {};
  for (const name of contextTexts) {
    const text = value[name];
    if (typeof text !== 'string' || text.length > maximumContextText) return undefined;
    texts[name] = text;
  }
  return texts as Record<ContextText, string>;
}
