// Samples as the helper sends them, with figures that a test names.
import type { FlowSample, MonitorSample, ProcessSample, Usage } from '../../../src/shared/protocol';
import { emptyUsage } from '../../../src/shared/usage';

export function usage(tx: number, rx: number, rate = 0): Usage {
  return {
    wire: { txBytes: tx, rxBytes: rx, txPackets: 1, rxPackets: 1 },
    payload: { txBytes: tx, rxBytes: rx },
    rates: { wire: { tx: rate, rx: rate }, payload: { tx: rate, rx: rate } },
  };
}

export function processSample(pid: number, figures: Usage = emptyUsage()): ProcessSample {
  return {
    ...figures,
    pid,
    ppid: 1,
    startTicks: pid,
    name: `program-${pid}`,
    exe: '/program',
    command: 'program',
    uid: 1_000,
    user: 'ada',
    openFlows: 1,
    alive: true,
  };
}

export function flowSample(id: number, pid: number, state: FlowSample['state'] = 'established'): FlowSample {
  return {
    ...usage(10, 20, 5),
    id,
    pid,
    protocol: 'tcp',
    local: { address: '127.0.0.1', port: 40_000 + id },
    remote: { address: '127.0.0.1', port: 80 },
    interface: 'lo',
    state,
    openedAt: '2026-11-23T12:00:00.000Z',
    rttMicros: 10,
    retransmits: 0,
  };
}

export function sample(part: Partial<MonitorSample>): MonitorSample {
  return {
    monitor: 'a',
    sequence: 0,
    time: '2026-11-23T12:00:00.000Z',
    monotonicMicros: 0,
    total: emptyUsage(),
    processes: [],
    flows: [],
    removedFlows: [],
    facts: [],
    dropped: { events: 0, flows: 0, processes: 0, connections: 0, inspections: 0, facts: 0 },
    ...part,
  };
}
