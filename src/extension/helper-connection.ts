// The conversation with a running helper, as the rest of the extension sees it: requests, notifications, and an
// end. Types only, so that nobody has to load the client library for them.
import type * as vscode from 'vscode';
import type {
  DoctorReport,
  InitializeResult,
  MonitorEvent,
  MonitorSample,
  MonitorStartParams,
  MonitorStartResult,
  MonitorUpdateParams,
  ProcessInfo,
} from '../shared/protocol';

/** A request that the helper refused. `message` says why, `remedy` what to do about it. */
export class HelperRequestError extends Error {
  override readonly name = 'HelperRequestError';

  constructor(
    readonly code: number,
    message: string,
    readonly remedy: string | undefined,
  ) {
    super(message);
  }
}

/** All requests reject with a `HelperRequestError`. */
export interface HelperConnection {
  readonly helper: InitializeResult;
  readonly onSample: vscode.Event<MonitorSample>;
  readonly onEvent: vscode.Event<MonitorEvent>;
  /** Fires once, when the helper has gone without having been told to. */
  readonly onDidDisconnect: vscode.Event<void>;
  startMonitor(params: MonitorStartParams): Promise<MonitorStartResult>;
  updateMonitor(params: MonitorUpdateParams): Promise<void>;
  stopMonitor(monitor: string): Promise<void>;
  listProcesses(): Promise<ProcessInfo[]>;
  doctor(): Promise<DoctorReport>;
  /** Tells the helper to leave and waits until it has. */
  stop(): Promise<void>;
  /** Forgets the listeners. */
  dispose(): void;
}
