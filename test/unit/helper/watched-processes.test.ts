// Following processes: real ones, so that `/proc` is the real one, with the events of a scripted kernel.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../../helper/src/access';
import { monotonicNanos } from '../../../helper/src/clock';
import type { ProcessEvent } from '../../../helper/src/kernel';
import { MonitorEngine } from '../../../helper/src/monitoring';
import {
  limits,
  type MonitorEvent,
  type MonitorSample,
  type ProcessSample,
} from '../../../src/shared/protocol';
import { type FakeFlow, FakeKernel } from './fake-kernel';

const self: Caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const someone: Caller = { uid: 54_321, gid: 54_321 };
const setUserIdProgram = '/usr/bin/su';
/** Ids that no process of this machine has: near the end of what the kernel gives out. */
const freePid = 4_190_000;

let kernel: FakeKernel;
let engine: MonitorEngine;
let events: MonitorEvent[];
let errors: Error[];
const children: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => {
  kernel = new FakeKernel();
  events = [];
  errors = [];
  engine = engineFor(self);
});

afterEach(async () => {
  engine.close();
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  expect(errors).toEqual([]);
});

function engineFor(caller: Caller): MonitorEngine {
  return new MonitorEngine({
    kernel,
    caller,
    onSample: () => {},
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
  });
}

/** Starts a program and waits for its first output. */
async function start(
  command: string,
  ...args: string[]
): Promise<{ pid: number; child: ChildProcessWithoutNullStreams }> {
  const child = spawn(command, args);
  children.push(child);
  await once(child.stdout, 'data');
  return { pid: child.pid ?? 0, child };
}

async function end(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function send(pid: number, bytes: number): FakeFlow {
  return kernel.open({
    processId: pid,
    openedNanos: monotonicNanos(),
    wireTxBytes: bytes + 54,
    wireTxPackets: 1,
    payloadTxBytes: bytes,
  });
}

function happen(event: Record<string, unknown>): void {
  kernel.emit({ nanos: monotonicNanos(), ...event } as ProcessEvent);
}

function processOf(sample: MonitorSample, pid: number): ProcessSample | undefined {
  return sample.processes.find((process) => process.pid === pid);
}

const shell = ['/bin/sh', '-c', 'echo ready; read line'] as const;

describe('children', () => {
  it('that are there at the start are covered, with their past', async () => {
    const { pid } = await start('/bin/sh', '-c', '(echo ready; exec sleep 1000) & wait');
    const { monitor } = engine.start({ pid });
    const sample = engine.sampleNow(monitor);
    expect(sample.processes.length).toBe(2);
    const [, child] = sample.processes;
    expect(child).toMatchObject({ ppid: pid, alive: true });
    expect(kernel.watched.get(child?.pid ?? 0)).toBe(true);
    process.kill(child?.pid ?? 0, 'SIGKILL');
  });

  it('are left alone when they are not wanted', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid, children: false });
    expect(kernel.watched).toEqual(new Map([[pid, false]]));
    happen({ type: 'fork', processId: pid, childId: freePid });
    expect(engine.sampleNow(monitor).processes.length).toBe(1);
    expect(events).toMatchObject([{ kind: 'fork', pid, childPid: freePid }]);
    expect(kernel.watched.has(freePid)).toBe(false);
  });

  it('that live too short to be looked at are told with what they sent', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid });
    engine.sampleNow(monitor);
    happen({ type: 'fork', processId: pid, childId: freePid });
    happen({ type: 'exec', processId: freePid });
    kernel.open({
      processId: freePid,
      processName: 'curl',
      openedNanos: monotonicNanos(),
      payloadTxBytes: 42,
      wireTxBytes: 96,
      wireTxPackets: 1,
    });
    happen({ type: 'exit', processId: freePid, status: 7 });
    const sample = engine.sampleNow(monitor);
    expect(processOf(sample, freePid)).toMatchObject({
      name: 'curl',
      ppid: pid,
      alive: false,
      payload: { txBytes: 42 },
    });
    expect(sample.total.payload.txBytes).toBe(42);
    expect(events.map(({ kind }) => kind)).toEqual(['fork', 'exec', 'exit']);
    expect(events.at(-1)).toMatchObject({ pid: freePid, exitStatus: 7 });
  });

  it('keep what they sent before their fork was heard of', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid });
    const forked = monotonicNanos();
    send(freePid, 5);
    engine.sampleNow(monitor);
    happen({ type: 'fork', nanos: forked, processId: pid, childId: freePid });
    expect(engine.sampleNow(monitor).total.payload.txBytes).toBe(5);
  });

  it('found before their fork was heard of, and gone by then, are one process', async () => {
    const { pid } = await start('/bin/sh', '-c', '(echo ready; exec sleep 1000) & wait');
    const { monitor } = engine.start({ pid });
    const [, found] = engine.sampleNow(monitor).processes;
    const childId = found?.pid ?? 0;
    const nanos = monotonicNanos() - 1e9;
    send(childId, 300);
    process.kill(childId, 'SIGKILL');
    while (existsSync(`/proc/${String(childId)}`)) await new Promise((done) => setImmediate(done));
    happen({ type: 'fork', processId: pid, childId, nanos });
    happen({ type: 'exit', processId: childId, status: 137 });
    const sample = engine.sampleNow(monitor);
    expect(sample.processes.filter((candidate) => candidate.pid === childId)).toHaveLength(1);
    expect(processOf(sample, childId)).toMatchObject({ alive: false, payload: { txBytes: 300 } });
  });

  it('of children are followed too', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid });
    happen({ type: 'fork', processId: pid, childId: freePid });
    happen({ type: 'fork', processId: freePid, childId: freePid + 1 });
    expect(engine.sampleNow(monitor).processes.map((process) => process.pid)).toEqual([
      pid,
      freePid,
      freePid + 1,
    ]);
  });

  it('can be wanted later, and no more', async () => {
    const { pid } = await start('/bin/sh', '-c', '(echo ready; exec sleep 1000) & wait');
    const { monitor } = engine.start({ pid, children: false });
    expect(engine.sampleNow(monitor).processes.length).toBe(1);
    engine.update({ monitor, children: true });
    const [, child] = engine.sampleNow(monitor).processes;
    expect(child?.ppid).toBe(pid);
    const flow = send(child?.pid ?? 0, 3);
    expect(engine.sampleNow(monitor).total.payload.txBytes).toBe(3);
    engine.update({ monitor, children: false });
    const sample = engine.sampleNow(monitor);
    expect(sample).toMatchObject({ total: { payload: { txBytes: 0 } }, removedFlows: [1] });
    expect(sample.processes.length).toBe(1);
    expect(kernel.watched).toEqual(new Map([[pid, false]]));
    expect(flow.payloadTxBytes).toBe(3);
    process.kill(child?.pid ?? 0, 'SIGKILL');
  });

  it('make room for each other within the limit, and the total keeps what they sent', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid });
    for (let child = 0; child < limits.processes.default + 10; child += 1) {
      happen({ type: 'fork', processId: pid, childId: freePid + child });
      if (child < 3) {
        send(freePid + child, 100);
        engine.sampleNow(monitor);
      }
      happen({ type: 'exit', processId: freePid + child, status: 0 });
    }
    const sample = engine.sampleNow(monitor);
    expect(sample.processes.length).toBe(limits.processes.default);
    expect(sample.total.payload.txBytes).toBe(300);
    expect(sample.dropped.processes).toBe(0);
  });

  it('beyond the limit are counted as dropped when all others live', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid });
    for (let child = 0; child < limits.processes.default + 4; child += 1) {
      happen({ type: 'fork', processId: pid, childId: freePid + child });
    }
    const sample = engine.sampleNow(monitor);
    expect(sample.processes.length).toBe(limits.processes.default);
    expect(sample.dropped.processes).toBe(5);
    expect(kernel.watched.size).toBe(limits.processes.default);
  });

  it('are as many as the client wants at most', async () => {
    const { pid } = await start(...shell);
    const { monitor } = engine.start({ pid, maximumProcesses: 2 });
    for (let child = 0; child < 3; child += 1) {
      happen({ type: 'fork', processId: pid, childId: freePid + child });
    }
    expect(kernel.watched.size).toBe(2);
    expect(engine.sampleNow(monitor).dropped.processes).toBe(2);
    engine.update({ monitor, maximumProcesses: 4 });
    happen({ type: 'fork', processId: pid, childId: freePid + 3 });
    expect(kernel.watched.size).toBe(3);
  });
});

describe('a process', () => {
  it('that ends is told as ended, and keeps its counters', async () => {
    const { pid, child } = await start(...shell);
    const { monitor } = engine.start({ pid });
    send(pid, 10);
    await end(child);
    happen({ type: 'exit', processId: pid, status: 137 });
    expect(processOf(engine.sampleNow(monitor), pid)).toMatchObject({
      alive: false,
      payload: { txBytes: 10 },
    });
    expect(events).toMatchObject([{ kind: 'exit', pid, exitStatus: 137 }]);
    expect(kernel.watched.size).toBe(0);
  });

  it('that executes something is told under its new name', async () => {
    const { pid, child } = await start('/bin/sh', '-c', 'echo ready; read line; exec cat');
    const { monitor } = engine.start({ pid });
    expect(engine.sampleNow(monitor).processes[0]?.name).toBe('sh');
    child.stdin.write('go\nanswer\n');
    await once(child.stdout, 'data');
    happen({ type: 'exec', processId: pid });
    expect(events).toMatchObject([{ kind: 'exec', pid, name: 'cat' }]);
    expect(engine.sampleNow(monitor).processes[0]).toMatchObject({ name: 'cat', command: 'cat' });
  });

  it.runIf(self.uid === 0 && existsSync(setUserIdProgram))(
    'that executes a set-user-id program is out of sight, and what it sent before stays',
    async () => {
      engine.close();
      engine = engineFor(someone);
      const { pid, child } = await start(
        'setpriv',
        '--reuid=54321',
        '--regid=54321',
        '--clear-groups',
        '/bin/sh',
        '-c',
        `echo ready; read line; exec ${setUserIdProgram} root`,
      );
      const { monitor } = engine.start({ pid });
      const flow = send(pid, 10);
      expect(engine.sampleNow(monitor).flows.length).toBe(1);
      child.stdin.write('go\n');
      await once(child.stderr, 'data'); // it asks for a password
      happen({ type: 'exec', processId: pid });
      flow.payloadTxBytes += 1_000;
      flow.lastNanos = monotonicNanos();
      const sample = engine.sampleNow(monitor);
      expect(sample).toMatchObject({
        processes: [{ name: 'sh', alive: false, openFlows: 0, payload: { txBytes: 10 } }],
        flows: [],
        removedFlows: [1],
      });
      happen({ type: 'fork', processId: pid, childId: freePid });
      expect(events).toEqual([]);
      expect(kernel.watched.size).toBe(0);
    },
  );
});

describe('without events', () => {
  it('ends and children are found in /proc', async () => {
    kernel.processEvents = false;
    const { pid, child } = await start(
      '/bin/sh',
      '-c',
      'echo ready; read line; sleep 1000 & echo forked; wait',
    );
    const { monitor } = engine.start({ pid });
    expect(engine.sampleNow(monitor).processes.length).toBe(1);
    child.stdin.write('go\n');
    await once(child.stdout, 'data');
    const [, sleeper] = engine.sampleNow(monitor).processes;
    expect(sleeper).toMatchObject({ ppid: pid, alive: true });
    process.kill(sleeper?.pid ?? 0, 'SIGKILL');
    await once(child, 'exit');
    expect(engine.sampleNow(monitor).processes.map(({ alive }) => alive)).toEqual([false, false]);
    expect(events.map(({ kind }) => kind)).toEqual(['fork', 'exit', 'exit']);
  });

  it('that were lost, /proc is looked at instead', async () => {
    const { pid, child } = await start(
      '/bin/sh',
      '-c',
      'echo ready; read line; sleep 1000 & echo forked; wait',
    );
    const { monitor } = engine.start({ pid });
    engine.sampleNow(monitor);
    child.stdin.write('go\n');
    await once(child.stdout, 'data');
    expect(engine.sampleNow(monitor).processes.length).toBe(1);
    kernel.emit({ type: 'processEventsLost' });
    const [, sleeper] = engine.sampleNow(monitor).processes;
    expect(sleeper?.ppid).toBe(pid);
    process.kill(sleeper?.pid ?? 0, 'SIGKILL');
  });
});

describe('a process that is missing in /proc', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['hrtime'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Watches a process that ends, and looks for it 20 s after, when it is found to be missing. */
  async function missing(): Promise<{ monitor: string; pid: number; endedNanos: number }> {
    const { pid, child } = await start(...shell);
    const { monitor } = engine.start({ pid });
    engine.sampleNow(monitor);
    await end(child);
    const endedNanos = monotonicNanos();
    vi.advanceTimersByTime(20_000);
    expect(processOf(engine.sampleNow(monitor), pid)?.alive).toBe(true);
    return { monitor, pid, endedNanos };
  }

  it('has ended once the event that says so is overdue', async () => {
    const { monitor, pid } = await missing();
    vi.advanceTimersByTime(400);
    expect(processOf(engine.sampleNow(monitor), pid)?.alive).toBe(true);
    vi.advanceTimersByTime(200);
    expect(processOf(engine.sampleNow(monitor), pid)?.alive).toBe(false);
    expect(events).toMatchObject([{ kind: 'exit', pid }]);
  });

  it('has not ended while what happened before is still being told', async () => {
    const { monitor, pid, endedNanos } = await missing();
    for (let late = 0; late < 5; late++) {
      vi.advanceTimersByTime(1_000);
      kernel.emit({ type: 'exec', nanos: endedNanos - 1e6, processId: pid });
      expect(processOf(engine.sampleNow(monitor), pid)?.alive).toBe(true);
    }
    kernel.emit({ type: 'exit', nanos: endedNanos, processId: pid, status: 137 });
    expect(events.at(-1)).toMatchObject({ kind: 'exit', pid, exitStatus: 137 });
  });

  it('has ended when others are told of that happened since, and it is not', async () => {
    const { monitor, pid } = await missing();
    vi.advanceTimersByTime(1_000);
    kernel.emit({ type: 'exec', nanos: monotonicNanos(), processId: pid });
    expect(processOf(engine.sampleNow(monitor), pid)?.alive).toBe(false);
  });
});

describe('children whose parent does not ask for their exit status', () => {
  const forking = ['/bin/sh', '-c', 'echo ready; read line; echo $$ & exec sleep 1000'] as const;

  async function endUnnoticed(child: ChildProcessWithoutNullStreams, pid: number): Promise<number> {
    child.stdin.write('go\n');
    await once(child.stdout, 'data');
    const childrenFile = `/proc/${String(pid)}/task/${String(pid)}/children`;
    const isZombie = (id: string) => readFileSync(`/proc/${id}/stat`, 'latin1').includes(' Z ');
    await expect
      .poll(() => readFileSync(childrenFile, 'latin1').trim().split(' ').filter(isZombie))
      .toHaveLength(1);
    return Number(readFileSync(childrenFile, 'latin1'));
  }

  it('are told of once', async () => {
    const { pid, child } = await start(...forking);
    const { monitor } = engine.start({ pid });
    engine.sampleNow(monitor);
    const childId = await endUnnoticed(child, pid);
    happen({ type: 'fork', processId: pid, childId });
    happen({ type: 'exit', processId: childId, status: 0 });
    for (let sample = 0; sample < 2; sample++) {
      kernel.emit({ type: 'processEventsLost' });
      const { processes } = engine.sampleNow(monitor);
      expect(processes.filter((process) => process.pid === childId)).toHaveLength(1);
    }
    expect(events.map(({ kind }) => kind)).toEqual(['fork', 'exit']);
  });

  it('are found by it where their events were lost', async () => {
    const { pid, child } = await start(...forking);
    const { monitor } = engine.start({ pid });
    engine.sampleNow(monitor);
    const childId = await endUnnoticed(child, pid);
    kernel.emit({ type: 'processEventsLost' });
    expect(processOf(engine.sampleNow(monitor), childId)).toMatchObject({ ppid: pid });
  });
});

describe('sockets', () => {
  it('are taken into account at the start, of parents before their children', async () => {
    const { pid } = await start('/bin/sh', '-c', '(echo ready; exec sleep 1000) & wait');
    const { monitor } = engine.start({ pid });
    const [, child] = engine.sampleNow(monitor).processes;
    expect(kernel.adopted).toEqual([pid, child?.pid]);
    engine.sampleNow(monitor);
    expect(kernel.adopted.length).toBe(2);
    process.kill(child?.pid ?? 0, 'SIGKILL');
  });

  it('that may not be looked at are spoken of once, and not tried again', async () => {
    const { pid } = await start(...shell);
    kernel.adoptionErrors.set(pid, 'EPERM');
    engine.start({ pid });
    engine.start({ pid, children: false });
    const [error, ...more] = errors.splice(0);
    expect(error?.message).toContain(String(pid));
    expect(more).toEqual([]);
  });
});

describe('two monitors on one process', () => {
  it('both get its events and counters, and one stopping leaves the other alone', async () => {
    const { pid } = await start(...shell);
    const first = engine.start({ pid }).monitor;
    const second = engine.start({ pid, children: false }).monitor;
    expect(kernel.watched.get(pid)).toBe(true);
    engine.stop({ monitor: first });
    expect(kernel.watched.get(pid)).toBe(false);
    send(pid, 6);
    expect(engine.sampleNow(second).total.payload.txBytes).toBe(6);
    happen({ type: 'exit', processId: pid, status: 0 });
    expect(events.map(({ monitor }) => monitor)).toEqual([second]);
  });
});
