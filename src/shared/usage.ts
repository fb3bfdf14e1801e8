// What something has moved and moves: nothing, the sum of several, the same at rest.
import { marksOf } from './estimate';
import type { MarkedUsage, Usage } from './protocol';

/** No rate, for what moves no more. */
export function standingStill(): Usage['rates'] {
  return { wire: { tx: 0, rx: 0 }, payload: { tx: 0, rx: 0 } };
}

/** Usage of something that has not moved a byte. */
export function emptyUsage(): Usage {
  return {
    wire: { txBytes: 0, rxBytes: 0, txPackets: 0, rxPackets: 0 },
    payload: { txBytes: 0, rxBytes: 0 },
    rates: standingStill(),
  };
}

/** The sum of several usages, ledger by ledger, with the marks that any of them has. */
export function addUsages(usages: Iterable<MarkedUsage>): MarkedUsage {
  const sum: MarkedUsage = emptyUsage();
  for (const usage of usages) {
    Object.assign(sum, marksOf(usage));
    sum.wire.txBytes += usage.wire.txBytes;
    sum.wire.rxBytes += usage.wire.rxBytes;
    sum.wire.txPackets += usage.wire.txPackets;
    sum.wire.rxPackets += usage.wire.rxPackets;
    sum.payload.txBytes += usage.payload.txBytes;
    sum.payload.rxBytes += usage.payload.rxBytes;
    sum.rates.wire.tx += usage.rates.wire.tx;
    sum.rates.wire.rx += usage.rates.wire.rx;
    sum.rates.payload.tx += usage.rates.payload.tx;
    sum.rates.payload.rx += usage.rates.payload.rx;
  }
  return sum;
}

/** The same totals, with nothing moving. */
export function atRest<T extends Usage>(usage: T): T {
  return { ...usage, rates: standingStill() };
}
