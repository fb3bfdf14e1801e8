// Which process what was counted belongs to, when ids are used again, and which accounts are kept.
import { beforeEach, describe, expect, it } from 'vitest';
import { MarkedCounters } from '../../../helper/src/counters';
import { unknownUser } from '../../../helper/src/kernel';
import { Ledger } from '../../../helper/src/ledger';
import { Sampler } from '../../../helper/src/sampler';
import { FakeKernel } from './fake-kernel';

const now = 1_000e9;

/** Start times of the processes that live. */
let alive: Map<number, number>;
let kernel: FakeKernel;
let ledger: Ledger;
/** Opens accounts for the flows of the kernel. */
let sampler: Sampler;

beforeEach(() => {
  alive = new Map([[10, 100]]);
  kernel = new FakeKernel();
  ledger = new Ledger((pid) => alive.get(pid), 4);
  sampler = new Sampler(kernel, ledger, (error) => {
    throw error;
  });
});

const owner = (pid: number, name: string) => ({ pid, userId: unknownUser, name });

/** Payload in bytes. */
function sentBy(pid: number): number {
  const sum = new MarkedCounters();
  ledger.find(pid)?.sumInto(sum);
  return sum.payloadTxBytes;
}

describe('Ledger', () => {
  it('tells a process from an earlier one with the same id', () => {
    kernel.open({ processId: 10, openedNanos: 1, payloadTxBytes: 100 });
    sampler.read(now);
    alive.set(10, 999);
    kernel.open({ processId: 10, openedNanos: 2, payloadTxBytes: 1 });
    sampler.read(now + 1e9);
    expect(sentBy(10)).toBe(1);
    expect(ledger.ofProcess(10, 999, now)).toBe(ledger.find(10));
  });

  it('keeps what a short-lived child sent before its fork was heard of', () => {
    kernel.open({ processId: 30, openedNanos: 50, payloadTxBytes: 9 });
    sampler.read(now);
    expect(ledger.ofChild(30, undefined, 40)).toBe(ledger.find(30));
    expect(sentBy(30)).toBe(9);
  });

  it('begins anew for a child whose id was seen before the fork', () => {
    kernel.open({ processId: 30, openedNanos: 50, payloadTxBytes: 9 });
    sampler.read(now);
    ledger.ofChild(30, undefined, 60);
    expect(sentBy(30)).toBe(0);
  });

  it('knows a child again that was seen to use a connection from before its birth', () => {
    kernel.open({ processId: 30, openedNanos: 50, lastNanos: 70, payloadTxBytes: 9 });
    sampler.read(now);
    ledger.ofChild(30, undefined, 60);
    expect(sentBy(30)).toBe(9);
  });

  it('gives what is read only when the id is used again to the process that did it', () => {
    const first = ledger.ofChild(30, 300, 40);
    first.endedNanos = 60;
    const second = ledger.ofChild(30, 301, 100);
    alive.set(30, 301);
    kernel.open({ processId: 30, openedNanos: 50, lastNanos: 60, payloadTxBytes: 9 });
    kernel.open({ processId: 30, openedNanos: 55, lastNanos: 110, payloadTxBytes: 1 });
    sampler.read(now);
    expect([...first.flows].map(({ openedNanos }) => openedNanos)).toEqual([50]);
    expect([...second.flows].map(({ openedNanos }) => openedNanos)).toEqual([55]);
    expect(sentBy(30)).toBe(1);
  });

  it('attributes flows read after the exit to the process that ended, later ones to its successor', () => {
    const account = ledger.ofProcess(10, 100, now);
    alive.delete(10);
    account.endedNanos = 500;
    expect(ledger.ofOwner(owner(10, 'x'), 400, 1)).toBe(account);
    expect(ledger.ofOwner(owner(10, 'x'), 600, 2)).not.toBe(account);
  });

  it('forgets processes that ended, oldest first, and none that live', () => {
    for (let pid = 1_000; pid < 1_050; pid += 1) ledger.ofOwner(owner(pid, 'gone'), now, 1);
    ledger.ofOwner(owner(10, 'alive'), now, 1);
    ledger.prune();
    expect(ledger.find(1_000)).toBeUndefined();
    expect(ledger.find(1_049)).toBeDefined();
    expect(ledger.find(10)).toBeDefined();
    expect(ledger.size).toBe(5);
  });

  it('forgets no process that is observed', () => {
    const watched = ledger.ofOwner(owner(999, 'gone'), now, 1);
    watched.observers.add({ flowChanged: () => {}, flowLeft: () => {}, factTold: () => {} });
    for (let pid = 1_000; pid < 1_050; pid += 1) ledger.ofOwner(owner(pid, 'gone'), now, 1);
    ledger.prune();
    expect(ledger.find(999)).toBe(watched);
  });

  it('keeps what another user left under the id of a process away from it', () => {
    const [own, other] = [1_000, 1_001];
    ledger = new Ledger((pid) => alive.get(pid), 4, own);
    sampler = new Sampler(kernel, ledger, (error) => {
      throw error;
    });
    kernel.open({ processId: 10, userId: own, openedNanos: 1, payloadTxBytes: 1 });
    kernel.open({ processId: 10, userId: other, openedNanos: 2, payloadTxBytes: 10 });
    kernel.open({ processId: 10, userId: unknownUser, openedNanos: 3, payloadTxBytes: 100 });
    sampler.read(now);
    expect(sentBy(10)).toBe(101);
    expect(ledger.find(10)?.flows.size).toBe(2);
  });
});
