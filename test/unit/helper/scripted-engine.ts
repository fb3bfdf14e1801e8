// The engine on a scripted kernel and a clock that the test moves. The process that is watched is this one, so that
// `/proc` needs no stand-in.
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { MonitorEngine, type MonitorEngineOptions } from '../../../helper/src/monitoring';
import type { MonitorEvent, MonitorSample, MonitorStartParams } from '../../../src/shared/protocol';
import { type FakeFlow, FakeKernel } from './fake-kernel';

export const pid = process.pid;

// Each test has its own.
export let kernel: FakeKernel;
export let engine: MonitorEngine;
export let samples: MonitorSample[];
export let events: MonitorEvent[];
/** What the engine could not do. A test that makes it fail takes its errors out: others would fail by them. */
export let errors: Error[];

/** Gives each test of the file a kernel without flows, an engine on it, and stands the clock still. */
export function useScriptedEngine(): void {
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
}

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

/** Puts an engine with these options in the place of the one that is there. */
export function replaceEngine(options: Partial<MonitorEngineOptions>): void {
  engine.close();
  engine = engineWith(options);
}

export function nowNanos(): number {
  return Number(process.hrtime.bigint());
}

export function open(flow: Partial<FakeFlow> = {}): FakeFlow {
  return kernel.open({ processId: pid, openedNanos: nowNanos(), ...flow });
}

/** Sends so many bytes of payload in one packet. */
export function send(flow: FakeFlow, bytes: number): void {
  flow.wireTxBytes += bytes + 54;
  flow.wireTxPackets += 1;
  flow.payloadTxBytes += bytes;
  flow.lastNanos = nowNanos();
}

/** Starts a monitor of this process and returns its name. */
export function start(params: Partial<MonitorStartParams> = {}): string {
  const { monitor } = engine.start({ pid, children: false, ...params });
  return monitor;
}

/** Lets time pass and returns the last sample of it. */
export function after(millis: number): MonitorSample {
  vi.advanceTimersByTime(millis);
  const sample = samples.at(-1);
  if (sample === undefined) throw new Error('There is no sample.');
  return sample;
}
