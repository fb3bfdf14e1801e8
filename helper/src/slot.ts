// One slot of the kernel's flow pool, as it was when it was last read.
import { Counters, type MarkedCounters } from './counters';
import type { Flow } from './flow';
import { FlowColumn } from './kernel';

/** Used within one call at a time, so that a reading costs no memory. */
const currentRow = new Counters();

/** Remembers a row of `readFlows`, and tells what changed in the next one. */
export class Slot {
  flags = 0;
  /** No state the kernel knows, so that the first row is a change. */
  state = -1;
  processId = 0;
  lastNanos = 0;
  rttMicros = 0;
  retransmits = 0;
  closedNanos = 0;
  connectMicros = 0;
  reason = 0;
  timeWait = 0;
  /** It moved since it was last settled. */
  restless = false;
  /** When it was last settled. */
  settledNanos = 0;
  /** When `retireFlow` was called; 0 before. */
  retiredNanos = 0;
  /** The tick at which it was last among the rows. */
  tick = 0;
  readonly counters = new Counters();

  constructor(
    readonly index: number,
    readonly openedNanos: number,
    readonly flow: Flow,
    /** The sum of the owner, for the interface of the flow. */
    public ownerSum: MarkedCounters,
  ) {}

  /** Whether a row says just what the last one said. The hot path: called for every slot at every tick. */
  matches(rows: Float64Array, offset: number): boolean {
    const { counters } = this;
    return (
      rows[offset + FlowColumn.LastNanos] === this.lastNanos &&
      rows[offset + FlowColumn.Flags] === this.flags &&
      rows[offset + FlowColumn.State] === this.state &&
      rows[offset + FlowColumn.ProcessId] === this.processId &&
      rows[offset + FlowColumn.PayloadTxBytes] === counters.payloadTxBytes &&
      rows[offset + FlowColumn.PayloadRxBytes] === counters.payloadRxBytes &&
      rows[offset + FlowColumn.WireTxBytes] === counters.wireTxBytes &&
      rows[offset + FlowColumn.WireRxBytes] === counters.wireRxBytes &&
      rows[offset + FlowColumn.WireTxPackets] === counters.wireTxPackets &&
      rows[offset + FlowColumn.WireRxPackets] === counters.wireRxPackets &&
      rows[offset + FlowColumn.RttMicros] === this.rttMicros &&
      rows[offset + FlowColumn.Retransmits] === this.retransmits &&
      rows[offset + FlowColumn.ConnectMicros] === this.connectMicros &&
      rows[offset + FlowColumn.Reason] === this.reason &&
      rows[offset + FlowColumn.TimeWait] === this.timeWait
    );
  }

  /**
   * Takes a row over and sets `growth` to what was counted since the last one. Of the payload that can be a byte less
   * than nothing: the kernel counts a FIN among what was received, and the kernel half takes it out as soon as it knows.
   */
  advance(rows: Float64Array, offset: number, growth: Counters): void {
    const row = currentRow;
    row.wireTxBytes = rows[offset + FlowColumn.WireTxBytes] ?? 0;
    row.wireRxBytes = rows[offset + FlowColumn.WireRxBytes] ?? 0;
    row.wireTxPackets = rows[offset + FlowColumn.WireTxPackets] ?? 0;
    row.wireRxPackets = rows[offset + FlowColumn.WireRxPackets] ?? 0;
    row.payloadTxBytes = rows[offset + FlowColumn.PayloadTxBytes] ?? 0;
    row.payloadRxBytes = rows[offset + FlowColumn.PayloadRxBytes] ?? 0;
    growth.setDifference(row, this.counters);
    this.counters.set(row);
    this.flags = rows[offset + FlowColumn.Flags] ?? 0;
    this.state = rows[offset + FlowColumn.State] ?? 0;
    this.processId = rows[offset + FlowColumn.ProcessId] ?? 0;
    this.lastNanos = rows[offset + FlowColumn.LastNanos] ?? 0;
    this.rttMicros = rows[offset + FlowColumn.RttMicros] ?? 0;
    this.retransmits = rows[offset + FlowColumn.Retransmits] ?? 0;
    this.closedNanos = rows[offset + FlowColumn.ClosedNanos] ?? 0;
    this.connectMicros = rows[offset + FlowColumn.ConnectMicros] ?? 0;
    this.reason = rows[offset + FlowColumn.Reason] ?? 0;
    this.timeWait = rows[offset + FlowColumn.TimeWait] ?? 0;
  }
}
