// A session as a file: what is written comes back, and what is not one is refused with the reason.
import { describe, expect, test } from 'vitest';
import { compareRuns, comparisonReport } from '../../../src/extension/saved/comparison';
import { toCsv, toHar, toJson } from '../../../src/extension/saved/export-texts';
import { loadSession, saveSession } from '../../../src/extension/saved/saved-session';
import { MonitoredSession } from '../../../src/extension/watched-session';
import type { FlowSample, HttpExchangeFact } from '../../../src/shared/protocol';
import { flowSample, processSample, sample, usage } from './samples';

const at = (second: number): string => new Date(second * 1_000).toISOString();

function flow(id: number, sent: number, changes: Partial<FlowSample> = {}): FlowSample {
  return { ...flowSample(id, 7), ...usage(sent, 0), openedAt: at(1), ...changes };
}

const request: HttpExchangeFact = {
  kind: 'http-exchange',
  flow: 1,
  time: at(2),
  id: 1,
  requestedBy: 'local',
  version: 'HTTP/1.1',
  method: 'GET',
  path: '/users',
  host: 'example.org',
};

function recorded(label = 'shop'): MonitoredSession {
  const session = new MonitoredSession({ id: 's', label, origin: 'debug', debugType: 'node', startedAt: 0 });
  session.state = 'watching';
  for (let second = 1; second <= 5; second += 1) {
    session.applySample(
      sample({
        time: at(second),
        total: usage(second * 10, second * 20),
        processes: [processSample(7)],
        flows: [
          flow(1, second * 10, {
            host: { name: 'example.org', source: 'sni' },
            application: 'tls',
            applicationLabel: 'TLS 1.3',
            certainty: 'certain',
          }),
        ],
        facts:
          second === 2 ? [request] : second === 3 ? [{ ...request, status: 200, latencyMicros: 5_000 }] : [],
      }),
    );
  }
  session.addMark({ timeMillis: 2_000, kind: 'stopped', detail: ['breakpoint', 'shop.mjs:1'] });
  session.applyEvent({ monitor: 'a', time: at(3), kind: 'exit', pid: 7, exitStatus: 1 });
  session.end();
  session.state = 'ended';
  return session;
}

describe('a saved session', () => {
  test('keeps what a connection was: protocol, reason, end, and whether its figures are estimates', () => {
    const session = recorded();
    const kept = {
      protocol: 'raw:89',
      reason: 'timed-out',
      closedAt: at(4),
      estimate: true,
      wireEstimate: true,
    } as const;
    session.applySample(
      sample({ processes: [{ ...processSample(7), estimate: true }], flows: [flow(2, 10, kept)] }),
    );
    const after = loadSession(saveSession(session), 'saved');
    expect(after.flows.get(2)).toMatchObject(kept);
    expect(after.flows.get(1)).not.toHaveProperty('estimate');
    expect(after.processes.get(7)?.estimate).toBe(true);
  });

  test('holds no argument of a program: they often are passwords', () => {
    const session = recorded();
    const login = { exe: '/usr/bin/mysql', command: 'mysql -u shop -phunter2 --host db' };
    session.applySample(sample({ processes: [{ ...processSample(7), ...login }] }));
    const saved = saveSession(session);
    expect(saved).not.toContain('hunter2');
    expect(loadSession(saved, 'saved').processes.get(7)?.command).toBe('mysql');
  });

  test('comes back with everything that the views show', () => {
    const before = recorded();
    const after = loadSession(saveSession(before), 'saved');
    expect(after).toMatchObject({
      id: 'saved',
      label: 'shop',
      state: 'ended',
      isRestored: true,
      startedAt: 0,
    });
    expect(after.total).toEqual(before.total);
    expect([...after.processes]).toEqual([...before.processes]);
    expect(after.history).toEqual(before.history);
    expect(after.marks).toEqual(before.marks);
    expect(after.events).toEqual(before.events);
    expect(after.requests.all).toEqual(before.requests.all);
    expect(after.flows.get(1)).toMatchObject({ applicationLabel: 'TLS 1.3', host: { name: 'example.org' } });
    const range = { fromMillis: 2_000, toMillis: 4_000 };
    expect(after.flowLog.sum(range)).toEqual(before.flowLog.sum(range));
    // And again, so that nothing is lost by reading.
    expect(loadSession(saveSession(after), 'saved').history).toEqual(before.history);
  });

  test.each([
    ['', 'not JSON'],
    ['[]', 'not an object'],
    ['{}', 'not a saved session'],
    ['{"format":"procnetmon-session","version":9}', 'version is 9'],
  ])('that is none is refused: %j', (content, reason) => {
    expect(() => loadSession(content, 'x')).toThrow(reason);
  });

  test.each([
    ['history', [[1, 2, 'x']], 'history'],
    ['history', {}, 'history'],
    ['flows', [{}], 'connection'],
    ['flows', new Array(30_000).fill({}), 'at most'],
    ['marks', [{ kind: 'exploded' }], 'mark'],
    ['label', 7, 'label'],
    ['total', { wire: {} }, 'total'],
    ['requests', [{ fact: { method: 5 } }], 'request'],
    ['events', [{ time: 'x', kind: 'exit' }], 'event'],
  ])('with a broken %s is refused', (name, value, reason) => {
    const saved = JSON.parse(saveSession(recorded())) as object;
    expect(() => loadSession(JSON.stringify({ ...saved, [name]: value }), 'x')).toThrow(reason);
  });
});

describe('an export', () => {
  test('as CSV has a line for each connection, and no formula in it', () => {
    const session = recorded();
    session.flows.set(2, flow(2, 3, { host: { name: '=cmd|x', source: 'dns' }, interface: 'a,"b"' }));
    const [head, first, second] = toCsv(session, session.flows.values()).split('\r\n');
    expect(head).toMatch(/^process,pid,protocol,application,host,local,remote,interface,state/);
    expect(first).toMatch(
      /^program-7,7,tcp,TLS 1.3,example.org,127\.0\.0\.1:40001,127\.0\.0\.1:80,lo,closed/,
    );
    expect(second).toContain(`,'=cmd|x,`);
    expect(second).toContain('"a,""b"""');
  });

  test('as CSV and JSON say which figures are estimates, and why', () => {
    const session = recorded();
    session.flows.set(2, flow(2, 10, { estimate: true, wireEstimate: true }));
    const [, first, second] = toCsv(session, session.flows.values()).split('\r\n');
    expect(first).toMatch(/,$/);
    expect(second).toMatch(/"~ Estimated: [^"]*same socket. ≈ Estimated on the wire: [^"]*"$/);
    const { connections } = JSON.parse(toJson(session, session.flows.values())) as {
      connections: { estimate: string }[];
    };
    expect(connections.map(({ estimate }) => estimate !== '')).toEqual([false, true]);
  });

  test('as JSON has totals, connections and history', () => {
    const session = recorded();
    expect(JSON.parse(toJson(session, session.flows.values()))).toMatchObject({
      session: 'shop',
      total: { wire: { txBytes: 50, rxBytes: 100 } },
      connections: [{ host: 'example.org', sentBytes: 50 }],
      history: expect.arrayContaining([
        { time: at(5), spanMillis: 1_000, sentBytes: 10, receivedBytes: 20 },
      ]) as unknown,
    });
  });

  test('as HAR has each request once, with its answer', () => {
    const { log } = JSON.parse(toHar(recorded(), '1.2.3')) as {
      log: { entries: unknown[]; version: string };
    };
    expect(log.version).toBe('1.2');
    expect(log.entries).toMatchObject([
      {
        startedDateTime: at(2),
        time: 5,
        request: { method: 'GET', url: 'http://example.org/users', headers: [], queryString: [] },
        response: { status: 200 },
        timings: { wait: 5 },
      },
    ]);
  });
});

describe('two runs compared', () => {
  const run = (label: string, peers: Record<string, number>): MonitoredSession => {
    const session = recorded(label);
    session.flows.clear();
    for (const [index, [address, sent]] of Object.entries(peers).entries()) {
      session.flows.set(index, flow(index, sent, { remote: { address, port: 80 } }));
    }
    return session;
  };
  const before = run('one', {
    '192.0.2.1': 5_000,
    '192.0.2.2': 5_000,
    '192.0.2.3': 90_000,
    '192.0.2.4': 500_000,
  });
  const after = run('t|wo', { '192.0.2.1': 5_200, '192.0.2.3': 9_000, '192.0.2.4': 900_000, '192.0.2.5': 1 });

  test('tell what is new, gone, grown and shrunk', () => {
    const { added, gone, grew, shrank, same } = compareRuns(before, after);
    const names = Object.fromEntries(
      Object.entries({ added, gone, grew, shrank, same }).map(([kind, rows]) => [
        kind,
        rows.map(({ peer }) => peer),
      ]),
    );
    expect(names).toEqual({
      added: ['192.0.2.5'],
      gone: ['192.0.2.2'],
      grew: ['192.0.2.4'],
      shrank: ['192.0.2.3'],
      same: ['192.0.2.1'],
    });
  });

  test('as a report, in which names stay text', () => {
    const texts = {
      ...{ title: 'T', earlier: 'E', later: 'L', sent: 'S', received: 'R', connections: 'C', duration: 'D' },
      ...{ peer: 'P', difference: 'Diff', none: 'None.' },
      headings: { added: 'New', gone: 'Gone', grew: 'Grown', shrank: 'Shrunk', same: 'Same' },
    };
    const report = comparisonReport(before, after, texts);
    expect(report).toContain(String.raw`t\|wo`);
    expect(report).toMatch(/## Grown\n\n.*\n.*\n\| 192\.0\.2\.4 \| 500 kB \| 900 kB \| \+400 kB \|/);
  });
});
