// The engine with a scripted kernel: what its samples say, when they come, and what they leave out. The process that is
// watched is this one, so that `/proc` needs no stand-in.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError } from '../../../helper/src/errors';
import { datagramState, FlowFlag, type SocketEvent } from '../../../helper/src/kernel';
import { MonitorEngine, type MonitorEngineOptions } from '../../../helper/src/monitoring';
import { readStartTicks } from '../../../helper/src/processes';
import {
  ErrorCode,
  limits,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartParams,
} from '../../../src/shared/protocol';
import { type FakeFlow, FakeKernel, kernelError } from './fake-kernel';

const pid = process.pid;

let kernel: FakeKernel;
let engine: MonitorEngine;
let samples: MonitorSample[];
let events: MonitorEvent[];
let errors: Error[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime', 'Date'], now: 1_700_000_000_000 });
  vi.advanceTimersByTime(10_000);
  kernel = new FakeKernel();
  samples = [];
  events = [];
  errors = [];
  engine = engineWith({});
});

afterEach(() => {
  engine.close();
  expect(errors).toEqual([]);
  vi.useRealTimers();
});

function engineWith(options: Partial<MonitorEngineOptions>): MonitorEngine {
  return new MonitorEngine({
    kernel,
    caller: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    onSample: (sample) => samples.push(sample),
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...options,
  });
}

function nowNanos(): number {
  return Number(process.hrtime.bigint());
}

function open(flow: Partial<FakeFlow> = {}): FakeFlow {
  return kernel.open({ processId: pid, openedNanos: nowNanos(), ...flow });
}

function send(flow: FakeFlow, bytes: number): void {
  flow.wireTxBytes += bytes + 54;
  flow.wireTxPackets += 1;
  flow.payloadTxBytes += bytes;
  flow.lastNanos = nowNanos();
}

function start(params: Partial<MonitorStartParams> = {}): string {
  const { monitor } = engine.start({ pid, children: false, ...params });
  return monitor;
}

/** Lets time pass and returns the last sample of it. */
function after(millis: number): MonitorSample {
  vi.advanceTimersByTime(millis);
  const sample = samples.at(-1);
  if (sample === undefined) throw new Error('There is no sample.');
  return sample;
}

function refusal(action: () => unknown): RequestError {
  try {
    action();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('samples', () => {
  it('begin after the call has returned, with everything there is and no rates', () => {
    send(open(), 100);
    const monitor = start();
    expect(samples).toEqual([]);
    expect(after(1)).toMatchObject({
      monitor,
      sequence: 0,
      total: { payload: { txBytes: 100 }, rates: { wire: { tx: 0 }, payload: { tx: 0 } } },
      processes: [
        { pid, startTicks: readStartTicks(pid), openFlows: 1, alive: true, wire: { txBytes: 154 } },
      ],
      flows: [
        { id: 1, pid, protocol: 'tcp', interface: 'lo', state: 'established', payload: { txBytes: 100 } },
      ],
      removedFlows: [],
    });
  });

  it('come in even intervals, numbered without gaps', () => {
    start({ intervalMillis: 250 });
    vi.advanceTimersByTime(1_001);
    expect(samples.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4]);
    const times = samples.map(({ monotonicMicros }) => monotonicMicros);
    expect(times.slice(2).map((time, index) => time - (times[index + 1] ?? 0))).toEqual([
      250_000, 250_000, 250_000,
    ]);
  });

  it('hold only flows that changed', () => {
    const busy = open();
    open();
    start();
    expect(after(1).flows.length).toBe(2);
    expect(after(1_000).flows).toEqual([]);
    send(busy, 1_000);
    expect(after(1_000).flows).toMatchObject([{ id: 1, payload: { txBytes: 1_000 } }]);
  });

  it('tell of a flow again while its rate falls, and no longer', () => {
    const flow = open();
    start({ windowMillis: 2_000 });
    after(1);
    send(flow, 2_000);
    const rates = [1, 2, 3, 4, 5].map(() => after(1_000).flows[0]?.rates.payload.tx);
    expect(rates).toEqual([expect.closeTo(2_000, -1), 1_000, 0, undefined, undefined]);
  });

  it('have rates that add up, from processes to the total', () => {
    const flows = [open(), open({ interfaceIndex: 2 }), open({ state: datagramState })];
    start({ windowMillis: 3_000 });
    after(1);
    for (let tick = 1; tick <= 6; tick += 1) {
      flows.forEach((flow, index) => send(flow, 1_000 * (index + 1)));
      const { total, processes, flows: told } = after(1_000);
      const sum = told.reduce((all, { rates }) => all + rates.payload.tx, 0);
      expect(Math.abs(total.rates.payload.tx - sum)).toBeLessThanOrEqual(2);
      expect(processes[0]?.rates).toEqual(total.rates);
    }
    expect(after(1_000).total.payload.txBytes).toBe(36_000);
  });

  it('count a flow that came and went between two of them, and tell of it once', () => {
    start();
    after(1);
    const flow = open();
    send(flow, 500);
    flow.flags |= FlowFlag.Closed;
    expect(after(1_000).flows).toMatchObject([{ state: 'closed', payload: { txBytes: 500 } }]);
    expect(samples.at(-1)?.processes[0]?.openFlows).toBe(0);
    vi.advanceTimersByTime(5_000);
    expect(samples.flatMap(({ removedFlows }) => removedFlows)).toEqual([1]);
    expect(samples.at(-1)?.total.payload.txBytes).toBe(500);
    expect(kernel.slots.size).toBe(0);
  });

  it('take an id back in a later sample than the last word on it', () => {
    const flow = open();
    start();
    after(1);
    flow.flags |= FlowFlag.Closed;
    vi.advanceTimersByTime(6_000);
    const last = samples.findLastIndex(({ flows }) => flows.some(({ id }) => id === 1));
    const removed = samples.findIndex(({ removedFlows }) => removedFlows.includes(1));
    expect(samples[last]?.flows[0]).toMatchObject({ state: 'closed', rates: { wire: { tx: 0 } } });
    expect(removed).toBe(last + 1);
  });

  it('show what a process sent before anyone watched, also over flows that are gone', () => {
    const flow = open();
    send(flow, 700);
    flow.flags |= FlowFlag.Closed;
    vi.advanceTimersByTime(10_000);
    expect(kernel.slots.size).toBe(0);
    start();
    expect(after(1)).toMatchObject({ total: { payload: { txBytes: 700 } }, flows: [] });
  });

  it('are skipped while they cannot be taken, and lose nothing by it', () => {
    engine.close();
    let ready = true;
    engine = engineWith({ readyForSample: () => ready });
    const flow = open();
    start();
    after(1);
    ready = false;
    send(flow, 10);
    const brief = open();
    send(brief, 5);
    vi.advanceTimersByTime(1_000);
    brief.flags |= FlowFlag.Closed;
    vi.advanceTimersByTime(5_000);
    expect(samples.length).toBe(1);
    ready = true;
    const sample = after(1_000);
    expect(sample).toMatchObject({ sequence: 1, total: { payload: { txBytes: 15 } } });
    expect(sample.flows.map(({ payload }) => payload.txBytes).sort()).toEqual([10, 5]);
  });

  it('are several where one would hold too many flows', () => {
    engine.close();
    engine = engineWith({ maximumFlowsPerSample: 4 });
    for (let count = 0; count < 10; count += 1) open({ remotePort: count });
    start();
    vi.advanceTimersByTime(1);
    expect(samples.map(({ sequence, flows }) => [sequence, flows.length])).toEqual([
      [0, 4],
      [1, 4],
      [2, 2],
    ]);
    expect(new Set(samples.map(({ monotonicMicros }) => monotonicMicros)).size).toBe(1);
  });

  it('can be asked for', () => {
    const flow = open();
    const monitor = start();
    after(1);
    send(flow, 9);
    expect(engine.sampleNow(monitor)).toMatchObject({ sequence: 1, total: { payload: { txBytes: 9 } } });
    expect(samples.length).toBe(1);
    expect(after(1_000).sequence).toBe(2);
  });

  it('give addresses as people write them', () => {
    open({ localAddress: '::ffff:10.0.0.1', remoteAddress: '::ffff:10.0.0.2', remotePort: 443 });
    open({ remoteAddress: '', remotePort: 0, state: 12 });
    start();
    expect(after(1).flows).toMatchObject([
      { local: { address: '10.0.0.1' }, remote: { address: '10.0.0.2', port: 443 } },
      { state: 'listening' },
    ]);
    expect(samples[0]?.flows[1]).not.toHaveProperty('remote');
  });

  it('name interfaces, also of other network namespaces', () => {
    open({ interfaceIndex: 2 });
    open({ interfaceIndex: 2, flags: FlowFlag.Foreign });
    start();
    expect(after(1).flows.map((flow) => flow.interface)).toEqual(['eth0', 'netns:2']);
  });

  it('go on when a read fails', () => {
    start();
    after(1);
    const readFlows = kernel.readFlows.bind(kernel);
    kernel.readFlows = () => {
      throw kernelError('EIO', 'readFlows');
    };
    vi.advanceTimersByTime(1_000);
    kernel.readFlows = readFlows;
    expect(errors.splice(0).length).toBeGreaterThan(0);
    expect(after(1_000).sequence).toBe(1);
  });
});

describe('the filter by interface', () => {
  it('leaves out what passed others, in flows, processes and total', () => {
    send(open({ interfaceIndex: 1 }), 1);
    send(open({ interfaceIndex: 2 }), 20);
    start({ interfaces: ['eth0'] });
    expect(after(1)).toMatchObject({
      total: { payload: { txBytes: 20 } },
      processes: [{ payload: { txBytes: 20 }, openFlows: 1 }],
      flows: [{ interface: 'eth0' }],
    });
  });

  it('refuses names that no interface has, and names those there are', () => {
    const { code, message, remedy } = refusal(() => start({ interfaces: ['lo', 'wan\u001b'] }));
    expect(code).toBe(ErrorCode.NoSuchInterface);
    expect(message).toContain('"wan\ufffd"');
    expect(remedy).toContain('lo, eth0');
    vi.advanceTimersByTime(1_000);
    expect(samples).toEqual([]);
  });

  it('covers an interface that comes back under another index', () => {
    start({ interfaces: ['eth0'] });
    after(1);
    kernel.emit({ type: 'unlink', index: 2, name: 'eth0' });
    kernel.emit({ type: 'link', index: 7, name: 'eth0', up: true });
    expect(kernel.attached).toEqual(new Set([1, 7]));
    send(open({ interfaceIndex: 7 }), 3);
    expect(after(1_000).total.payload.txBytes).toBe(3);
  });

  it('can be changed: flows that it leaves out are taken back, rates begin anew', () => {
    const lo = open({ interfaceIndex: 1 });
    const eth = open({ interfaceIndex: 2 });
    const monitor = start();
    after(1);
    send(lo, 1_000);
    send(eth, 50);
    after(1_000);
    engine.update({ monitor, interfaces: ['eth0'] });
    expect(after(1_000)).toMatchObject({
      total: { payload: { txBytes: 50 }, rates: { payload: { tx: 0 } } },
      flows: [{ interface: 'eth0', payload: { txBytes: 50 } }],
      removedFlows: [1],
    });
    engine.update({ monitor, interfaces: [] });
    const sample = after(1_000);
    expect(sample.total.payload.txBytes).toBe(1_050);
    expect(sample.flows.map(({ id }) => id).sort()).toEqual([1, 2]);
    expect(sample.removedFlows).toEqual([]);
  });
});

describe('monitors', () => {
  it('run beside each other, each in its own interval, on one read', () => {
    const slow = start({ intervalMillis: 1_000 });
    const fast = start({ intervalMillis: 500 });
    vi.advanceTimersByTime(2_010);
    const count = (monitor: string) => samples.filter((sample) => sample.monitor === monitor).length;
    expect([count(slow), count(fast)]).toEqual([3, 5]);
    expect(kernel.readFlowsCalls).toBeLessThanOrEqual(6);
  });

  it('can have their interval changed', () => {
    const monitor = start();
    after(1);
    engine.update({ monitor, intervalMillis: 100 });
    vi.advanceTimersByTime(1_005);
    expect(samples.length).toBe(11);
  });

  it('say nothing more once stopped', () => {
    const monitor = start();
    after(1);
    engine.stop({ monitor });
    vi.advanceTimersByTime(5_000);
    kernel.emit({ type: 'exit', nanos: nowNanos(), processId: pid, status: 0 });
    expect(samples.length).toBe(1);
    expect(events).toEqual([]);
    expect(kernel.watched.size).toBe(0);
    for (const action of [
      () => engine.stop({ monitor }),
      () => engine.update({ monitor }),
      () => engine.sampleNow(monitor),
    ]) {
      expect(refusal(action)).toMatchObject({ code: ErrorCode.NoSuchMonitor });
    }
  });

  it('are limited in number', () => {
    for (let count = 0; count < limits.monitors; count += 1) start();
    expect(refusal(() => start())).toMatchObject({ code: ErrorCode.LimitReached });
    engine.stop({ monitor: 'm1' });
    expect(start()).not.toBe('m1');
  });

  it('refuse the process that now has the id of the one that was meant', () => {
    expect(refusal(() => start({ startTicks: 1 })).code).toBe(ErrorCode.NoSuchProcess);
    expect(kernel.watched.size).toBe(0);
  });
});

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

describe('time', () => {
  it.each([
    ['back', -3_600_000],
    ['forward, or the machine asleep meanwhile', 3_600_000],
  ])('that is set %s is told as it is, and no rate is computed from it', (_, step) => {
    start({ windowMillis: 1_000 });
    const flow = open();
    after(1);
    const before: MonitorSample[] = [];
    for (let second = 0; second < 5; second += 1) {
      send(flow, 1_000);
      before.push(after(1_000));
      if (second === 2) vi.setSystemTime(Date.now() + step);
    }
    for (const sample of before.slice(1)) {
      expect(sample.total.rates.payload.tx).toBeCloseTo(1_000, -1);
      expect(sample.flows[0]?.rates.payload.tx).toBeCloseTo(1_000, -1);
    }
    const passed = (one: number, other: number): number =>
      Date.parse(before[other]?.time ?? '') - Date.parse(before[one]?.time ?? '');
    expect(passed(1, 2)).toBe(1_000);
    expect(passed(2, 3)).toBe(1_000 + step);
    const micros = before.map(({ monotonicMicros }) => monotonicMicros);
    expect((micros[3] ?? 0) - (micros[2] ?? 0)).toBe(1_000_000);
  });

  it('follows the wall clock when it is set, and leaves rates alone', () => {
    const flow = open();
    start();
    after(1);
    send(flow, 1_000);
    after(1_000);
    vi.setSystemTime(Date.now() + 3_600_000);
    send(flow, 1_000);
    const sample = after(1_000);
    expect(Math.abs(Date.parse(sample.time) - Date.now())).toBeLessThanOrEqual(1);
    expect(sample.total.rates.payload.tx).toBe(1_000);
    expect(Date.parse(sample.flows[0]?.openedAt ?? '')).toBeLessThan(Date.now() - 3_500_000);
  });

  it('of a socket event is that at which it happened', () => {
    start();
    const happened = Date.now() - 250;
    kernel.emit({
      type: 'established',
      nanos: nowNanos() - 250e6,
      socketCookie: 1,
      processId: pid,
      protocol: 6,
      localAddress: '::1',
      localPort: 1,
      remoteAddress: '::2',
      remotePort: 2,
      outgoing: true,
      reason: 0,
      durationNanos: 1_500_000,
    });
    expect(events).toEqual([
      {
        monitor: 'm1',
        time: new Date(happened).toISOString(),
        kind: 'established',
        pid,
        protocol: 'tcp',
        local: { address: '::1', port: 1 },
        remote: { address: '::2', port: 2 },
        direction: 'outgoing',
        durationMicros: 1_500,
      },
    ]);
  });
});
