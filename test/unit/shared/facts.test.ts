// What was said on connections: in words, grouped, and within bounds.
import { describe, expect, it } from 'vitest';
import { ConnectionFacts, describeFact, describeGroup } from '../../../src/shared/facts';
import type { DnsExchangeFact, FlowFact, HttpExchangeFact } from '../../../src/shared/protocol';

const about = { flow: 1, time: '2026-11-24T12:00:00.000Z' };

function request(part: Partial<HttpExchangeFact> = {}): HttpExchangeFact {
  return {
    ...about,
    kind: 'http-exchange',
    id: 1,
    requestedBy: 'local',
    version: '1.1',
    method: 'GET',
    path: '/users',
    ...part,
  };
}

function question(part: Partial<DnsExchangeFact> = {}): DnsExchangeFact {
  return {
    ...about,
    kind: 'dns-exchange',
    id: 1,
    requestedBy: 'local',
    question: 'example.org',
    recordType: 'A',
    ...part,
  };
}

describe('a fact in words', () => {
  it.each<[FlowFact, string]>([
    [request(), 'GET /users'],
    [request({ status: 404, latencyMicros: 1_500 }), 'GET /users → 404 in 1.50 ms'],
    [request({ status: 200, grpcStatus: 5 }), 'GET /users → 200 (gRPC 5)'],
    [question({ answerCode: 'NXDOMAIN' }), 'A example.org → NXDOMAIN'],
    [
      question({ answerCode: 'NOERROR', answers: ['192.0.2.1', '192.0.2.2'] }),
      'A example.org → 192.0.2.1 and 1 more',
    ],
    [{ ...about, kind: 'tls-handshake', durationMicros: 2_000 }, 'TLS handshake in 2.00 ms'],
    [
      {
        ...about,
        kind: 'tls-alert',
        from: 'remote',
        alert: 'unknown_ca',
        meaning: 'does not know the issuer',
      },
      'the other end does not know the issuer (TLS alert unknown_ca)',
    ],
    [{ ...about, kind: 'software', of: 'remote', name: 'OpenSSH_9.2' }, 'the other end is OpenSSH_9.2'],
    [
      { ...about, kind: 'refused', by: 'remote', code: '28P01', meaning: 'rejects the password' },
      'the other end rejects the password (28P01)',
    ],
  ])('%j', (fact, words) => {
    expect(describeFact(fact)).toBe(words);
  });

  it('holds no control characters', () => {
    expect(describeFact(request({ path: '/\u001b[2J' }))).toBe('GET /\ufffd[2J');
  });
});

describe('the facts of a connection', () => {
  it('count a request once, told before its answer and with it', () => {
    const facts = new ConnectionFacts();
    facts.add(request());
    facts.add(request({ status: 200, latencyMicros: 1_000 }));
    facts.add(request({ status: 200, latencyMicros: 1_000 }));
    facts.add(request({ id: 2 }));
    facts.add(request({ id: 2, status: 500, latencyMicros: 3_000 }));
    facts.add(request({ id: 3 }));
    expect(facts.groups).toEqual([
      {
        request: 'GET /users',
        count: 3,
        answered: 2,
        failed: 1,
        outcome: '→ 500',
        latencyMicros: 4_000,
        timed: 2,
        slowestMicros: 3_000,
      },
    ]);
    expect(facts.groups.map((group) => describeGroup(group))).toEqual([
      'GET /users → 500, 3 times, 1 failed, 2.00 ms on average, 3.00 ms at most',
    ]);
  });

  it('stay within bounds and say what is left out', () => {
    const facts = new ConnectionFacts();
    for (let id = 1; id <= 100; id++) facts.add(request({ id, path: `/${String(id)}` }));
    for (let id = 0; id < 100; id++) facts.add({ ...about, kind: 'software', of: 'local', name: String(id) });
    expect(facts.groups).toHaveLength(32);
    expect(facts.others).toHaveLength(16);
    expect(facts.further).toBe(68);
    expect(facts.lines(1_000).at(-1)).toBe('68 further requests');
    expect(facts.lines(3)).toEqual(['this end is 84', 'this end is 85', '… 47 more lines']);
  });
});
