// What is being watched: one entry a debug session (or a pid the user chose), and what the helper said of it.
// The tree, the panel and the status bar read this and nothing else; only the session store writes it.
import type { ConnectionFacts } from '../shared/facts';
import type { SessionMark } from '../shared/panel-messages';
import type {
  DroppedCounters,
  FlowSample,
  MonitorEvent,
  MarkedUsage,
  ProcessSample,
} from '../shared/protocol';
import type { HistoryPoint } from '../shared/traffic-history';
import type { FlowLog } from './history/flow-log';
import type { RequestLog } from './history/request-log';

export type WatchState =
  /** The debuggee's process id is not known yet. */
  | 'searching'
  /** The helper is being started or asked. */
  | 'starting'
  | 'watching'
  /** All processes are gone or the debug session ended; the figures stay. */
  | 'ended'
  /** See `failure`. */
  | 'failed';

export interface WatchedSession {
  /** Unique for the life of the extension host. */
  readonly id: string;
  /** Name of the debug session or of the process. */
  readonly label: string;
  /** `debug` for a debug session, `process` for "Monitor PID". */
  readonly origin: 'debug' | 'process';
  /** Type of the debug configuration, such as `node`; empty for `process`. */
  readonly debugType: string;
  readonly state: WatchState;
  /** Why it failed and what to do, when `state` is `failed`. */
  readonly failure?: { message: string; remedy?: string };
  readonly total: MarkedUsage;
  readonly processes: ReadonlyMap<number, ProcessSample>;
  /** By flow id; flows that closed stay for a while, state `closed`. */
  readonly flows: ReadonlyMap<number, FlowSample>;
  readonly history: readonly HistoryPoint[];
  /** What was said on a flow, by its id; goes with the flow. */
  readonly facts: ReadonlyMap<number, ConnectionFacts>;
  /** What each connection carried, over time. */
  readonly flowLog: Pick<FlowLog, 'isShortened' | 'sum' | 'grouped' | 'seriesOf' | 'identityOf' | 'save'>;
  /** Requests that were seen, the newest of them. */
  readonly requests: Pick<RequestLog, 'all'>;
  /** What happened to the program, in the order of time, the newest of them. */
  readonly marks: readonly SessionMark[];
  readonly events: readonly MonitorEvent[];
  readonly dropped: DroppedCounters;
  /** Closed connections that made room for later ones; what they moved is in the totals and in `flowLog`. */
  readonly forgottenConnections: number;
  /** Unix time in milliseconds. */
  readonly startedAt: number;
  /** Whether it was read from a file: the panel shows it, the debug side bar does not. */
  readonly isRestored: boolean;
}
