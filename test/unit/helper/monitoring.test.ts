// What the engine's samples say, when they come, and what they leave out.
import { describe, expect, it, vi } from 'vitest';
import { datagramState, FlowFlag } from '../../../helper/src/kernel';
import { readStartTicks } from '../../../helper/src/processes';
import { marksOf } from '../../../src/shared/estimate';
import { ErrorCode, limits } from '../../../src/shared/protocol';
import { kernelError } from './fake-kernel';
import { refusal } from './refusal';
import {
  after,
  engine,
  errors,
  events,
  kernel,
  nowNanos,
  open,
  pid,
  replaceEngine,
  samples,
  send,
  start,
  useScriptedEngine,
} from './scripted-engine';

useScriptedEngine();

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
    let ready = true;
    replaceEngine({ readyForSample: () => ready });
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
    replaceEngine({ maximumFlowsPerSample: 4 });
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

  it.each([
    ['eth0', {}],
    ['lo', { wireEstimate: true }],
  ])('marks the sums of %s alike, those of no other', (name, marks) => {
    send(open({ interfaceIndex: 1, flags: FlowFlag.WireEstimate }), 1);
    send(open({ interfaceIndex: 2 }), 20);
    start({ interfaces: [name] });
    const { total, processes } = after(1);
    expect([total, ...processes].map(marksOf)).toEqual([marks, marks]);
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
