import { describe, expect, test } from 'vitest';
import {
  defaultSessionLimits,
  maximumEvents,
  maximumMarks,
  MonitoredSession,
} from '../../../src/extension/watched-session';
import type { FlowSample } from '../../../src/shared/protocol';
import { flowSample, processSample, sample, usage } from './samples';

function session(): MonitoredSession {
  return new MonitoredSession({ id: 's', label: 'shop', origin: 'debug', debugType: 'node', startedAt: 0 });
}

describe('figures', () => {
  test('are those of the newest sample', () => {
    const watched = session();
    watched.applySample(
      sample({ total: usage(1, 2), processes: [processSample(7)], flows: [flowSample(1, 7)] }),
    );
    watched.applySample(sample({ total: usage(5, 6), processes: [processSample(7)] }));
    expect(watched.total.wire).toMatchObject({ txBytes: 5, rxBytes: 6 });
    expect([...watched.processes.keys()]).toEqual([7]);
    // A flow that is not in the second sample has not changed.
    expect(watched.flows.get(1)).toEqual(flowSample(1, 7));
  });

  test('of two monitors add up, and a flow that both report is one', () => {
    const watched = session();
    watched.applySample(sample({ monitor: 'a', total: usage(10, 0, 3), flows: [flowSample(1, 7)] }));
    watched.applySample(sample({ monitor: 'b', total: usage(5, 0, 4), flows: [flowSample(1, 7)] }));
    expect(watched.total.wire.txBytes).toBe(15);
    expect(watched.total.rates.wire.tx).toBe(7);
    expect(watched.flows.size).toBe(1);
  });

  test('of a monitor that was covered by another go, of one that ended stay', () => {
    const watched = session();
    watched.applySample(sample({ monitor: 'a', total: usage(10, 0, 3) }));
    watched.applySample(sample({ monitor: 'b', total: usage(5, 0, 4) }));
    watched.removeMonitor('b', true);
    expect(watched.total.wire.txBytes).toBe(10);
    watched.removeMonitor('a', false);
    expect(watched.total.wire.txBytes).toBe(10);
    expect(watched.total.rates.wire.tx).toBe(0);
  });
});

describe('when a helper takes the place of one that has gone', () => {
  test('what was counted stays, and the next figures are added to it', () => {
    const watched = session();
    const first = { total: usage(10, 4, 3), processes: [processSample(7, usage(10, 4, 3))] };
    watched.applySample(sample({ monitor: 'm1', ...first, flows: [flowSample(1, 7)] }));
    watched.interrupt();
    expect(watched.total).toMatchObject({ wire: { txBytes: 10 }, rates: { wire: { tx: 0 } } });
    expect(watched.processes.get(7)).toMatchObject({ wire: { txBytes: 10 }, alive: true });
    expect(watched.flows.get(1)?.state).toBe('closed');

    const second = { total: usage(2, 1, 5), processes: [processSample(7, usage(2, 1, 5))] };
    watched.applySample(sample({ monitor: 'm1', ...second, flows: [flowSample(2, 7)] }));
    expect(watched.total).toMatchObject({ wire: { txBytes: 12, rxBytes: 5 }, rates: { wire: { tx: 5 } } });
    expect(watched.processes.get(7)).toMatchObject({ wire: { txBytes: 12 }, rates: { wire: { tx: 5 } } });
    expect([...watched.flows.keys()]).toEqual([1, 2]);

    watched.interrupt();
    watched.applySample(
      sample({ monitor: 'm1', total: usage(1, 0), processes: [processSample(7, usage(1, 0))] }),
    );
    expect(watched.processes.get(7)?.wire.txBytes).toBe(13);
    expect(watched.total.wire.txBytes).toBe(13);
  });

  test('a later process of the same id begins at zero', () => {
    const watched = session();
    watched.applySample(sample({ processes: [processSample(7, usage(10, 4))] }));
    watched.interrupt();
    const later = { ...processSample(7, usage(1, 1)), startTicks: 99_999 };
    watched.applySample(sample({ processes: [later] }));
    expect(watched.processes.get(7)?.wire.txBytes).toBe(1);
  });
});

test('an ended session keeps its figures, and nothing moves any more', () => {
  const watched = session();
  const total = usage(100, 200, 9);
  watched.applySample(sample({ total, processes: [processSample(7, total)], flows: [flowSample(1, 7)] }));
  watched.end();
  expect(watched.total).toEqual(usage(100, 200, 0));
  expect(watched.processes.get(7)).toMatchObject({ alive: false, openFlows: 0, wire: total.wire });
  expect(watched.flows.get(1)).toMatchObject({ state: 'closed', rates: { wire: { tx: 0, rx: 0 } } });
  expect(watched.history).toHaveLength(1);
});

describe('bounds', () => {
  test('closed flows: the newest stay, open ones all stay', () => {
    const watched = session();
    const { closedConnections: maximumClosed } = defaultSessionLimits;
    const ids = Array.from({ length: maximumClosed + 10 }, (_, index) => index + 1);
    watched.applySample(sample({ flows: [flowSample(0, 7), ...ids.map((id) => flowSample(id, 7))] }));
    expect(watched.flows.size).toBe(maximumClosed + 11);
    watched.applySample(sample({ removedFlows: ids }));
    expect(watched.flows.size).toBe(maximumClosed + 1);
    expect(watched.flows.get(0)?.state).toBe('established');
    expect(watched.flows.has(10)).toBe(false);
    expect(watched.flows.get(11)?.state).toBe('closed');
    expect(watched.forgottenConnections).toBe(10);
  });

  test('as they are set: no closed flow is kept, and what they moved stays in the log', () => {
    const watched = new MonitoredSession(
      { id: 's', label: 'shop', origin: 'debug', debugType: 'node', startedAt: 0 },
      { closedConnections: 0, historyRecords: 1_000 },
    );
    watched.applySample(sample({ time: new Date(0).toISOString(), total: usage(0, 0) }));
    const moved = { ...flowSample(1, 7), openedAt: new Date(500).toISOString(), ...usage(10, 20) };
    watched.applySample(
      sample({
        time: new Date(1_000).toISOString(),
        total: usage(10, 20),
        flows: [moved],
        removedFlows: [1],
      }),
    );
    expect(watched.flows.size).toBe(0);
    expect(watched.forgottenConnections).toBe(1);
    expect([...watched.flowLog.sum({ fromMillis: 0, toMillis: 2_000 }).flows.values()]).toEqual([
      { tx: 10, rx: 20 },
    ]);
  });

  test('events and marks', () => {
    const watched = session();
    for (let index = 0; index < maximumEvents + 5; index += 1) {
      watched.applyEvent({ monitor: 'a', time: '', kind: 'fork', pid: index });
    }
    expect(watched.events).toHaveLength(maximumEvents);
    expect(watched.events[0]?.pid).toBe(5);
    for (let index = 0; index < maximumMarks + 5; index += 1) {
      watched.applyEvent({ monitor: 'a', time: '2026-11-23T12:00:00Z', kind: 'exit', pid: index });
    }
    expect(watched.marks).toHaveLength(maximumMarks);
    expect(watched.marks[0]?.detail).toEqual(['5', '']);
  });
});

test('each moment is one point of history, however many monitors there are', () => {
  const watched = session();
  for (const [index, monitor] of ['a', 'b', 'a', 'b'].entries()) {
    const time = new Date(Math.floor(index / 2) * 1_000).toISOString();
    watched.applySample(sample({ monitor, time, total: usage(0, 0, 1) }));
  }
  expect(watched.history).toHaveLength(2);
  expect(watched.history[1]?.tx).toBe(2);
});

describe('the clock is set', () => {
  const hour = 3_600_000;
  /** A sample each second, of which the clock says something else from the third on. */
  function historyWith(step: number): number[] {
    const watched = session();
    for (let second = 0; second < 6; second += 1) {
      const time = new Date(10 * hour + second * 1_000 + (second < 3 ? 0 : step)).toISOString();
      watched.applySample(
        sample({ monitor: 'a', time, monotonicMicros: second * 1e6, total: usage(second * 10, 0) }),
      );
    }
    const { history } = watched;
    expect(history.map(({ txBytes }) => txBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(50);
    return history.map(({ timeMillis }) => timeMillis - 10 * hour);
  }

  test('back: time goes on as it passed', () => {
    expect(historyWith(-hour)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
  });

  test('forward, as after the computer has slept: there is a gap', () => {
    expect(historyWith(hour)).toEqual([0, 1_000, 2_000, hour + 3_000, hour + 4_000, hour + 5_000]);
  });
});

test('losses are counts since the helper started, not sums over monitors', () => {
  const watched = session();
  const dropped = { events: 3, flows: 1, processes: 0, connections: 0, inspections: 5, facts: 0 };
  watched.applySample(sample({ monitor: 'a', dropped }));
  watched.applySample(sample({ monitor: 'b', dropped: { ...dropped, events: 4, facts: 2 } }));
  expect(watched.dropped).toEqual({
    events: 4,
    flows: 1,
    processes: 0,
    connections: 0,
    inspections: 5,
    facts: 2,
  });
});

describe('what each connection carried', () => {
  const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();
  const flow = (id: number, tx: number, openedAt: string): FlowSample => ({
    ...flowSample(id, 7),
    ...usage(tx, 0),
    openedAt,
  });
  const sums = (watched: MonitoredSession, from: number, to: number): unknown =>
    Object.fromEntries(watched.flowLog.sum({ fromMillis: from * 1_000, toMillis: to * 1_000 }).flows);

  test('adds up by time, and leaves out what was before the session', () => {
    const watched = new MonitoredSession({
      id: 's',
      label: 'shop',
      origin: 'process',
      debugType: '',
      startedAt: 10_000,
    });
    const [old, young] = [at(1), at(10.5)];
    watched.applySample(
      sample({ time: at(11), total: usage(1_005, 0), flows: [flow(1, 1_000, old), flow(2, 5, young)] }),
    );
    watched.applySample(
      sample({ time: at(12), total: usage(1_035, 0), flows: [flow(1, 1_010, old), flow(2, 25, young)] }),
    );
    watched.applySample(sample({ time: at(13), total: usage(1_035, 0) }));
    expect(sums(watched, 10, 13)).toEqual({ 1: { tx: 10, rx: 0 }, 2: { tx: 25, rx: 0 } });
    expect(sums(watched, 11, 12)).toEqual({ 1: { tx: 10, rx: 0 }, 2: { tx: 20, rx: 0 } });
    expect(sums(watched, 12, 13)).toEqual({});
    expect(watched.history.map(({ txBytes }) => txBytes)).toEqual([5, 30, 0]);
  });
});
