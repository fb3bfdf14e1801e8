// The boundary to the native addon (`helper/addon/`): what it offers, as types. The addon holds no policy;
// it is injected wherever it is used, so that everything above it can be tested without the kernel.

/** An operation on the kernel that failed. `message` names the operation and the reason in words. */
export interface KernelError extends Error {
  /** Name of the errno, such as `EPERM`. */
  code: string;
  /** The operation, such as `bpf(BPF_PROG_LOAD)`. */
  operation: string;
}

export interface OpenOptions {
  /**
   * Folder of the cgroup v2 hierarchy at which the hooks are attached. When absent, the addon mounts the hierarchy for
   * itself, for which it needs `CAP_SYS_ADMIN`; operations of errors then end in `(cgroup2)`.
   */
  cgroup?: string | undefined;
  /** `auto` takes tcx where the kernel has it (6.6), clsact filters elsewhere. */
  attachment: 'auto' | 'tcx' | 'clsact';
  /** Events and payload of this user's sockets only; everybody's when absent. */
  onlyUser?: number | undefined;
}

/** `FlowIdentity.userId` where the user of a socket cannot be known. */
export const unknownUser = 0xffff_ffff;

/** Columns of one row of `readFlows`. Numbers are exact up to 2^53. */
export const FlowColumn = {
  Slot: 0,
  SocketCookie: 1,
  ProcessId: 2,
  InterfaceIndex: 3,
  /** TCP state as in the kernel (1 = established ... 12), or `datagramState`. */
  State: 4,
  /** Bits of `FlowFlag`. */
  Flags: 5,
  WireTxBytes: 6,
  WireRxBytes: 7,
  WireTxPackets: 8,
  WireRxPackets: 9,
  PayloadTxBytes: 10,
  PayloadRxBytes: 11,
  RttMicros: 12,
  Retransmits: 13,
  /** Nanoseconds since boot; together with the slot it names one flow for ever. */
  OpenedNanos: 14,
  /** Nanoseconds since boot of the last packet. */
  LastNanos: 15,
  /** Nanoseconds since boot of the end; 0 before. */
  ClosedNanos: 16,
  /** From the SYN to established, in microseconds; 0 where this end did not connect, or has not yet. */
  ConnectMicros: 17,
  /** `pnm_reason` of bpf/procnetmon.h. */
  Reason: 18,
  /** `TimeWait`. */
  TimeWait: 19,
} as const;

export const flowColumns = 20;

/** Whether the kernel keeps an entry for a connection that is closed; the state is that of the entry then. */
export const TimeWait = {
  None: 0,
  /** It cannot be looked up: in another network namespace, or bound to an interface. */
  Assumed: 1,
  Kept: 2,
} as const;

export const datagramState = 0x40;

export const FlowFlag = {
  /** The socket is gone, no packet will follow. */
  Closed: 0x01,
  /** `retireFlow` was called. */
  Retired: 0x02,
  /** The socket lives in another network namespace. */
  Foreign: 0x04,
  /** This end called connect(). */
  Outgoing: 0x08,
  /** Another process may have moved some of it than the owner. */
  Estimate: 0x10,
  /** What it took on the wire is computed in part. */
  WireEstimate: 0x20,
  /** The connection is from before the helper: TCP tells nothing of it by itself. */
  Adopted: 0x40,
  /** Its payload is computed in part (IPsec), or at most that (MPTCP). */
  PayloadEstimate: 0x80,
} as const;

/** What the figures of a flow, and of every sum that it is part of, are not exact in. */
export const FlowMark = {
  Estimate: FlowFlag.Estimate,
  WireEstimate: FlowFlag.WireEstimate,
  PayloadEstimate: FlowFlag.PayloadEstimate,
  /** Nothing tells what the socket receives. Not of the kernel half. */
  ReceivedUncounted: 0x1_00,
} as const;

/** What does not change while a flow holds its slot, but for the owner, who may turn out to be another one. */
export interface FlowIdentity {
  slot: number;
  socketCookie: number;
  openedNanos: number;
  processId: number;
  /** Of the owner when it made the socket, or `unknownUser`. */
  userId: number;
  /** `comm` of the owner when it made the socket. Raw: other people's bytes, as Latin-1. */
  processName: string;
  /** IP protocol number, with 256 added for a raw socket; 0 for a packet socket. */
  protocol: number;
  localAddress: string;
  localPort: number;
  /** Empty for a listening socket and a datagram socket without peer. */
  remoteAddress: string;
  remotePort: number;
  interfaceIndex: number;
}

export const unknownProcess = 0xffff_ffff;

/**
 * Traffic without a flow, by process and interface: it found the flow pool full, or belongs to a connection in TIME_WAIT
 * whose flow is gone.
 */
export interface ProcessOverflow {
  /** `unknownProcess` for sockets of other users, which are not told of. */
  processId: number;
  /** 0 where it is not known: payload of a connection whose packets were all counted on flows. */
  interfaceIndex: number;
  /** Whether the interface is one of another network namespace than the helper's. */
  foreign: boolean;
  /** Bits of `FlowMark`. */
  flags: number;
  wireTxBytes: number;
  wireRxBytes: number;
  wireTxPackets: number;
  wireRxPackets: number;
  payloadTxBytes: number;
  payloadRxBytes: number;
}

/** A piece of payload of an inspected process: what a packet, or a bundle of segments, began with. */
export interface PayloadSample {
  slot: number;
  socketCookie: number;
  processId: number;
  /** Nanoseconds since boot. */
  nanos: number;
  /** IP protocol number: 6 or 17. */
  protocol: number;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
  /** This end called connect(); false where that is not known. */
  outgoing: boolean;
  sent: boolean;
  /** TCP: place of the first byte in the stream of its direction; datagrams: 0. */
  offset: number;
  /** Bytes of payload in the packet, of which `bytes` are the first. */
  payloadBytes: number;
  /** Of a bundle of datagrams: the length of each but the last; otherwise 0. */
  segmentBytes: number;
  bytes: Uint8Array;
}

/** What is wanted of the payload of a flow: bits for `inspectFlow`. */
export const InspectFlag = {
  /** No more of the first bytes that are sent. */
  SentDone: 0x01,
  ReceivedDone: 0x02,
  /** Further messages after that, as long as there is credit. */
  Messages: 0x04,
  /** ... of those only segments that begin like a head of HTTP/1. */
  HttpHeads: 0x08,
} as const;

export interface KernelStatistics {
  droppedEvents: number;
  /** Packets that found the flow pool full; they are in `readOverflow`. */
  droppedFlows: number;
  droppedProcesses: number;
  /** Pieces of payload that were copied. */
  samples: number;
  /** Pieces of payload that found no room. */
  droppedSamples: number;
  /** Messages that were not copied because their flow had no credit. */
  skippedMessages: number;
  /** Grows whenever there is something new in `readOverflow`. */
  overflowUpdates: number;
  flowCapacity: number;
}

export interface KernelInterface {
  index: number;
  name: string;
  up: boolean;
  attached: boolean;
}

/** Socket events, for watched processes only. */
export interface SocketEvent {
  type: 'opened' | 'established' | 'closed' | 'failed' | 'listening';
  /** Nanoseconds since boot. */
  nanos: number;
  socketCookie: number;
  processId: number;
  protocol: number;
  localAddress: string;
  localPort: number;
  /** Empty where there is none. */
  remoteAddress: string;
  remotePort: number;
  outgoing: boolean;
  /** `closed`, `failed`: `pnm_reason` of bpf/procnetmon.h. */
  reason: number;
  /** `established`: since the SYN; `closed`, `failed`: since it was opened. 0 where that is not known. */
  durationNanos: number;
}

/** Process events, for watched processes only. */
export type ProcessEvent =
  | { type: 'fork'; nanos: number; processId: number; childId: number }
  | { type: 'exec'; nanos: number; processId: number }
  /** A user or group id has changed. */
  | { type: 'credentials'; nanos: number; processId: number }
  /** `status` as the shell counts it: 128 + signal when killed. */
  | { type: 'exit'; nanos: number; processId: number; status: number };

export type LinkEvent =
  | { type: 'link'; index: number; name: string; up: boolean }
  | { type: 'unlink'; index: number; name: string };

/** The netlink socket of the process connector overflowed: process events were lost, look at /proc. */
export interface ProcessEventsLost {
  type: 'processEventsLost';
}

export type KernelEvent = SocketEvent | ProcessEvent | LinkEvent | ProcessEventsLost;

/** The programs, loaded. Every method throws a `KernelError` when the kernel refuses. */
export interface Kernel {
  readonly attachment: 'tcx' | 'clsact';
  /** False where the kernel gives no process events (no process connector, or in a container). */
  readonly processEvents: boolean;
  /** Interfaces of this network namespace, now. */
  interfaces(): KernelInterface[];
  /** Counts at an interface from now on. Does nothing when it does so already. */
  attachInterface(index: number): void;
  detachInterface(index: number): void;
  /**
   * Reports the events of a process from now on. With `followChildren`, a process it forks is watched
   * before the fork event is handed out, in the same way. With `inspect`, payload is copied. Watching again changes both.
   */
  watch(processId: number, followChildren: boolean, inspect?: boolean): void;
  unwatch(processId: number): void;
  /**
   * Copies every slot in use into `rows`, `flowColumns` numbers each. Returns how many rows there are; when
   * that is more than fit, `rows` is filled and the call is to be repeated with a larger one.
   */
  readFlows(rows: Float64Array): number;
  /** The identity of the flow in a slot, or undefined when the slot is free. */
  describeFlow(slot: number): FlowIdentity | undefined;
  /** Tells the kernel to stop using a slot. Its counters are final once a full tick has passed. */
  retireFlow(slot: number): void;
  /** Gives a retired slot back to the pool. Its counters are gone afterwards. */
  recycleFlow(slot: number): void;
  /**
   * Says what of a flow's payload is wanted from now on; does nothing when the slot belongs to another socket by now.
   * @param wanted bits of `InspectFlag`
   * @param messageCredit how many further messages may be copied
   */
  inspectFlow(slot: number, socketCookie: number, wanted: number, messageCredit: number): void;
  /** Takes payload that was copied and did not have to be handed out at once. At most a few hundred pieces. */
  collectSamples(): PayloadSample[];
  /**
   * Has TCP flows looked at once more, though no packet comes: what has been acknowledged meanwhile, in which state they
   * are, and whether the kernel keeps a TIME_WAIT entry. The next `readFlows` has it. For flows of this network
   * namespace only.
   */
  settleFlows(slots: Uint32Array): void;
  readOverflow(): ProcessOverflow[];
  statistics(): KernelStatistics;
  /**
   * Takes the sockets that a process holds now into account, with that process as their owner: those from
   * before the programs were loaded, and those passed on by another process. Returns how many changed.
   * Throws E2BIG, when that is done, where it has more descriptors than are looked at.
   */
  adoptSockets(processId: number): number;
  /** Hands events, and payload, out in batches, in order, on the main loop. Called once. */
  listen(callback: (events: KernelEvent[]) => void, onSamples?: (samples: PayloadSample[]) => void): void;
  /** Detaches and unloads everything. The object is of no use afterwards; calling it again does nothing. */
  close(): void;
}

export interface DropOptions {
  uid: number;
  gid: number;
  /** Supplementary groups. */
  groups: number[];
  /** Keeps CAP_SYS_PTRACE beside CAP_BPF and CAP_NET_ADMIN. */
  keepPtrace: boolean;
}

export interface Capabilities {
  /** Names such as `cap_bpf`, lower case, of the effective set. */
  effective: string[];
  permitted: string[];
  noNewPrivileges: boolean;
}

/** What `helper/addon/` exports. */
export interface KernelAddon {
  open(options: OpenOptions): Kernel;
  /** Irreversibly gives up every right but those named, for this process; also no-new-privileges and no dumps. */
  dropPrivileges(options: DropOptions): void;
  /** Calls a function that does as the user of the process may, without any of its capabilities. */
  withoutCapabilities(action: () => void): void;
  /**
   * Irreversibly lets the process make only the system calls that counting takes, after `dropPrivileges`: it executes
   * nothing, opens no file for writing and no socket, loads no program into the kernel.
   * To be called while a script is loaded or from `setImmediate`, since the event loop is made anew without io_uring.
   * @param child a process that may still be signalled; 0 for none
   */
  confine(child: number): void;
  /** Ends the process as it is: the way out that Node takes by itself uses io_uring, and is barred by `confine`. */
  exitNow(status: number): never;
  capabilities(): Capabilities;
  /** Lets those who execute an open file hold these capabilities, and no others, from the start. */
  setFileCapabilities(descriptor: number, capabilities: readonly string[]): void;
  /** Supplementary groups of a user, as initgroups(3) would set them. */
  groupsOf(userName: string, gid: number): number[];
  /** Nanoseconds since boot (CLOCK_MONOTONIC), the clock of every timestamp here. */
  monotonicNanos(): number;
  /** Removes clsact filters of ours that a killed helper left behind. Returns how many. */
  sweep(): number;
  /** Gives memory back that was needed at start only. */
  trimMemory(): void;
}
