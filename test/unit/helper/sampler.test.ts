import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MarkedCounters } from '../../../helper/src/counters';
import type { Flow } from '../../../helper/src/flow';
import { interfaceKey } from '../../../helper/src/interfaces';
import { datagramState, FlowFlag, FlowMark, TimeWait } from '../../../helper/src/kernel';
import { type AccountObserver, Ledger } from '../../../helper/src/ledger';
import { idleNanos, Sampler } from '../../../helper/src/sampler';
import { type FakeFlow, FakeKernel, noCounters } from './fake-kernel';

const second = 1e9;

/** Start times of the processes that live. */
let alive: Map<number, number>;
let kernel: FakeKernel;
let ledger: Ledger;
let sampler: Sampler;
let errors: Error[];
let now: number;

beforeEach(() => {
  alive = new Map([
    [10, 100],
    [20, 200],
  ]);
  kernel = new FakeKernel();
  ledger = new Ledger((pid) => alive.get(pid), 4);
  errors = [];
  sampler = new Sampler(kernel, ledger, (error) => errors.push(error));
  now = 1_000 * second;
});

function tick(): void {
  now += second;
  sampler.read(now);
}

function send(flow: FakeFlow, bytes: number): void {
  flow.wireTxBytes += bytes + 54;
  flow.wireTxPackets += 1;
  flow.payloadTxBytes += bytes;
  flow.lastNanos = now;
}

function sumOf(pid: number, filter?: (key: number) => boolean): MarkedCounters {
  const sum = new MarkedCounters();
  ledger.find(pid)?.sumInto(sum, filter);
  return sum;
}

/** Bits of `FlowMark`. */
function marksOf(pid: number, filter?: (key: number) => boolean): number {
  return sumOf(pid, filter).marks;
}

function observe(pid: number): { changed: Flow[]; left: Flow[] } {
  const seen: { changed: Flow[]; left: Flow[] } = { changed: [], left: [] };
  const observer: AccountObserver = {
    flowChanged: (flow) => seen.changed.push(flow),
    flowLeft: (flow) => seen.left.push(flow),
    factTold: () => {},
  };
  ledger.find(pid)?.observers.add(observer);
  return seen;
}

describe('Sampler', () => {
  it('sums what flows of a process carry, by interface too', () => {
    const a = kernel.open({ processId: 10, openedNanos: 1, interfaceIndex: 1 });
    const b = kernel.open({ processId: 10, openedNanos: 2, interfaceIndex: 2 });
    send(a, 100);
    send(b, 10);
    tick();
    send(a, 100);
    tick();
    expect(sumOf(10)).toMatchObject({ payloadTxBytes: 210, wireTxPackets: 3 });
    expect(sumOf(10, (key) => key === 2)).toMatchObject({ payloadTxBytes: 10, wireTxPackets: 1 });
  });

  it('marks the sums that an estimate is part of, and no others', () => {
    kernel.open({ processId: 10, openedNanos: 1, interfaceIndex: 1, flags: FlowFlag.WireEstimate });
    kernel.open({ processId: 10, openedNanos: 2, interfaceIndex: 2 });
    kernel.open({ processId: 20, openedNanos: 3, interfaceIndex: 1 });
    tick();
    expect(marksOf(10)).toBe(FlowMark.WireEstimate);
    expect(marksOf(10, (key) => key === 2)).toBe(0);
    expect(marksOf(20)).toBe(0);
  });

  it('takes back the byte of a FIN that was read as payload', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1 });
    flow.payloadRxBytes = 101;
    tick();
    expect(sumOf(10).payloadRxBytes).toBe(101);
    flow.payloadRxBytes = 100;
    tick();
    expect(sumOf(10).payloadRxBytes).toBe(100);
    expect([...(ledger.find(10)?.flows ?? [])].map(({ counters }) => counters.payloadRxBytes)).toEqual([100]);
  });

  it('tells observers of flows that changed, and of no others', () => {
    const a = kernel.open({ processId: 10, openedNanos: 1 });
    kernel.open({ processId: 10, openedNanos: 2 });
    tick();
    const seen = observe(10);
    tick();
    expect(seen.changed).toEqual([]);
    send(a, 5);
    tick();
    expect(seen.changed.map(({ counters }) => counters.payloadTxBytes)).toEqual([5]);
  });

  it('recycles the slot of a closed flow only after its final counters were read', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1 });
    tick();
    const seen = observe(10);
    send(flow, 7);
    flow.flags |= FlowFlag.Closed;
    now += 2e9;
    tick();
    expect(flow.flags & FlowFlag.Retired).not.toBe(0);
    expect(kernel.slots.size).toBe(1);
    // A packet that was on its way while the slot was being retired.
    send(flow, 3);
    tick();
    expect(kernel.slots.size).toBe(0);
    expect(sumOf(10).payloadTxBytes).toBe(10);
    expect(seen.changed.at(-1)).toMatchObject({ ended: true, state: 'closed' });
    expect(ledger.find(10)?.flows.size).toBe(0);
  });

  it('leaves a closed flow its slot for as long as it may still answer, while there is room', () => {
    const flow = kernel.open({ processId: 10, openedNanos: now, flags: FlowFlag.Closed });
    send(flow, 1);
    tick();
    expect(flow.flags & FlowFlag.Retired).toBe(0);
    const capacity = kernel.statistics().flowCapacity;
    for (let opened = 0; opened <= capacity / 2; opened += 1) {
      kernel.open({ processId: 11, openedNanos: now, socketCookie: 1_000 + opened });
    }
    sampler.read((now += 1e6));
    expect(flow.flags & FlowFlag.Retired).not.toBe(0);
  });

  it('looks once more at a connection that came to rest, when somebody watches it', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1 });
    tick();
    const seen = observe(10);
    send(flow, 100);
    tick();
    expect(kernel.settled).toEqual([]);
    // The last acknowledgement, for which no packet comes.
    kernel.onSettle = ({ slot }) => {
      kernel.onSettle = () => undefined;
      expect(slot).toBe(flow.slot);
      flow.payloadTxBytes += 7;
    };
    tick();
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(107);
    expect(seen.changed.at(-1)?.counters.payloadTxBytes).toBe(107);
    tick();
    tick();
    expect(kernel.settled).toEqual([flow.slot, flow.slot]);
  });

  it('looks at what moved a moment ago too, when the reading is to be complete', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1 });
    tick();
    observe(10);
    send(flow, 100);
    tick();
    kernel.onSettle = () => (flow.payloadTxBytes += 7);
    sampler.read((now += 1e6), true);
    expect(sumOf(10).payloadTxBytes).toBe(107);
  });

  it('looks at connections from before the helper at every reading', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1, flags: FlowFlag.Adopted });
    tick();
    observe(10);
    for (let read = 0; read < 3; read += 1) tick();
    expect(kernel.settled).toEqual([flow.slot, flow.slot, flow.slot]);
  });

  it('leaves listening sockets, datagrams and other network namespaces alone', () => {
    kernel.open({ processId: 10, openedNanos: 1, remoteAddress: '', remotePort: 0, state: 10 });
    kernel.open({ processId: 10, openedNanos: 1, state: datagramState });
    kernel.open({ processId: 10, openedNanos: 1, flags: FlowFlag.Foreign });
    tick();
    observe(10);
    for (let read = 0; read < 3; read += 1) tick();
    expect(kernel.settled).toEqual([]);
  });

  describe('a closed connection that the kernel keeps an entry for', () => {
    const timeWait = 6;
    function openClosed(kept: number) {
      tick();
      const flow = kernel.open({
        ...{ processId: 10, openedNanos: now, state: timeWait, timeWait: kept },
        ...{ flags: FlowFlag.Closed, closedNanos: now },
      });
      tick();
      return { flow, seen: observe(10) };
    }

    it('is in TIME_WAIT until the kernel lets go', () => {
      kernel.open({ processId: 10, openedNanos: 1 });
      const { flow, seen } = openClosed(TimeWait.Kept);
      for (let seconds = 0; seconds < 70; seconds += 2) sampler.read((now += 2e9));
      expect(flow.flags & FlowFlag.Retired).toBe(0);
      expect(kernel.settled.length).toBeGreaterThan(10);
      kernel.onSettle = () => Object.assign(flow, { timeWait: TimeWait.None, state: 7 });
      sampler.read((now += 2e9));
      sampler.read((now += 2e9));
      expect(seen.changed.at(-1)?.state).toBe('closed');
      sampler.read((now += 2e9));
      expect(kernel.slots.has(flow.slot)).toBe(false);
    });

    it('is in TIME_WAIT for a minute, where it cannot be looked up', () => {
      kernel.open({ processId: 10, openedNanos: 1 });
      const { flow, seen } = openClosed(TimeWait.Assumed);
      sampler.read((now += 50e9));
      expect(flow.flags & FlowFlag.Retired).toBe(0);
      for (let read = 0; read < 3; read += 1) sampler.read((now += 10e9));
      expect(kernel.slots.has(flow.slot)).toBe(false);
      expect(seen.changed.at(-1)?.state).toBe('closed');
    });

    it('gives its slot up when others need the room', () => {
      const { flow } = openClosed(TimeWait.Kept);
      for (let opened = 0; opened <= kernel.counts.flowCapacity / 4; opened += 1)
        kernel.open({ processId: 11, openedNanos: now, socketCookie: 1_000 + opened });
      sampler.read((now += 3e9));
      expect(flow.flags & FlowFlag.Retired).not.toBe(0);
    });
  });

  it('does not recycle within the grace period, however often it reads', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1, flags: FlowFlag.Closed });
    for (let read = 0; read < 5; read += 1) sampler.read((now += 1e6));
    expect(kernel.slots.get(flow.slot)).toBe(flow);
    sampler.read((now += 100e6));
    expect(kernel.slots.size).toBe(0);
  });

  it('shows several slots of one socket, remote and interface as one flow', () => {
    const first = kernel.open({ processId: 10, openedNanos: 1, socketCookie: 5 });
    send(first, 100);
    tick();
    const seen = observe(10);
    first.flags |= FlowFlag.Retired;
    const second_ = kernel.open({ processId: 10, openedNanos: 2, socketCookie: 5 });
    send(second_, 20);
    tick();
    const ids = new Set(seen.changed.map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect(seen.changed.at(-1)?.counters.payloadTxBytes).toBe(120);
    expect(ledger.find(10)?.flows.size).toBe(1);
  });

  it('takes a slot with another opening time for another flow', () => {
    const first = kernel.open({ processId: 10, openedNanos: 1, slot: 3 });
    send(first, 100);
    tick();
    const seen = observe(10);
    kernel.slots.delete(3);
    send(kernel.open({ processId: 10, openedNanos: 2, slot: 3 }), 1);
    tick();
    expect(new Set(seen.changed.map(({ id }) => id)).size).toBe(2);
    expect(sumOf(10).payloadTxBytes).toBe(101);
  });

  it('forgets flows whose slots vanished', () => {
    kernel.open({ processId: 10, openedNanos: 1, slot: 0 });
    kernel.open({ processId: 10, openedNanos: 2, slot: 1 });
    tick();
    const seen = observe(10);
    kernel.slots.delete(0);
    tick();
    expect(seen.changed.filter(({ ended }) => ended).length).toBe(1);
    expect(ledger.find(10)?.flows.size).toBe(1);
  });

  it('gives the slot of an idle datagram flow back, and of no idle connection', () => {
    now = 5_000 * second;
    const datagram = kernel.open({ processId: 10, openedNanos: now, state: datagramState });
    const connection = kernel.open({ processId: 10, openedNanos: now, state: 1 });
    tick();
    now += idleNanos;
    tick();
    tick();
    expect([...kernel.slots.values()]).toEqual([connection]);
    expect(datagram.flags & FlowFlag.Retired).not.toBe(0);
  });

  it('gives the slots of a dead process back once nothing passes any more', () => {
    now = 5_000 * second;
    kernel.open({ processId: 10, openedNanos: now, state: 4 });
    tick();
    alive.delete(10);
    tick();
    expect(kernel.slots.size).toBe(1);
    now += idleNanos;
    tick();
    tick();
    expect(kernel.slots.size).toBe(0);
  });

  it('looks once whether a process still lives, however many of its connections rest', () => {
    let looks = 0;
    ledger = new Ledger((pid) => {
      looks += 1;
      return alive.get(pid);
    });
    sampler = new Sampler(kernel, ledger, (error) => errors.push(error));
    for (let index = 0; index < 500; index += 1)
      kernel.open({ processId: 10, openedNanos: now, remotePort: index });
    tick();
    looks = 0;
    now += idleNanos;
    tick();
    expect(looks).toBe(1);
    expect(kernel.slots.size).toBe(500);
  });

  it('gives a flow with all that it has counted to the process that turns out to own it', () => {
    const flow = kernel.open({ processId: 10, openedNanos: 1 });
    send(flow, 100);
    tick();
    const former = observe(10);
    flow.processId = 20;
    send(flow, 11);
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(0);
    expect(sumOf(20).payloadTxBytes).toBe(111);
    expect(former.left.length).toBe(1);
    expect([...(ledger.find(20)?.flows ?? [])].map(({ counters }) => counters.payloadTxBytes)).toEqual([111]);
  });

  it('leaves a flow to each of the processes that had the socket one after the other', () => {
    const first = kernel.open({ processId: 10, openedNanos: 1, socketCookie: 5 });
    send(first, 100);
    tick();
    kernel.retireFlow(first.slot);
    const second = kernel.open({ processId: 20, openedNanos: 2, socketCookie: 5, flags: FlowFlag.Estimate });
    send(second, 11);
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(100);
    expect(sumOf(20).payloadTxBytes).toBe(11);
    expect(marksOf(10)).toBe(0);
    expect(marksOf(20)).toBe(FlowMark.Estimate);
  });

  it('takes from a flow in two slots only what the one slot has counted that is given away', () => {
    const one = kernel.open({ processId: 10, openedNanos: 1, socketCookie: 5 });
    const other = kernel.open({ processId: 10, openedNanos: 2, socketCookie: 5 });
    send(one, 100);
    send(other, 30);
    tick();
    other.processId = 20;
    send(other, 3);
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(100);
    expect(sumOf(20).payloadTxBytes).toBe(33);
  });

  it('takes a flow back that turns out to be one which the other process has already', () => {
    const first = kernel.open({ processId: 10, openedNanos: 1, socketCookie: 5 });
    send(first, 100);
    kernel.open({ processId: 20, openedNanos: 2, socketCookie: 5 });
    tick();
    const [twin] = ledger.find(10)?.flows ?? [];
    const former = observe(10);
    first.processId = 20;
    tick();
    expect(former.left).toEqual([twin]);
    expect(former.changed).toEqual([]);
    expect([...(ledger.find(20)?.flows ?? [])].map(({ counters }) => counters.payloadTxBytes)).toEqual([100]);
    expect(sumOf(10).payloadTxBytes).toBe(0);
    expect(sumOf(20).payloadTxBytes).toBe(100);
  });

  it('adds what found the pool full to the process, and to the interface that it passed', () => {
    const overflow = { ...noCounters, processId: 10, foreign: false, flags: 0 };
    send(kernel.open({ processId: 10, openedNanos: 1 }), 5);
    kernel.overflow = [
      { ...overflow, interfaceIndex: 2, wireTxBytes: 100, wireTxPackets: 1, payloadTxBytes: 40 },
      {
        ...{ ...overflow, interfaceIndex: 3, wireTxBytes: 50, wireTxPackets: 1, payloadTxBytes: 20 },
        flags: FlowMark.WireEstimate,
      },
    ];
    kernel.counts.overflowUpdates = 1;
    tick();
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(65);
    expect(sumOf(10, (key) => key === interfaceKey(3, false)).payloadTxBytes).toBe(20);
    expect([2, 3].map((index) => marksOf(10, (key) => key === index))).toEqual([0, FlowMark.WireEstimate]);
    kernel.overflow = [
      { ...overflow, interfaceIndex: 2, wireTxBytes: 200, wireTxPackets: 2, payloadTxBytes: 90 },
      { ...overflow, interfaceIndex: 3, wireTxBytes: 50, wireTxPackets: 1, payloadTxBytes: 20 },
    ];
    kernel.counts.overflowUpdates = 2;
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(115);
    // A FIN that was taken for payload a moment ago.
    kernel.overflow = [
      { ...overflow, interfaceIndex: 2, wireTxBytes: 200, wireTxPackets: 2, payloadTxBytes: 89 },
    ];
    kernel.counts.overflowUpdates = 3;
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(114);
  });

  it('reads pools of any size', () => {
    for (let index = 0; index < 1_000; index += 1) {
      send(kernel.open({ processId: 10, openedNanos: index + 1, remotePort: index }), 1);
    }
    tick();
    expect(sumOf(10).payloadTxBytes).toBe(1_000);
    expect(ledger.find(10)?.flows.size).toBe(1_000);
  });

  it('keeps counting when a slot cannot be given back, and says so once', () => {
    kernel.retireFlow = () => {
      throw new Error('EIO');
    };
    kernel.recycleFlow = kernel.retireFlow.bind(kernel);
    const flow = kernel.open({ processId: 10, openedNanos: 1, flags: FlowFlag.Closed });
    for (let read = 0; read < 4; read += 1) {
      send(flow, 1);
      now += 2e9;
      tick();
    }
    expect(sumOf(10).payloadTxBytes).toBe(4);
    expect(errors.length).toBe(1);
  });

  it('loses nothing, whatever happens to the slots', () => {
    const step = fc.record({
      action: fc.constantFrom('open', 'send', 'close', 'pass', 'tick', 'reopen'),
      which: fc.nat(20),
      bytes: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        kernel = new FakeKernel();
        ledger = new Ledger(() => 1);
        sampler = new Sampler(kernel, ledger, (error) => errors.push(error));
        let sent = 0;
        for (const { action, which, bytes } of steps) {
          const flows = [...kernel.slots.values()];
          const flow = flows[which % Math.max(1, flows.length)];
          now += 1e6;
          if (action === 'open') kernel.open({ processId: 1 + (which % 3), openedNanos: now });
          if (action === 'tick') tick();
          if (flow === undefined) continue;
          if (action === 'send') {
            send(flow, bytes);
            sent += bytes;
          }
          if (action === 'close') flow.flags |= FlowFlag.Closed;
          if (action === 'pass') flow.processId = 1 + (which % 3);
          if (action === 'reopen') {
            const { processId, socketCookie } = flow;
            kernel.open({ processId, openedNanos: now, socketCookie });
          }
        }
        tick();
        const total = [1, 2, 3].reduce((sum, pid) => sum + sumOf(pid).payloadTxBytes, 0);
        expect(total).toBe(sent);
        for (const flow of ledger.find(1)?.flows ?? []) expect(flow.account.pid).toBe(1);
        expect(errors).toEqual([]);
      }),
    );
  });
});
