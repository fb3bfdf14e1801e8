// Both ledgers of something as one set of numbers, and the arithmetic on it.
import type { PayloadCounters, WireCounters } from '../../src/shared/protocol';

/** What both ledgers are made of. */
export interface CounterValues {
  wireTxBytes: number;
  wireRxBytes: number;
  wireTxPackets: number;
  wireRxPackets: number;
  payloadTxBytes: number;
  payloadRxBytes: number;
}

/** A set of counters. It only grows, but for what turns out to belong elsewhere. */
export class Counters implements CounterValues {
  wireTxBytes = 0;
  wireRxBytes = 0;
  wireTxPackets = 0;
  wireRxPackets = 0;
  payloadTxBytes = 0;
  payloadRxBytes = 0;

  add(other: CounterValues): void {
    this.wireTxBytes += other.wireTxBytes;
    this.wireRxBytes += other.wireRxBytes;
    this.wireTxPackets += other.wireTxPackets;
    this.wireRxPackets += other.wireRxPackets;
    this.payloadTxBytes += other.payloadTxBytes;
    this.payloadRxBytes += other.payloadRxBytes;
  }

  /** Takes back what was added. */
  subtract(other: CounterValues): void {
    this.wireTxBytes -= other.wireTxBytes;
    this.wireRxBytes -= other.wireRxBytes;
    this.wireTxPackets -= other.wireTxPackets;
    this.wireRxPackets -= other.wireRxPackets;
    this.payloadTxBytes -= other.payloadTxBytes;
    this.payloadRxBytes -= other.payloadRxBytes;
  }

  set(other: CounterValues): void {
    this.wireTxBytes = other.wireTxBytes;
    this.wireRxBytes = other.wireRxBytes;
    this.wireTxPackets = other.wireTxPackets;
    this.wireRxPackets = other.wireRxPackets;
    this.payloadTxBytes = other.payloadTxBytes;
    this.payloadRxBytes = other.payloadRxBytes;
  }

  /** Sets each to the difference between two readings; below 0 where something was taken back in between. */
  setDifference(later: CounterValues, earlier: CounterValues): void {
    this.set(later);
    this.subtract(earlier);
  }

  clear(): void {
    this.wireTxBytes = 0;
    this.wireRxBytes = 0;
    this.wireTxPackets = 0;
    this.wireRxPackets = 0;
    this.payloadTxBytes = 0;
    this.payloadRxBytes = 0;
  }

  /** Whether nothing was counted. */
  get empty(): boolean {
    return this.equals(nothing);
  }

  equals(other: CounterValues): boolean {
    return (
      this.wireTxBytes === other.wireTxBytes &&
      this.wireRxBytes === other.wireRxBytes &&
      this.wireTxPackets === other.wireTxPackets &&
      this.wireRxPackets === other.wireRxPackets &&
      this.payloadTxBytes === other.payloadTxBytes &&
      this.payloadRxBytes === other.payloadRxBytes
    );
  }

  wire(): WireCounters {
    return {
      txBytes: this.wireTxBytes,
      rxBytes: this.wireRxBytes,
      txPackets: this.wireTxPackets,
      rxPackets: this.wireRxPackets,
    };
  }

  payload(): PayloadCounters {
    return { txBytes: this.payloadTxBytes, rxBytes: this.payloadRxBytes };
  }
}

const nothing = new Counters();

/** Counters, and how exact they are. */
export class MarkedCounters extends Counters {
  /** Bits of `FlowMark`, of whatever was added. */
  marks = 0;

  addMarked(other: MarkedCounters): void {
    this.add(other);
    this.marks |= other.marks;
  }

  override clear(): void {
    super.clear();
    this.marks = 0;
  }
}
