// A kernel half without a kernel: a given number of flows that all move, or none, from one reading to the next.
import {
  flowColumns,
  FlowColumn,
  type FlowIdentity,
  type Kernel,
  type KernelInterface,
  type KernelStatistics,
  type PayloadSample,
  type ProcessOverflow,
} from '../../helper/src/kernel';

const established = 1;
const segmentBytes = 1_448;
const headerBytes = 66;

export class ScriptedKernel implements Kernel {
  readonly attachment = 'tcx';
  readonly processEvents = true;
  readonly #rows: Float64Array;
  readonly #openedNanos: number;

  constructor(
    readonly flows: number,
    readonly processId: number,
    now: number,
  ) {
    this.#openedNanos = now;
    this.#rows = new Float64Array(flows * flowColumns);
    for (let flow = 0; flow < flows; flow += 1) {
      const offset = flow * flowColumns;
      this.#rows[offset + FlowColumn.Slot] = flow;
      this.#rows[offset + FlowColumn.SocketCookie] = flow + 1;
      this.#rows[offset + FlowColumn.ProcessId] = processId;
      this.#rows[offset + FlowColumn.InterfaceIndex] = 1;
      this.#rows[offset + FlowColumn.State] = established;
      this.#rows[offset + FlowColumn.OpenedNanos] = now;
      this.#rows[offset + FlowColumn.RttMicros] = 500;
    }
  }

  /** Every flow, or every so many-th, sends and receives some segments. */
  move(now: number, every = 1): void {
    const rows = this.#rows;
    for (let offset = 0; offset < rows.length; offset += every * flowColumns) {
      const segments = 1 + ((offset / flowColumns) % 7);
      const add = (column: number, amount: number): void => {
        rows[offset + column] = (rows[offset + column] ?? 0) + amount;
      };
      add(FlowColumn.WireTxBytes, segments * (segmentBytes + headerBytes));
      add(FlowColumn.WireRxBytes, segments * headerBytes);
      add(FlowColumn.WireTxPackets, segments);
      add(FlowColumn.WireRxPackets, segments);
      add(FlowColumn.PayloadTxBytes, segments * segmentBytes);
      rows[offset + FlowColumn.LastNanos] = now;
    }
  }

  readFlows(rows: Float64Array): number {
    rows.set(rows.length < this.#rows.length ? this.#rows.subarray(0, rows.length) : this.#rows);
    return this.flows;
  }

  describeFlow(slot: number): FlowIdentity {
    return {
      slot,
      socketCookie: slot + 1,
      openedNanos: this.#openedNanos,
      processId: this.processId,
      userId: 0,
      processName: 'scripted',
      protocol: 6,
      localAddress: '192.168.100.10',
      localPort: 1_024 + slot,
      remoteAddress: `203.0.${String(113 + (slot >> 8))}.${String(slot & 0xff)}`,
      remotePort: 443,
      interfaceIndex: 1,
    };
  }

  interfaces(): KernelInterface[] {
    return [{ index: 1, name: 'eth0', up: true, attached: true }];
  }

  statistics(): KernelStatistics {
    return {
      droppedEvents: 0,
      droppedFlows: 0,
      overflowUpdates: 0,
      droppedProcesses: 0,
      samples: 0,
      droppedSamples: 0,
      skippedMessages: 0,
      flowCapacity: 16_384,
    };
  }

  collectSamples(): PayloadSample[] {
    return [];
  }

  readOverflow(): ProcessOverflow[] {
    return [];
  }

  adoptSockets(): number {
    return 0;
  }

  attachInterface(): void {}
  detachInterface(): void {}
  watch(): void {}
  unwatch(): void {}
  retireFlow(): void {}
  recycleFlow(): void {}
  settleFlows(): void {}
  inspectFlow(): void {}
  listen(): void {}
  close(): void {}
}
