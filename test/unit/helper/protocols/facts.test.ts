import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../../helper/src/protocols/detection';
import { fromServer, inspect, readRecording } from './recording';
import { samples } from './samples';

function factsOf(name: string): Fact[] {
  const recording = samples.find((sample) => sample.name === name) ?? readRecording(name);
  return inspect(recording).facts;
}

/** The last word on each request. */
function exchanges(name: string) {
  const last = new Map<number, string>();
  for (const fact of factsOf(name)) {
    if (fact.kind !== 'http-exchange') continue;
    const { id, method, path, host = '', status = '', grpcStatus } = fact;
    const grpc = grpcStatus === undefined ? '' : ` grpc ${String(grpcStatus)}`;
    last.set(id, `${method} ${path} ${host} ${String(status)}${grpc}`);
  }
  return [...last.values()];
}

describe('facts of HTTP', () => {
  it.each([
    [
      'http1-keep-alive',
      'GET /cart shop.example.org 200',
      'POST /order/1 shop.example.org 200',
      'GET /missing shop.example.org 404',
    ],
    [
      'http1-pipelined',
      'GET /first shop.example.org 200',
      'GET /missing shop.example.org 404',
      'GET /third shop.example.org 200',
    ],
    [
      'http2-prior-knowledge',
      'GET /items api.example.org 200',
      'POST /missing api.example.org 404',
      'GET /items api.example.org 200',
    ],
    ['http2-upgrade', 'GET /items api.example.org 101'],
    ['grpc', 'POST /shop.Cart/Get  200 grpc 0', 'POST /shop.Cart/Fail  200 grpc 7'],
    ['http-connect-proxy', 'CONNECT  inside.example.org 200'],
    ['http with a secret address', 'GET /a files.example.org 302'],
    ['http in chunks', 'POST /upload a.example.org 201', 'GET /next a.example.org 204'],
  ])('tells each request of %s with its answer', (name, ...expected) => {
    expect(exchanges(name)).toEqual(expected);
  });

  it('measures from the first byte of the request to the first byte of the answer', () => {
    const request = 'GET / HTTP/1.1\r\nHost: a.example.org\r\n';
    const { facts } = inspect({
      context: { transport: 'tcp', localPort: 50_000, remotePort: 80, outgoing: true },
      pieces: [
        piece('sent', 0, request, 1_000),
        piece('sent', request.length, '\r\n', 5_000),
        piece('received', 0, 'HTTP/1.1 200', 7_000),
        piece('received', 12, ' OK\r\n\r\n', 9_000),
      ],
    });
    expect(facts.at(-1)).toMatchObject({ status: 200, latencyNanos: 6_000 });
  });

  it('goes on after a body of which bytes are missing', () => {
    const post = 'POST /one HTTP/1.1\r\nContent-Length: 100000\r\n\r\nbegin';
    const next = post.length - 5 + 100_000;
    const { facts } = inspect({
      context: { transport: 'tcp', localPort: 50_000, remotePort: 80, outgoing: true },
      pieces: [
        piece('sent', 0, post, 1_000),
        piece('sent', next, 'GET /two HTTP/1.1\r\n\r\n', 5_000),
        piece(
          'received',
          0,
          'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n',
          7_000,
        ),
      ],
    });
    const told = facts.filter((fact) => fact.kind === 'http-exchange' && fact.status !== undefined);
    expect(told).toMatchObject([
      { path: '/one', status: 200 },
      { path: '/two', status: 404 },
    ]);
  });

  it('finds the next request at the start of a piece after a head that was cut', () => {
    const { facts } = inspect({
      context: { transport: 'tcp', localPort: 50_000, remotePort: 80, outgoing: true },
      pieces: [
        { ...piece('sent', 0, 'GET /one?q=secret HTTP/1.1\r\nCookie: se', 1_000), truncated: true },
        piece('sent', 5_000, 'GET /two HTTP/1.1\r\n\r\n', 2_000),
      ],
    });
    expect(facts).toMatchObject([{ path: '/one' }, { path: '/two' }]);
  });

  it('gives an answer to the request that came last where answers were missed', () => {
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\n\r\n`;
    const { facts } = inspect({
      context: { transport: 'tcp', localPort: 50_000, remotePort: 80, outgoing: true },
      pieces: [
        piece('sent', 0, ask('/one'), 1_000),
        piece('received', 0, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 2_000),
        piece('sent', 22, ask('/two'), 3_000),
        piece('sent', 44, ask('/six'), 5_000),
        piece('received', 900, 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 6_000),
      ],
    });
    expect(facts.at(-1)).toMatchObject({ path: '/six', status: 404, latencyNanos: 1_000 });
  });

  it('says who asked whom', () => {
    const { facts } = inspect(fromServer(readRecording('http1-curl')));
    expect(facts[0]).toMatchObject({ requestedBy: 'remote' });
  });
});

function piece(direction: 'sent' | 'received', offset: number, text: string, nanos: number) {
  return { direction, offset, nanos, bytes: new Uint8Array(Buffer.from(text, 'latin1')), truncated: false };
}

describe('facts of DNS', () => {
  it('tells question, answer code, the chain of aliases and how long it took', () => {
    for (const name of ['dns', 'dns-tcp']) {
      const [question, answer] = factsOf(name);
      expect(question).toMatchObject({
        id: 1,
        question: 'alias.example.org',
        type: 'A',
        requestedBy: 'local',
      });
      expect(question).not.toHaveProperty('answerCode');
      expect(answer).toMatchObject({
        id: 1,
        answerCode: 'NOERROR',
        answers: [
          { name: 'alias.example.org', type: 'CNAME', value: 'target.example.org' },
          { name: 'target.example.org', type: 'A', value: '192.0.2.7' },
        ],
      });
      expect(answer).toHaveProperty('latencyNanos');
    }
  });

  it('tells that there is no such name', () => {
    expect(factsOf('dns-missing').at(-1)).toMatchObject({
      question: 'nowhere.example.org',
      type: 'AAAA',
      answerCode: 'NXDOMAIN',
      answers: [],
    });
  });

  it('tells answers that nobody asked for (mDNS)', () => {
    expect(factsOf('mdns')).toMatchObject([
      { question: 'printer.local', answers: [{ type: 'A', value: '192.0.2.9', ttl: 120 }] },
    ]);
  });
});

describe('facts of TLS', () => {
  it.each([
    'tls13-node',
    'tls13-retry',
    'tls12-node',
    'https-chromium',
    'postgresql-tls',
    'smtp-tls',
    'ftp-tls',
    'mysql-tls',
    'quic-v1',
    'quic-retry',
  ])('tells how long the handshake of %s took', (name) => {
    const handshakes = factsOf(name).filter(({ kind }) => kind === 'tls-handshake');
    expect(handshakes).toHaveLength(1);
    expect(handshakes[0]).toMatchObject({ durationNanos: expect.any(Number) as number });
  });

  it.each([
    ['tls-version-refused', 'remote', 'protocol_version'],
    ['tls-no-application-protocol', 'remote', 'no_application_protocol'],
    ['tls12-refused-by-client', 'local', 'unknown_ca'],
    ['tls13-refused-by-client', 'local', 'unknown_ca'],
  ] as const)('tells who ended the handshake of %s, and why', (name, from, alert) => {
    expect(factsOf(name)).toMatchObject([{ kind: 'tls-alert', from, alert }]);
    expect(inspect(fromServer(readRecording(name))).facts).toMatchObject([
      { from: from === 'local' ? 'remote' : 'local' },
    ]);
  });

  it('tells an alert that is encrypted by its length', () => {
    const { context, pieces } = readRecording('tls13-node');
    const hellos = pieces.filter(({ offset }) => offset === 0);
    const sent = hellos.find(({ direction }) => direction === 'sent')?.bytes.length ?? 0;
    const alert = piece('sent', sent, '\x14\x03\x03\0\x01\x01\x17\x03\x03\0\x13' + 'x'.repeat(19), 1e9);
    expect(inspect({ context, pieces: [...hellos, alert] }).facts).toMatchObject([
      {
        kind: 'tls-alert',
        from: 'local',
        meaning: expect.stringContaining('refuses the certificate') as string,
      },
    ]);
  });
});

describe('facts of a greeting', () => {
  it.each([
    ['ssh', 'remote', /^OpenSSH_/],
    ['mysql', 'remote', /^MariaDB \d+\.\d+\.\d+$/],
    ['nats', 'remote', /^nats-server 2\./],
    ['postgresql', 'remote', /^PostgreSQL 1\d/],
  ] as const)('names the software of %s', (name, of, software) => {
    expect(factsOf(name)).toContainEqual(
      expect.objectContaining({ kind: 'software', of, name: expect.stringMatching(software) as string }),
    );
  });

  it.each([
    ['postgresql-no-database', '3D000', 'has no such database'],
    ['mysql-refused', '1045', 'does not accept user name or password'],
    ['mqtt-refused', '5', 'does not let this client in'],
    ['ftp', '530', 'wants the client to log in, or to log in otherwise'],
  ])('tells that the server of %s refuses', (name, code, meaning) => {
    expect(factsOf(name)).toContainEqual(
      expect.objectContaining({ kind: 'refused', by: 'remote', code, meaning }),
    );
  });
});
