// Watched sessions for the panel's tests, with figures as the helper reports them.
import { MonitoredSession } from '../../../src/extension/watched-session';
import type { FlowSample, MonitorSample, ProcessSample, Usage } from '../../../src/shared/protocol';
import { emptyUsage } from '../../../src/shared/usage';

/** The moment at which every sample session begins, in Unix milliseconds. */
export const beginning = Date.UTC(2026, 10, 23, 12, 0, 0);

export function usage(tx: number, rx: number, rates = { tx: 0, rx: 0 }): Usage {
  return {
    wire: { txBytes: tx, rxBytes: rx, txPackets: Math.ceil(tx / 1448), rxPackets: Math.ceil(rx / 1448) },
    payload: { txBytes: Math.floor(tx * 0.95), rxBytes: Math.floor(rx * 0.95) },
    rates: { wire: rates, payload: rates },
  };
}

export function sampleFlow(id: number, changes: Partial<FlowSample> = {}): FlowSample {
  return {
    id,
    pid: 4242,
    protocol: 'tcp',
    local: { address: '192.0.2.10', port: 40_000 + (id % 20_000) },
    remote: { address: '198.51.100.7', port: 443 },
    interface: 'eth0',
    state: 'established',
    openedAt: new Date(beginning + id).toISOString(),
    rttMicros: 12_300,
    retransmits: 0,
    ...usage(1_000 * id, 2_000 * id, { tx: 10 * id, rx: 20 * id }),
    ...changes,
  };
}

export function sampleProcess(
  pid: number,
  name: string,
  changes: Partial<ProcessSample> = {},
): ProcessSample {
  return {
    pid,
    ppid: 1,
    startTicks: 100,
    name,
    exe: `/usr/bin/${name}`,
    command: name,
    uid: 1000,
    user: 'developer',
    openFlows: 1,
    alive: true,
    ...emptyUsage(),
    ...changes,
  };
}

export function sampleMessage(sequence: number, changes: Partial<MonitorSample> = {}): MonitorSample {
  return {
    monitor: 'monitor-1',
    sequence,
    time: new Date(beginning + sequence * 1_000).toISOString(),
    monotonicMicros: sequence * 1_000_000,
    total: emptyUsage(),
    processes: [sampleProcess(4242, 'node')],
    flows: [],
    removedFlows: [],
    facts: [],
    dropped: { events: 0, flows: 0, processes: 0, connections: 0, inspections: 0, facts: 0 },
    ...changes,
  };
}

/** A session in state `watching` without figures. */
export function sampleSession(id: string, label = 'app.js'): MonitoredSession {
  const session = new MonitoredSession({
    ...{ id, label, origin: 'debug', debugType: 'node', startedAt: beginning },
  });
  session.state = 'watching';
  return session;
}
