// What the extension host and the panel's webview say to each other.
//
// The webview says `ready` once its script runs and gets a `snapshot`; from then on it gets an `update` with
// what differs. It acknowledges every message once it is drawn, and the host never has more than one message
// on the way: a slow view gets fewer, larger updates, and a hidden one none. A view that finds a gap in the
// sequence says `ready` again.
import type { DroppedCounters, Endpoint, FlowState, TransportProtocol, Usage } from './protocol';

/** Longest session id that the webview may name, in UTF-16 units. */
const maximumIdLength = 256;

/** Points of history that the view keeps of one session. */
export const maximumPanelHistory = 3_600;

export type PanelSessionState = 'searching' | 'starting' | 'watching' | 'ended' | 'failed';

/** One watched session in few words; all of them stand in every message. */
export interface PanelSession {
  id: string;
  label: string;
  origin: 'debug' | 'process';
  state: PanelSessionState;
  failure?: { message: string; remedy?: string };
  total: Usage;
  dropped: DroppedCounters;
  /** Unix time in milliseconds. */
  startedMillis: number;
}

/** Bytes per second on the wire at one moment. */
export interface PanelHistoryPoint {
  /** Unix time in milliseconds. */
  timeMillis: number;
  tx: number;
  rx: number;
}

export interface PanelProcess {
  pid: number;
  /** What people call it, see `processTitle`. */
  name: string;
  alive: boolean;
}

/** One connection, with what the table shows of it. Bytes and rates are those on the wire. */
export interface PanelFlow {
  /** Unique within its session. */
  id: number;
  pid: number;
  protocol: TransportProtocol;
  local: Endpoint;
  remote?: Endpoint;
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
  history: PanelHistoryPoint[];
  processes: PanelProcess[];
  flows: PanelFlow[];
  removedFlows: number[];
}

/** Which sessions the view shows: the newest live one, all, or the one with the given id. */
export type PanelSelection = { kind: 'newest' } | { kind: 'all' } | { kind: 'session'; id: string };

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
}

/** Things the view can ask the host to do on a click. */
export const panelActions = ['startDebugging', 'monitorProcess', 'retry', 'showLog'] as const;
export type PanelAction = (typeof panelActions)[number];

export type WebviewMessage =
  | { type: 'ready'; selection: PanelSelection }
  | { type: 'acknowledge'; sequence: number }
  | { type: 'select'; selection: PanelSelection }
  | { type: 'action'; action: PanelAction; session?: string };

/** Where in the view a context menu was opened; VS Code hands it to the chosen command. */
export interface PanelContext {
  webviewSection: 'connection';
  /** Text of the cell. */
  value: string;
  /** Text of the whole row, separated by tabs. */
  row: string;
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

/** Reads a message from the webview; `undefined` where it is not one of `WebviewMessage`. */
export function parseWebviewMessage(value: unknown): WebviewMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  switch (type) {
    case 'ready':
    case 'select': {
      const selection = parsePanelSelection(value['selection']);
      return selection && { type, selection };
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

/** Longest text a context menu command accepts, in UTF-16 units. */
const maximumContextText = 16_384;

/** Reads what a context menu of the view hands to its command; `undefined` where it is something else. */
export function parsePanelContext(value: unknown): Pick<PanelContext, 'value' | 'row'> | undefined {
  if (!isRecord(value)) return undefined;
  const { value: text, row } = value;
  if (typeof text !== 'string' || typeof row !== 'string') return undefined;
  return text.length <= maximumContextText && row.length <= maximumContextText
    ? { value: text, row }
    : undefined;
}
