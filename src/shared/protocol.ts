// What the helper and the extension say to each other: JSON-RPC 2.0 in Content-Length frames, with the
// life cycle of a language server (`initialize`, `initialized`, `shutdown`, `exit`).
//
// Units, everywhere on this wire: counters are bytes or packets since the flow was first seen by the
// helper, rates are bytes per second, times are ISO 8601 unless the name says microseconds.
import type { Endpoint, FlowReason, FlowSample, MarkedUsage, TransportProtocol } from './flow';
import type { FlowFact } from './flow-facts';

export type * from './flow';
export type * from './flow-facts';

/** Raised by one whenever a message changes its meaning. Both ends must hold the same number. */
export const protocolVersion = 2;

/**
 * Largest frame either end accepts, in bytes of content. Larger ones end the conversation. A sample with as many
 * processes as `limits` allows fits.
 */
export const maximumFrameBytes = 4 * 1024 * 1024;

/** Bounds of what a client may ask for. Values outside are refused with `ErrorCode.InvalidParams`. */
export const limits = {
  intervalMillis: { minimum: 100, maximum: 60_000, default: 1_000 },
  windowMillis: { minimum: 100, maximum: 600_000, default: 5_000 },
  /**
   * Processes followed by one monitor, the root included. Those that ended make room; further children are counted in
   * `dropped`.
   */
  processes: { minimum: 1, maximum: 1_024, default: 1_024 },
  /** Connections one monitor tells of at once. Further ones count on their process, and in `dropped`. */
  connections: { minimum: 1, maximum: 16_384, default: 16_384 },
  /** Events a second one monitor tells of in the long run, `eventBurst` times as many at once; others are counted. */
  eventsPerSecond: { minimum: 1, maximum: 5_000, default: 5_000 },
  eventBurst: 4,
  /** Monitors one helper serves at once. */
  monitors: 32,
  /** Interfaces in one filter. */
  interfaces: 64,
  /** Facts in one sample. Further ones are counted in `dropped`. */
  facts: 500,
} as const;

export const Method = {
  MonitorStart: 'monitor/start',
  MonitorUpdate: 'monitor/update',
  MonitorStop: 'monitor/stop',
  ProcessList: 'process/list',
  InterfaceList: 'interface/list',
  Doctor: 'doctor',
  /** Notification, one a tick and monitor. */
  MonitorSample: 'monitor/sample',
  /** Notification, one a life-cycle event. */
  MonitorEvent: 'monitor/event',
} as const;

/** Error codes beside those that JSON-RPC reserves. `data.remedy` holds the next step, in a sentence. */
export const ErrorCode = {
  InvalidRequest: -32600,
  MethodNotFound: -32601,
  InvalidParams: -32602,
  InternalError: -32603,
  ServerNotInitialized: -32002,
  /** Client and helper do not speak the same `protocolVersion`. */
  ProtocolMismatch: -33001,
  /** No process has that id, or it ended, or the id belongs to a later process by now. */
  NoSuchProcess: -33002,
  /** The calling user may not trace that process. */
  AccessDenied: -33003,
  /** No interface has that name. */
  NoSuchInterface: -33004,
  /** No monitor has that id. */
  NoSuchMonitor: -33005,
  /** One of `limits` is reached. */
  LimitReached: -33006,
} as const;

export interface ErrorData {
  /** What to do about it. */
  remedy?: string;
}

/** `initializationOptions` of the `initialize` request. */
export interface InitializationOptions {
  protocolVersion: number;
}

/** Stands as `procnetmon` beside `capabilities` and `serverInfo` in the answer to `initialize`. */
export interface InitializeResult {
  protocolVersion: number;
  /** Process id of the helper. */
  pid: number;
  /** How packets are seen: tcx links, or clsact filters on kernels below 6.6. */
  attachment: 'tcx' | 'clsact';
  /** What it holds from here on. */
  rights: HeldRights;
}

/** The rights of a helper that counts, as the kernel says. */
export interface HeldRights {
  /** Name of the user it runs as, sanitised. */
  user: string;
  /** Names such as `cap_bpf`. */
  capabilities: string[];
  /** Nothing that it could execute would bring more rights. */
  noNewPrivileges: boolean;
  /** Only the system calls that counting takes are let through. */
  systemCallFilter: boolean;
}

/** Identity of a process. `pid` with `startTicks` names one process for ever, `pid` alone does not. */
export interface ProcessInfo {
  pid: number;
  ppid: number;
  /** Start time in clock ticks since boot, field 22 of `/proc/PID/stat`. */
  startTicks: number;
  /** Short name (`comm`), sanitised. */
  name: string;
  /** Path of the executable, sanitised; empty where it may not be read. */
  exe: string;
  /** Command line joined by blanks, sanitised and cut to 4,096 characters; may be empty. */
  command: string;
  uid: number;
  user: string;
}

/** A process in a sample. The counters, and their marks, cover all of its flows, those closed by now included. */
export interface ProcessSample extends ProcessInfo, MarkedUsage {
  /** Flows that are not closed; in TIME_WAIT they are. */
  openFlows: number;
  /** False once the process has exited; its counters stay. */
  alive: boolean;
}

/** Work that could not be done in full. Each is a count since the helper started. */
export interface DroppedCounters {
  /** Events the ring buffer had no room for, and those beyond `eventsPerSecond`. */
  events: number;
  /** Packets whose flow got no slot of its own, because too many were open; they count on the process only. */
  flows: number;
  /** Processes beyond `maximumProcesses`. */
  processes: number;
  /** Connections beyond `maximumConnections`; they count on the process only. */
  connections: number;
  /** Pieces of payload, and requests, that could not be looked at: protocols, names and facts may be missing. */
  inspections: number;
  /** Facts beyond `limits.facts` in a sample. */
  facts: number;
}

export interface MonitorStartParams {
  pid: number;
  /** When given, `pid` must have started at just that time. */
  startTicks?: number;
  /** Follow the children of the process, and theirs. Default true. */
  children?: boolean;
  /** Count only what passes these interfaces. Absent or empty: all. */
  interfaces?: string[];
  intervalMillis?: number;
  windowMillis?: number;
  /**
   * Look at the first bytes of connections for what is spoken and to whom. Default true. When no monitor wants it of a
   * process, the kernel copies no payload of it.
   */
  inspect?: boolean;
  /** See `limits.processes`. */
  maximumProcesses?: number;
  /** See `limits.connections`. */
  maximumConnections?: number;
  /** See `limits.eventsPerSecond`. */
  eventsPerSecond?: number;
}

export interface MonitorStartResult {
  monitor: string;
  process: ProcessInfo;
}

export interface MonitorUpdateParams {
  monitor: string;
  children?: boolean;
  interfaces?: string[];
  intervalMillis?: number;
  windowMillis?: number;
  inspect?: boolean;
  maximumProcesses?: number;
  maximumConnections?: number;
  eventsPerSecond?: number;
}

export interface MonitorStopParams {
  monitor: string;
}

export interface ProcessListResult {
  /** What the caller may watch, by pid. */
  processes: ProcessInfo[];
}

export interface InterfaceInfo {
  index: number;
  name: string;
  up: boolean;
  /** Whether packets are counted at this interface. */
  attached: boolean;
}

export interface InterfaceListResult {
  interfaces: InterfaceInfo[];
}

/** One line of the doctor's report. */
export interface DoctorCheck {
  /** Stable name, for programs. */
  id: string;
  /** What was looked at, for people. */
  title: string;
  status: 'ok' | 'warning' | 'failed';
  /** What was found. */
  detail: string;
  /** What to do; present unless `status` is `ok`. */
  remedy?: string;
}

export interface DoctorReport {
  version: string;
  kernel: string;
  checks: DoctorCheck[];
}

/** Notification `monitor/sample`. */
export interface MonitorSample {
  monitor: string;
  /** Counts up from 0 for each monitor, without gaps. */
  sequence: number;
  time: string;
  /** Microseconds since boot (CLOCK_MONOTONIC) at which the counters were read. */
  monotonicMicros: number;
  /** Everything the monitor covers, each byte once in each direction. */
  total: MarkedUsage;
  /** Every process the monitor covers, those that exited included. */
  processes: ProcessSample[];
  /** Flows that are new or differ from the sample before. All, when `sequence` is 0. */
  flows: FlowSample[];
  /** Ids of flows that were given out before and exist no more. */
  removedFlows: number[];
  /** What was said on the flows since the sample before, oldest first; at most `limits.facts`. */
  facts: FlowFact[];
  dropped: DroppedCounters;
}

/** What happened. `dropped` says that `count` events before it were lost. */
export type MonitorEventKind =
  'opened' | 'established' | 'closed' | 'failed' | 'listening' | 'fork' | 'exec' | 'exit' | 'dropped';

/** Notification `monitor/event`. */
export interface MonitorEvent {
  monitor: string;
  time: string;
  kind: MonitorEventKind;
  pid: number;
  /** `opened` to `listening`: the socket. */
  protocol?: TransportProtocol;
  local?: Endpoint;
  remote?: Endpoint;
  /** `established`: which end began it. */
  direction?: 'outgoing' | 'incoming';
  /** `failed`, and `closed` where both ends did not just close. */
  reason?: FlowReason;
  /** `established` at the end that connected: since the SYN. `closed`, `failed`: since it was opened. */
  durationMicros?: number;
  /** `fork`: the new process. */
  childPid?: number;
  /** `exec`: the new name. */
  name?: string;
  /** `exit`: status, as the shell counts it (128 + signal when killed). */
  exitStatus?: number;
  /** `dropped`: how many. */
  count?: number;
}
