// Samples as the engine hands them out, made short to write.
import type {
  FlowSample,
  MonitorSample,
  PayloadCounters,
  ProcessSample,
  WireCounters,
} from '../../../src/shared/protocol';

const time = '2026-01-02T03:04:05.678Z';

export function wire(txBytes = 0, rxBytes = 0): WireCounters {
  return { txBytes, rxBytes, txPackets: Math.ceil(txBytes / 1500), rxPackets: Math.ceil(rxBytes / 1500) };
}

export function payload(txBytes = 0, rxBytes = 0): PayloadCounters {
  return { txBytes, rxBytes };
}

export function rates(tx = 0, rx = 0): FlowSample['rates'] {
  return { wire: { tx, rx }, payload: { tx, rx } };
}

export function flow(changes: Partial<FlowSample> & { id: number }): FlowSample {
  return {
    pid: 100,
    protocol: 'tcp',
    local: { address: '10.0.0.1', port: 40_000 },
    remote: { address: '192.0.2.1', port: 443 },
    interface: 'eth0',
    state: 'established',
    openedAt: time,
    rttMicros: 1_234,
    retransmits: 0,
    wire: wire(),
    payload: payload(),
    rates: rates(),
    ...changes,
  };
}

export function processSample(changes: Partial<ProcessSample> = {}): ProcessSample {
  return {
    pid: 100,
    ppid: 1,
    startTicks: 5_000,
    name: 'worker',
    exe: '/usr/bin/worker',
    command: 'worker --fast',
    uid: 1000,
    user: 'user',
    openFlows: 0,
    alive: true,
    wire: wire(),
    payload: payload(),
    rates: rates(),
    ...changes,
  };
}

export function sample(changes: Partial<MonitorSample> = {}): MonitorSample {
  return {
    monitor: 'm1',
    sequence: 0,
    time,
    monotonicMicros: 1_000_000,
    total: { wire: wire(), payload: payload(), rates: rates() },
    processes: [processSample()],
    flows: [],
    removedFlows: [],
    facts: [],
    dropped: { events: 0, flows: 0, processes: 0, connections: 0, inspections: 0, facts: 0 },
    ...changes,
  };
}
