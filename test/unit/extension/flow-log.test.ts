import { describe, expect, test } from 'vitest';
import { FlowLog, defaultMaximumRecords, type Moved } from '../../../src/extension/history/flow-log';

const second = 1_000;

function append(log: FlowLog, at: number, moved: Record<number, Moved>): void {
  log.append(at * second, second, new Map(Object.entries(moved).map(([id, each]) => [Number(id), each])));
}

const everything = { fromMillis: -Infinity, toMillis: Infinity };
const totals = (log: FlowLog): Moved => {
  const sum = { tx: 0, rx: 0 };
  for (const { tx, rx } of log.sum(everything).flows.values()) {
    sum.tx += tx;
    sum.rx += rx;
  }
  return sum;
};

describe('the log', () => {
  test('tells what each connection moved in a range', () => {
    const log = new FlowLog();
    append(log, 1, { 7: { tx: 1, rx: 0 }, 3: { tx: 0, rx: 5 } });
    append(log, 2, { 7: { tx: 2, rx: 0 } });
    append(log, 5, { 7: { tx: 4, rx: 0 } });
    const { flows, covered } = log.sum({ fromMillis: 1_000, toMillis: 4_000 });
    expect([...flows]).toEqual([[7, { tx: 2, rx: 0 }]]);
    expect(covered).toEqual({ fromMillis: 1_000, toMillis: 4_000 });
    expect(log.seriesOf(7).map(({ timeMillis, tx }) => [timeMillis, tx])).toEqual([
      [1_000, 1],
      [2_000, 2],
      [5_000, 4],
    ]);
    expect(log.seriesOf(8)).toEqual([]);
  });

  test('covers whole stretches, and says which', () => {
    const log = new FlowLog();
    for (let index = 1; index <= 10; index += 1) append(log, index, { 1: { tx: 1, rx: 0 } });
    const { flows, covered } = log.sum({ fromMillis: 2_400, toMillis: 5_300 });
    expect(covered).toEqual({ fromMillis: 2_000, toMillis: 5_000 });
    expect(flows.get(1)).toEqual({ tx: 3, rx: 0 });
  });

  test('stays bounded with ten thousand connections that all move, and loses no byte of the last minutes', () => {
    const log = new FlowLog();
    const seconds = 120;
    const ids = Array.from({ length: 10_000 }, (_, index) => index + 1);
    const moved = new Map(ids.map((id) => [id, { tx: 1, rx: 2 }]));
    for (let index = 1; index <= seconds; index += 1) {
      log.append(index * second, second, moved);
      expect(log.size).toBeLessThanOrEqual(defaultMaximumRecords);
    }
    expect(totals(log)).toEqual({ tx: seconds * 10_000, rx: 2 * seconds * 10_000 });
    expect(log.seriesOf(5_000).at(-1)?.spanMillis).toBe(second);
    expect(log.isShortened).toBe(true);
  });

  test('is as short as it is told to be, and says so', () => {
    const log = new FlowLog(100);
    for (let index = 1; index <= 60; index += 1) {
      log.append(index * second, second, new Map([[index % 10, { tx: 1, rx: 2 }]]));
    }
    expect(log.isShortened).toBe(false);
    for (let index = 61; index <= 300; index += 1) {
      log.append(index * second, second, new Map([[index % 10, { tx: 1, rx: 2 }]]));
      expect(log.size).toBeLessThanOrEqual(100);
    }
    expect(log.isShortened).toBe(true);
    expect(totals(log)).toEqual({ tx: 300, rx: 600 });
  });

  test('puts connections that are forgotten together, by process, protocol and peer', () => {
    const log = new FlowLog();
    for (let index = 1; index <= 1_000; index += 1) {
      append(log, index, { [index]: { tx: 1, rx: 1 } });
      log.forget(index, { pid: 7, protocol: 'tcp', peer: `192.0.2.${String(index % 3)}` });
    }
    const { flows } = log.sum(everything);
    expect(flows.size).toBeLessThan(200);
    const groups = [...flows.keys()].filter((id) => id < 0);
    expect(groups.map((id) => log.identityOf(id)?.peer).sort()).toEqual([
      '192.0.2.0',
      '192.0.2.1',
      '192.0.2.2',
    ]);
    expect(totals(log)).toEqual({ tx: 1_000, rx: 1_000 });
  });

  test('takes records of a file in any order, twice, or cut short', () => {
    const log = new FlowLog();
    log.restore({ stretches: [[second, second, 9, 1, 2, 3, 10, 20, 9, 4, 8, 5, 1]], forgotten: [] });
    expect(Object.fromEntries(log.sum(everything).flows)).toEqual({
      3: { tx: 10, rx: 20 },
      9: { tx: 5, rx: 10 },
    });
    expect(log.seriesOf(9)).toEqual([{ timeMillis: second, spanMillis: second, tx: 5, rx: 10 }]);
    expect(log.size).toBe(2);
  });

  test('does not tell apart more forgotten peers than it has room for', () => {
    const log = new FlowLog();
    for (let index = 1; index <= 5_000; index += 1) {
      append(log, index, { [index]: { tx: 1, rx: 0 } });
      log.forget(index, { pid: 7, protocol: 'tcp', peer: `host-${String(index)}` });
    }
    const { flows } = log.sum(everything);
    expect(flows.size).toBeLessThan(1_300);
    expect(totals(log).tx).toBe(5_000);
  });

  test('adds groups up stretch by stretch', () => {
    const log = new FlowLog();
    append(log, 1, { 1: { tx: 1, rx: 0 }, 2: { tx: 2, rx: 0 }, 3: { tx: 4, rx: 0 } });
    append(log, 2, { 3: { tx: 8, rx: 0 } });
    const groups = log.grouped(-Infinity, (id) => (id < 3 ? 'small' : 'large'));
    expect(groups.map((stretch) => [...stretch.groups])).toEqual([
      [
        ['small', { tx: 3, rx: 0 }],
        ['large', { tx: 4, rx: 0 }],
      ],
      [['large', { tx: 8, rx: 0 }]],
    ]);
    expect(log.grouped(1_000, () => '')).toHaveLength(1);
  });
});
