// What the summary is made of: every process and flow once, closed ones included, bounded.
import { describe, expect, it } from 'vitest';
import { outputLine } from '../../../helper/src/cli/json-lines';
import { Tally } from '../../../helper/src/cli/tally';
import { flow, payload, processSample, rates, sample, wire } from './samples';

describe('Tally', () => {
  it('keeps flows that were removed, as closed and still', () => {
    const tally = new Tally();
    tally.add(sample({ flows: [flow({ id: 1, wire: wire(10, 20), rates: rates(5, 5) })] }));
    tally.add(sample({ removedFlows: [1] }));
    const [entry] = tally.processes();
    expect(entry?.flows).toEqual([flow({ id: 1, wire: wire(10, 20), state: 'closed' })]);
  });

  it('takes the latest figures of a flow', () => {
    const tally = new Tally();
    tally.add(sample({ flows: [flow({ id: 1, wire: wire(10, 20) })] }));
    tally.add(sample({ flows: [flow({ id: 1, wire: wire(30, 40) })] }));
    expect(tally.processes()[0]?.flows).toEqual([flow({ id: 1, wire: wire(30, 40) })]);
  });

  it('shows once what two monitors cover', () => {
    const tally = new Tally();
    const processes = [processSample({ wire: wire(100, 7) })];
    for (const monitor of ['m1', 'm2']) tally.add(sample({ monitor, processes, flows: [flow({ id: 1 })] }));
    expect(tally.processes()).toHaveLength(1);
    expect(tally.wireTotal().bytes).toEqual({ tx: 100, rx: 7 });
  });

  it('tells a process from a later one with the same id, and the flows of each', () => {
    const tally = new Tally();
    const first = processSample({ name: 'first', startTicks: 1, alive: false });
    const second = processSample({ name: 'second', startTicks: 2 });
    tally.add(sample({ processes: [first], flows: [flow({ id: 1 })] }));
    tally.add(sample({ processes: [second, first], flows: [flow({ id: 2 })] }));
    expect(tally.processes().map(({ process, flows }) => [process.name, flows.map(({ id }) => id)])).toEqual([
      ['first', [1]],
      ['second', [2]],
    ]);
  });

  it('moves a flow whose socket was passed on to its new process', () => {
    const tally = new Tally();
    const processes = [processSample({ pid: 100 }), processSample({ pid: 200 })];
    tally.add(sample({ processes, flows: [flow({ id: 1, pid: 100 })] }));
    tally.add(sample({ processes, flows: [flow({ id: 1, pid: 200 })] }));
    expect(tally.processes().map(({ flows }) => flows.length)).toEqual([0, 1]);
  });

  it('counts the flows that find no room, each once', () => {
    const tally = new Tally(2);
    const flows = [1, 2, 3, 4].map((id) => flow({ id }));
    tally.add(sample({ flows }));
    tally.add(sample({ flows }));
    tally.add(sample({ removedFlows: [3] }));
    expect(tally.processes()[0]?.flows.map(({ id }) => id)).toEqual([1, 2]);
    expect(tally.summary().dropped.summaryFlows).toBe(2);
  });

  it('forgets processes that exited when there are too many, and keeps what they moved', () => {
    const tally = new Tally(10);
    const living = processSample({ pid: 1, startTicks: 1 });
    const wire = { txBytes: 3, rxBytes: 4, txPackets: 1, rxPackets: 1 };
    for (let pid = 2; pid <= 100; pid += 1) {
      const ended = processSample({ pid, startTicks: pid, alive: false, wire });
      tally.add(sample({ processes: [living, ended], flows: [flow({ id: pid, pid })], removedFlows: [pid] }));
    }
    const held = tally.processes();
    expect(held.length).toBeLessThanOrEqual(11);
    expect(held[0]?.process.pid).toBe(1);
    expect(held.at(-1)?.process.pid).toBe(100);
    expect(tally.omittedProcesses + held.length).toBe(100);
    expect(tally.wireTotal().bytes).toEqual({
      tx: living.wire.txBytes + 99 * wire.txBytes,
      rx: living.wire.rxBytes + 99 * wire.rxBytes,
    });
    const listed = held.reduce((count, { flows }) => count + flows.length, 0);
    expect(tally.omittedFlows + listed).toBe(99);
    expect(tally.summary().dropped.summaryProcesses).toBe(tally.omittedProcesses);
  });

  it('says whether a process is alive', () => {
    const tally = new Tally();
    tally.add(sample({ processes: [processSample({ pid: 1 }), processSample({ pid: 2, alive: false })] }));
    expect(tally.anyAlive).toBe(true);
    tally.add(sample({ processes: [processSample({ pid: 1, alive: false })] }));
    expect(tally.anyAlive).toBe(false);
  });

  it('writes a summary of the published shape', () => {
    const tally = new Tally();
    tally.add(
      sample({
        processes: [processSample({ wire: wire(1500, 3000), payload: payload(1400, 2800) })],
        flows: [
          flow({ id: 1, remote: { address: '2001:db8::1', port: 443 }, wire: wire(1500, 3000) }),
          flow({ id: 2, remote: undefined, local: { address: '::', port: 80 }, state: 'listening' } as never),
        ],
        dropped: { events: 1, flows: 2, processes: 3, connections: 6, inspections: 4, facts: 5 },
      }),
    );
    const summary = tally.summary();
    expect(outputLine.safeParse(JSON.parse(JSON.stringify(summary))).error).toBeUndefined();
    expect(summary).toEqual({
      type: 'summary',
      processes: [
        {
          pid: 100,
          ppid: 1,
          name: 'worker',
          exe: '/usr/bin/worker',
          wire: { txBytes: 1500, rxBytes: 3000, txPackets: 1, rxPackets: 2 },
          payload: { txBytes: 1400, rxBytes: 2800 },
          flows: [
            {
              protocol: 'tcp',
              local: '10.0.0.1:40000',
              remote: '[2001:db8::1]:443',
              interface: 'eth0',
              state: 'established',
              application: null,
              applicationLabel: null,
              certainty: null,
              host: null,
              hostSource: null,
              wire: { txBytes: 1500, rxBytes: 3000, txPackets: 1, rxPackets: 2 },
              payload: { txBytes: 0, rxBytes: 0 },
              rttMicros: 1234,
              retransmits: 0,
              requests: [],
              openedAt: '2026-01-02T03:04:05.678Z',
              closedAt: null,
              connectMicros: null,
              reason: null,
            },
            expect.objectContaining({ local: '[::]:80', remote: null, state: 'listening' }),
          ],
        },
      ],
      dropped: {
        events: 1,
        flows: 2,
        processes: 3,
        connections: 6,
        inspections: 4,
        facts: 5,
        summaryFlows: 0,
        summaryProcesses: 0,
      },
    });
  });
});
