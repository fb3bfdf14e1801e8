// What the engine does where there is more than fits: the pool of flows, events, connections, processes.
import { describe, expect, it, vi } from 'vitest';
import { FlowFlag, type SocketEvent } from '../../../helper/src/kernel';
import {
  after,
  engine,
  events,
  kernel,
  nowNanos,
  open,
  pid,
  send,
  start,
  useScriptedEngine,
} from './scripted-engine';

useScriptedEngine();

describe('the pool', () => {
  it('is kept clean when nobody watches', () => {
    for (let round = 0; round < 20; round += 1) {
      open({ flags: FlowFlag.Closed, processId: 1 });
      vi.advanceTimersByTime(1_000);
    }
    expect(kernel.slots.size).toBeLessThan(8);
  });

  it('is tidied more often when it fills up', () => {
    kernel.counts.flowCapacity = 8;
    for (let count = 0; count < 6; count += 1) open();
    vi.advanceTimersByTime(1_100);
    const before = kernel.readFlowsCalls;
    vi.advanceTimersByTime(1_000);
    expect(kernel.readFlowsCalls - before).toBe(5);
  });

  it('is left alone once the engine is closed', () => {
    engine.close();
    vi.advanceTimersByTime(5_000);
    expect(kernel.readFlowsCalls).toBe(0);
  });
});

describe('what was dropped', () => {
  it('is in every sample, and lost events are an event', () => {
    const monitor = start();
    after(1);
    kernel.counts.droppedEvents = 3;
    kernel.counts.droppedFlows = 2;
    expect(after(1_000).dropped).toMatchObject({ events: 3, flows: 2, processes: 0 });
    expect(events).toEqual([expect.objectContaining({ monitor, kind: 'dropped', pid, count: 3 })]);
    after(1_000);
    expect(events.length).toBe(1);
  });
});

describe('everything', () => {
  it('is found by its traffic, with what it moved since the monitor began', () => {
    send(open(), 1_000);
    engine.startAll({});
    expect(after(1).processes).toMatchObject([{ pid, payload: { txBytes: 1_000 } }]);
    expect(kernel.watched.has(pid)).toBe(true);
    const flow = open();
    send(flow, 50);
    // Gone before anybody could look at it. Root is told nevertheless.
    const gone = kernel.open({
      ...{ processId: 4_194_300, processName: 'curl', userId: 1_234, openedNanos: nowNanos() },
    });
    send(gone, 70);
    const sample = after(1_000);
    const isRoot = process.getuid?.() === 0;
    expect(sample.processes.map((each) => [each.pid, each.name, each.alive])).toEqual([
      [pid, expect.any(String), true],
      ...(isRoot ? [[4_194_300, 'curl', false]] : []),
    ]);
    // Neither shares a socket with the other, and what was there before is not of this monitor.
    expect(sample.total.rates.payload.tx).toBeGreaterThan(0);
    expect(sample.processes.at(-1)).toMatchObject(
      isRoot ? { uid: 1_234, payload: { txBytes: 70 } } : { payload: { txBytes: 1_050 } },
    );
  });

  it('is within the limit of processes, and each beyond it is counted once', () => {
    engine.startAll({ maximumProcesses: 1 });
    open();
    kernel.open({ processId: 1, processName: 'init', openedNanos: nowNanos() });
    after(1);
    const { processes, dropped } = after(30_000);
    expect(processes.length).toBe(1);
    expect(dropped.processes).toBe(process.getuid?.() === 0 ? 1 : 0);
  });
});

const opened: SocketEvent = {
  type: 'opened',
  nanos: 0,
  socketCookie: 1,
  processId: pid,
  protocol: 6,
  localAddress: '127.0.0.1',
  localPort: 1,
  remoteAddress: '',
  remotePort: 0,
  outgoing: false,
  reason: 0,
  durationNanos: 0,
};

describe('limits', () => {
  it('of connections: those beyond count on the process, are counted once, and come in as there is room', () => {
    const monitor = start({ maximumConnections: 2 });
    after(1);
    const flows = [open(), open(), open()];
    for (const flow of flows) send(flow, 100);
    const sample = after(1_000);
    expect(sample.flows.map(({ id }) => id)).toEqual([1, 2]);
    expect(sample.processes[0]).toMatchObject({ payload: { txBytes: 300 }, openFlows: 3 });
    expect(sample.total.payload.txBytes).toBe(300);
    expect(sample.dropped.connections).toBe(1);
    for (const flow of flows) send(flow, 100);
    expect(after(1_000).dropped).toMatchObject({ connections: 1, flows: 0 });

    const [first, , third] = flows;
    if (first === undefined || third === undefined) throw new Error('There are three flows.');
    kernel.slots.delete(first.slot);
    vi.advanceTimersByTime(5_000);
    send(third, 100);
    const [found] = after(1_000).flows.filter(({ id }) => id === 3);
    // What it had before it was told of is no rate.
    expect(found).toMatchObject({ payload: { txBytes: 300 }, rates: { payload: { tx: 0 } } });
    expect(engine.sampleNow(monitor).dropped.connections).toBe(1);
  });

  it('of connections: a smaller one takes the newest back, a larger one tells of all again', () => {
    const monitor = start();
    for (const flow of [open(), open(), open()]) send(flow, 100);
    expect(after(1).flows.length).toBe(3);
    engine.update({ monitor, maximumConnections: 1 });
    expect(after(1_000)).toMatchObject({ removedFlows: [2, 3], dropped: { connections: 2 } });
    engine.update({ monitor, maximumConnections: 10 });
    expect(after(1_000).flows.map(({ id }) => id)).toEqual(expect.arrayContaining([2, 3]));
  });

  it('of events: those beyond are counted, and told of as such', () => {
    const monitor = start({ eventsPerSecond: 1 });
    after(1);
    for (let count = 0; count < 10; count += 1) kernel.emit({ ...opened, nanos: nowNanos() });
    const told = events.filter(({ kind }) => kind === 'opened');
    expect(told.length).toBe(4);
    expect(after(1_000).dropped.events).toBe(6);
    expect(events.at(-1)).toMatchObject({ monitor, kind: 'dropped', count: 6 });
    engine.update({ monitor, eventsPerSecond: 100 });
    events.length = 0;
    for (let count = 0; count < 10; count += 1) kernel.emit({ ...opened, nanos: nowNanos() });
    expect(events.length).toBe(10);
  });
});
