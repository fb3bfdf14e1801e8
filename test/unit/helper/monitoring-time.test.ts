// What the engine takes for the time: of samples, of events, and while the wall clock is set.
import { describe, expect, it, vi } from 'vitest';
import type { MonitorSample } from '../../../src/shared/protocol';
import {
  after,
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
