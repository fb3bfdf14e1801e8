// A kernel half that does what a test says: a flow pool that keeps the rules of the real one, and events on demand.
import type { CounterValues } from '../../../helper/src/counters';
import {
  datagramState,
  flowColumns,
  FlowColumn,
  FlowFlag,
  type FlowIdentity,
  type Kernel,
  type KernelEvent,
  type KernelInterface,
  type KernelStatistics,
  type PayloadSample,
  type ProcessOverflow,
  unknownUser,
} from '../../../helper/src/kernel';

export const noCounters: CounterValues = {
  wireTxBytes: 0,
  wireRxBytes: 0,
  wireTxPackets: 0,
  wireRxPackets: 0,
  payloadTxBytes: 0,
  payloadRxBytes: 0,
};

export interface FakeFlow extends FlowIdentity, CounterValues {
  state: number;
  flags: number;
  lastNanos: number;
  rttMicros: number;
  retransmits: number;
  closedNanos: number;
  connectMicros: number;
  reason: number;
  timeWait: number;
}

export function kernelError(code: string, operation: string): Error {
  return Object.assign(new Error(`${operation}: ${code}`), { code, operation });
}

export class FakeKernel implements Kernel {
  attachment: Kernel['attachment'] = 'tcx';
  processEvents = true;
  readonly slots = new Map<number, FakeFlow>();
  readonly watched = new Map<number, boolean>();
  readonly adopted: number[] = [];
  /** Slots that were to be looked at once more, in order. */
  readonly settled: number[] = [];
  /** What such a look finds. */
  onSettle: (flow: FakeFlow) => void = () => undefined;
  readonly attached = new Set<number>();
  devices: KernelInterface[] = [
    { index: 1, name: 'lo', up: true, attached: true },
    { index: 2, name: 'eth0', up: true, attached: true },
  ];
  overflow: ProcessOverflow[] = [];
  counts: KernelStatistics = {
    droppedEvents: 0,
    droppedFlows: 0,
    overflowUpdates: 0,
    droppedProcesses: 0,
    samples: 0,
    droppedSamples: 0,
    skippedMessages: 0,
    flowCapacity: 16_384,
  };
  /** Processes whose payload may be copied. */
  readonly inspected = new Set<number>();
  /** What `inspectFlow` said last, by slot. */
  readonly inspections = new Map<number, { wanted: number; messageCredit: number }>();
  /** Payload that waits for `collectSamples`. */
  samples: PayloadSample[] = [];
  /** Errno with which `adoptSockets` fails, by process. */
  readonly adoptionErrors = new Map<number, string>();
  readFlowsCalls = 0;
  closed = false;
  #listener: ((events: KernelEvent[]) => void) | undefined;
  #sampleListener: ((samples: PayloadSample[]) => void) | undefined;
  #nextCookie = 1_000;

  /** Puts a flow into the pool, in the lowest slot that is free. */
  open(flow: Partial<FakeFlow> & { processId: number; openedNanos: number }): FakeFlow {
    let slot = flow.slot ?? 0;
    while (flow.slot === undefined && this.slots.has(slot)) slot += 1;
    const opened: FakeFlow = {
      socketCookie: this.#nextCookie++,
      userId: unknownUser,
      processName: 'fake',
      protocol: flow.state === datagramState ? 17 : 6,
      localAddress: '127.0.0.1',
      localPort: 40_000,
      remoteAddress: '127.0.0.2',
      remotePort: 80,
      interfaceIndex: 1,
      state: 1,
      flags: 0,
      lastNanos: flow.openedNanos,
      rttMicros: 0,
      retransmits: 0,
      closedNanos: 0,
      connectMicros: 0,
      reason: 0,
      timeWait: 0,
      ...noCounters,
      ...flow,
      slot,
    };
    this.slots.set(slot, opened);
    return opened;
  }

  emit(...events: KernelEvent[]): void {
    this.#listener?.(events);
  }

  /** Hands payload out at once. */
  emitSamples(...samples: PayloadSample[]): void {
    this.#sampleListener?.(samples);
  }

  interfaces(): KernelInterface[] {
    return this.devices;
  }

  attachInterface(index: number): void {
    this.attached.add(index);
  }

  detachInterface(index: number): void {
    this.attached.delete(index);
  }

  watch(processId: number, followChildren: boolean, inspect = false): void {
    this.watched.set(processId, followChildren);
    if (inspect) this.inspected.add(processId);
    else this.inspected.delete(processId);
  }

  unwatch(processId: number): void {
    this.watched.delete(processId);
    this.inspected.delete(processId);
  }

  readFlows(rows: Float64Array): number {
    this.readFlowsCalls += 1;
    let offset = 0;
    for (const flow of this.slots.values()) {
      if (offset < rows.length) writeRow(rows, offset, flow);
      offset += flowColumns;
    }
    return this.slots.size;
  }

  describeFlow(slot: number): FlowIdentity | undefined {
    return this.slots.get(slot);
  }

  retireFlow(slot: number): void {
    const flow = this.slots.get(slot);
    if (flow === undefined) throw kernelError('ENOENT', 'retireFlow');
    flow.flags |= FlowFlag.Retired;
  }

  settleFlows(slots: Uint32Array): void {
    for (const slot of slots) {
      const flow = this.slots.get(slot);
      if (flow === undefined) continue;
      this.settled.push(slot);
      this.onSettle(flow);
    }
  }

  recycleFlow(slot: number): void {
    const flow = this.slots.get(slot);
    if (flow === undefined || (flow.flags & FlowFlag.Retired) === 0)
      throw kernelError('EINVAL', 'recycleFlow');
    this.slots.delete(slot);
  }

  inspectFlow(slot: number, socketCookie: number, wanted: number, messageCredit: number): void {
    if (this.slots.get(slot)?.socketCookie === socketCookie) {
      this.inspections.set(slot, { wanted, messageCredit });
    }
  }

  collectSamples(): PayloadSample[] {
    return this.samples.splice(0);
  }

  readOverflow(): ProcessOverflow[] {
    return this.overflow;
  }

  statistics(): KernelStatistics {
    return { ...this.counts };
  }

  adoptSockets(processId: number): number {
    const code = this.adoptionErrors.get(processId);
    if (code !== undefined) throw kernelError(code, 'pidfd_getfd');
    this.adopted.push(processId);
    return 0;
  }

  listen(callback: (events: KernelEvent[]) => void, onSamples?: (samples: PayloadSample[]) => void): void {
    this.#listener = callback;
    this.#sampleListener = onSamples;
  }

  close(): void {
    this.closed = true;
  }
}

function writeRow(rows: Float64Array, offset: number, flow: FakeFlow): void {
  rows[offset + FlowColumn.Slot] = flow.slot;
  rows[offset + FlowColumn.SocketCookie] = flow.socketCookie;
  rows[offset + FlowColumn.ProcessId] = flow.processId;
  rows[offset + FlowColumn.InterfaceIndex] = flow.interfaceIndex;
  rows[offset + FlowColumn.State] = flow.state;
  rows[offset + FlowColumn.Flags] = flow.flags;
  rows[offset + FlowColumn.WireTxBytes] = flow.wireTxBytes;
  rows[offset + FlowColumn.WireRxBytes] = flow.wireRxBytes;
  rows[offset + FlowColumn.WireTxPackets] = flow.wireTxPackets;
  rows[offset + FlowColumn.WireRxPackets] = flow.wireRxPackets;
  rows[offset + FlowColumn.PayloadTxBytes] = flow.payloadTxBytes;
  rows[offset + FlowColumn.PayloadRxBytes] = flow.payloadRxBytes;
  rows[offset + FlowColumn.RttMicros] = flow.rttMicros;
  rows[offset + FlowColumn.Retransmits] = flow.retransmits;
  rows[offset + FlowColumn.OpenedNanos] = flow.openedNanos;
  rows[offset + FlowColumn.LastNanos] = flow.lastNanos;
  rows[offset + FlowColumn.ClosedNanos] = flow.closedNanos;
  rows[offset + FlowColumn.ConnectMicros] = flow.connectMicros;
  rows[offset + FlowColumn.Reason] = flow.reason;
  rows[offset + FlowColumn.TimeWait] = flow.timeWait;
}
