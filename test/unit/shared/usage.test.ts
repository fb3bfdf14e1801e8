// What several have moved and move comes to the sum of each figure.
import { expect, test } from 'vitest';
import { addUsages, emptyUsage } from '../../../src/shared/usage';
import { usage } from '../extension/samples';

test('usages add up ledger by ledger', () => {
  expect(addUsages([usage(1, 2, 3), usage(10, 20, 30)])).toEqual({
    wire: { txBytes: 11, rxBytes: 22, txPackets: 2, rxPackets: 2 },
    payload: { txBytes: 11, rxBytes: 22 },
    rates: { wire: { tx: 33, rx: 33 }, payload: { tx: 33, rx: 33 } },
  });
  expect(addUsages([])).toEqual(emptyUsage());
});
