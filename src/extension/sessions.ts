// What is being watched: one entry a debug session (or a pid the user chose), and what the helper said of it.
// The tree, the panel and the status bar read this and nothing else; only the session store writes it.
import type { ConnectionFacts } from '../shared/facts';
import type { DroppedCounters, FlowSample, MonitorEvent, ProcessSample, Usage } from '../shared/protocol';

/** One point of a session's history. */
export interface HistoryPoint {
  /** Unix time in milliseconds. */
  timeMillis: number;
  /** Bytes per second on the wire over the sliding window, by direction. */
  tx: number;
  rx: number;
}

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
  readonly total: Usage;
  readonly processes: ReadonlyMap<number, ProcessSample>;
  /** By flow id; flows that closed stay for a while, state `closed`. */
  readonly flows: ReadonlyMap<number, FlowSample>;
  readonly history: readonly HistoryPoint[];
  /** What was said on a flow, by its id; goes with the flow. */
  readonly facts: ReadonlyMap<number, ConnectionFacts>;
  readonly events: readonly MonitorEvent[];
  readonly dropped: DroppedCounters;
  /** Unix time in milliseconds. */
  readonly startedAt: number;
}
