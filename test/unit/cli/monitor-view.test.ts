// The tables: they fit every width, say the most important first, and let nothing odd through.
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { MonitorView } from '../../../helper/src/cli/monitor-view';
import { Tally } from '../../../helper/src/cli/tally';
import type { FlowFact, ProcessSample } from '../../../src/shared/protocol';
import { flow, payload, processSample, rates, sample, wire } from './samples';

function busyTally(): Tally {
  const tally = new Tally();
  tally.add(
    sample({
      processes: [
        processSample({
          name: 'quiet',
          pid: 7,
          openFlows: 1,
          wire: wire(2_000, 1_000),
        }),
        processSample({
          name: 'iperf3',
          openFlows: 2,
          wire: wire(123_456_789, 4_567_890),
          payload: payload(120_000_000, 4_400_000),
          rates: rates(12_345_678, 456_789),
        }),
      ],
      flows: [
        flow({ id: 1, pid: 7, protocol: 'udp', state: 'open', wire: wire(2_000, 1_000) }),
        flow({
          id: 2,
          wire: wire(123_400_000, 4_500_000),
          rates: rates(12_345_678, 456_789),
          retransmits: 3,
        }),
        flow({
          id: 3,
          local: { address: '2001:db8:1111:2222:3333:4444:5555:6666', port: 40_001 },
          remote: { address: '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff', port: 5_201 },
          state: 'fin-wait-1',
        }),
        flow({ id: 4, state: 'closed' }),
      ],
    }),
  );
  return tally;
}

const plain = { colours: false };
const unbounded = { columns: Infinity, rows: Infinity };

describe.each([20, 40, 80, 200])('at %d columns', (columns) => {
  const size = { columns, rows: Infinity };

  it('no line is wider than the window', () => {
    const view = new MonitorView(plain);
    const lines = [...view.live(busyTally(), 1_000, size), ...view.summary(busyTally(), 1_000, size)];
    expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([]);
  });

  it('colours change no character', () => {
    const coloured = new MonitorView({ colours: true }).live(busyTally(), 1_000, size);
    const bare = new MonitorView(plain).live(busyTally(), 1_000, size);
    expect(coloured.join('\n')).toContain('\u001b[');
    expect(coloured.map((line) => line.replace(/\u001b\[[\d;]*m/g, '').trimEnd())).toEqual(bare);
  });
});

describe('the live table', () => {
  it('shows processes and their open connections, busiest first', () => {
    const lines = new MonitorView(plain).live(busyTally(), 61_000, { columns: 200, rows: 50 });
    expect(lines).toMatchInlineSnapshot(`
      [
        "↑ 12.3 MB/s  ↓ 457 kB/s · total ↑ 123 MB  ↓ 4.57 MB · 2 processes · 1 min 01 s",
        "PROCESS / CONNECTION                             PROTOCOL             ↑ RATE     ↓ RATE   ↑ TOTAL   ↓ TOTAL    ↑ DATA    ↓ DATA  STATE        REASON                INTERFACE   CONNECT      RTT  RESENT",
        "iperf3 (100)                                                       12.3 MB/s   457 kB/s    123 MB   4.57 MB    120 MB   4.40 MB  2 open",
        "  tcp 10.0.0.1:40000 → 192.0.2.1:443                               12.3 MB/s   457 kB/s    123 MB   4.50 MB       0 B       0 B  established                        eth0              –  1.23 ms       3",
        "  → [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff…:5201                        0 B/s      0 B/s       0 B       0 B       0 B       0 B  fin-wait-1                         eth0              –  1.23 ms       0",
        "quiet (7)                                                              0 B/s      0 B/s   2.00 kB   1.00 kB       0 B       0 B  1 open",
        "  udp 10.0.0.1:40000 → 192.0.2.1:443                                   0 B/s      0 B/s   2.00 kB   1.00 kB       0 B       0 B  open                               eth0",
      ]
    `);
  });

  it('keeps the rates in a narrow window', () => {
    const lines = new MonitorView(plain).live(busyTally(), 61_000, { columns: 40, rows: 50 });
    expect(lines).toMatchInlineSnapshot(`
      [
        "↑ 12.3 MB/s  ↓ 457 kB/s",
        "PROCESS / CONNECT…     ↑ RATE     ↓ RATE",
        "iperf3 (100)        12.3 MB/s   457 kB/s",
        "  → 192.0.2.1:443   12.3 MB/s   457 kB/s",
        "  → [2001:db…:5201      0 B/s      0 B/s",
        "quiet (7)               0 B/s      0 B/s",
        "  → 192.0.2.1:443       0 B/s      0 B/s",
      ]
    `);
  });

  it('fills a usual window', () => {
    const lines = new MonitorView(plain).live(busyTally(), 61_000, { columns: 80, rows: 50 });
    expect(lines).toMatchInlineSnapshot(`
      [
        "↑ 12.3 MB/s  ↓ 457 kB/s · total ↑ 123 MB  ↓ 4.57 MB · 2 processes · 1 min 01 s",
        "PROCESS / CONNECTION          ↑ RATE     ↓ RATE   ↑ TOTAL   ↓ TOTAL  STATE",
        "iperf3 (100)               12.3 MB/s   457 kB/s    123 MB   4.57 MB  2 open",
        "  tcp → 192.0.2.1:443      12.3 MB/s   457 kB/s    123 MB   4.50 MB  established",
        "  → [2001:db8:aaaa:…:5201      0 B/s      0 B/s       0 B       0 B  fin-wait-1",
        "quiet (7)                      0 B/s      0 B/s   2.00 kB   1.00 kB  1 open",
        "  udp → 192.0.2.1:443          0 B/s      0 B/s   2.00 kB   1.00 kB  open",
      ]
    `);
  });

  it('says how many rows a low window hides', () => {
    const lines = new MonitorView(plain).live(busyTally(), 1_000, { columns: 80, rows: 4 });
    expect(lines).toHaveLength(4);
    expect(lines[3]).toBe('… 4 more rows');
  });

  it('leaves out processes that exited without traffic of late', () => {
    const tally = new Tally();
    tally.add(
      sample({ processes: [processSample({ name: 'gone', alive: false }), processSample({ pid: 2 })] }),
    );
    const text = new MonitorView(plain).live(tally, 0, unbounded).join('\n');
    expect(text).not.toContain('gone');
    expect(text).toContain('worker (2)');
  });

  it('puts connections together by host, whichever process they are of', () => {
    const tally = new Tally();
    const host = { name: 'registry.example.org', source: 'dns' } as const;
    tally.add(
      sample({
        processes: [processSample({ pid: 1 }), processSample({ pid: 2 })],
        flows: [
          flow({ id: 1, pid: 1, host, wire: wire(1_000, 10) }),
          flow({ id: 2, pid: 2, host, wire: wire(2_000, 20) }),
          flow({ id: 3, pid: 2, wire: wire(10, 10) }),
        ],
      }),
    );
    const lines = new MonitorView({ ...plain, groupBy: 'host' }).live(tally, 0, unbounded);
    expect(lines.map((line) => line.trim().split(/ {2,}/)[0])).toEqual([
      lines[0]?.split(/ {2,}/)[0],
      'PROCESS / CONNECTION',
      'registry.example.org',
      'tcp 10.0.0.1:40000 → registry.example.org',
      'tcp 10.0.0.1:40000 → registry.example.org',
      '192.0.2.1',
      'tcp 10.0.0.1:40000 → 192.0.2.1:443',
    ]);
    expect(lines[2]).toMatch(/3\.00 kB.*2 flows/);
  });

  it('shows processes only, in the order that was asked for', () => {
    const tally = new Tally();
    tally.add(
      sample({
        processes: [
          processSample({ pid: 1, command: 'quiet', exe: '/bin/quiet', name: 'quiet', openFlows: 9 }),
          processSample({
            pid: 2,
            command: 'busy',
            exe: '/bin/busy',
            name: 'busy',
            rates: rates(9_000),
            user: 'alice',
          }),
        ],
        flows: [flow({ id: 1, pid: 2 })],
      }),
    );
    const view = new MonitorView({ ...plain, sortBy: 'rate' });
    const names = (): (string | undefined)[] =>
      view.live(tally, 0, { columns: 100, rows: 20 }).map((line) => /^(quiet|busy) \(\d\)/.exec(line)?.[1]);
    const shown = (): string[] => names().filter((name) => name !== undefined);
    expect(shown()).toEqual(['busy', 'quiet']);
    view.sortBy = 'connections';
    expect(shown()).toEqual(['quiet', 'busy']);
    view.sortBy = 'name';
    expect(shown()).toEqual(['busy', 'quiet']);
    view.sortBy = 'pid';
    expect(shown()).toEqual(['quiet', 'busy']);
    const lines = view.live(tally, 0, { columns: 100, rows: 20 });
    expect(lines.join('\n')).toContain('alice');
    expect(lines.at(-1)).toMatch(/^q quits, r rate/);
  });

  it('tells what was dropped', () => {
    const tally = new Tally();
    tally.add(
      sample({
        dropped: { events: 1, flows: 0, processes: 1_200, connections: 7, inspections: 0, facts: 0 },
      }),
    );
    expect(new MonitorView(plain).live(tally, 0, unbounded).at(-1)).toBe(
      'Not shown: 1 event, 7 connections beyond the limit, counted on their process, 1,200 processes.',
    );
  });
});

describe('the summary', () => {
  it('shows the requests of a connection beneath it, the same ones together', () => {
    const tally = busyTally();
    const request = (id: number, status: number): FlowFact => ({
      ...{ kind: 'http-exchange', flow: 2, time: '2026-11-24T12:00:00.000Z', id, requestedBy: 'local' },
      ...{ version: '1.1', method: 'GET', path: '/users', status, latencyMicros: 1_000 * id },
    });
    tally.add(sample({ flows: [], facts: [request(1, 200), request(2, 200), request(3, 503)] }));
    const lines = new MonitorView(plain).summary(tally, 0, unbounded);
    const place = lines.findIndex((line) => /123 MB +4\.50 MB/.test(line));
    expect(lines[place + 1]?.trim()).toBe(
      'GET /users → 503, 3 times, 1 failed, 2.00 ms on average, 3.00 ms at most',
    );
  });

  it('shows totals without rates, closed connections included', () => {
    const lines = new MonitorView(plain).summary(busyTally(), 61_000, unbounded);
    expect(lines).toMatchInlineSnapshot(`
      [
        "↑ 123 MB  ↓ 4.57 MB on the wire · in 1 min 01 s · 2 processes · 4 connections",
        "PROCESS / CONNECTION                                                                                  PROTOCOL           ↑ TOTAL   ↓ TOTAL    ↑ DATA    ↓ DATA  STATE        REASON                INTERFACE   CONNECT      RTT  RESENT",
        "iperf3 (100)                                                                                                              123 MB   4.57 MB    120 MB   4.40 MB  2 open",
        "  tcp 10.0.0.1:40000 → 192.0.2.1:443                                                                                      123 MB   4.50 MB       0 B       0 B  established                        eth0              –  1.23 ms       3",
        "  tcp [2001:db8:1111:2222:3333:4444:5555:6666]:40001 → [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:5201                         0 B       0 B       0 B       0 B  fin-wait-1                         eth0              –  1.23 ms       0",
        "  tcp 10.0.0.1:40000 → 192.0.2.1:443                                                                                         0 B       0 B       0 B       0 B  closed                             eth0              –  1.23 ms       0",
        "quiet (7)                                                                                                                2.00 kB   1.00 kB       0 B       0 B  1 open",
        "  udp 10.0.0.1:40000 → 192.0.2.1:443                                                                                     2.00 kB   1.00 kB       0 B       0 B  open                               eth0",
      ]
    `);
  });
});

describe('figures that are estimates', () => {
  const estimated = { wireEstimate: true, payloadEstimate: true } as const;
  const lines = (marks: Partial<ProcessSample>): string[] => {
    const tally = new Tally();
    tally.add(sample({ processes: [processSample({ wire: wire(98_765_432, 2_000), ...marks })] }));
    return new MonitorView(plain).summary(tally, 0, unbounded);
  };

  it('are marked in the sums of processes and of all, and explained below', () => {
    const [heading, , process, ...notes] = lines(estimated);
    expect(heading).toMatch(/^↑ ≈98\.8 MB {2}↓ ≈2\.00 kB on the wire/);
    expect(process).toMatch(/ ≈98\.8 MB +≈2\.00 kB +≈0 B +≈0 B /);
    expect(notes.map((note) => note[0])).toEqual(['≈', '≈']);
  });

  it('say that something is missing rather than that something is computed', () => {
    const [, , process, ...notes] = lines({ ...estimated, receivedUncounted: true });
    expect(process).toMatch(/ ≈98\.8 MB +≥2\.00 kB +≈0 B +≥0 B /);
    expect(notes.map((note) => note[0])).toEqual(['≈', '≈', '≥']);
  });

  it('are none where nothing is marked', () => {
    expect(lines({}).join('\n')).not.toMatch(/[~≈≥]/);
  });
});

describe('hostile names', () => {
  it('reach the terminal without control characters', () => {
    const tally = new Tally();
    tally.add(sample({ processes: [processSample({ name: 'a\u001b]0;x\u0007\n\u202eb' })] }));
    const text = new MonitorView(plain).live(tally, 0, { columns: 80, rows: 24 }).join('\n');
    expect(text).toContain('a\ufffd]0;x\ufffd \ufffdb (100)');
  });

  it('take the room that they take on the screen', () => {
    const tally = new Tally();
    tally.add(sample({ processes: [processSample({ name: '日本語のプロセス名前' })] }));
    for (const columns of [40, 41, 80]) {
      const lines = new MonitorView(plain).live(tally, 0, { columns, rows: 24 });
      expect(lines.filter((line) => stringWidth(line) > columns)).toEqual([]);
    }
  });
});
