// Query strings, credentials, cookies and bodies are never told, and not kept once a message has passed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionInspector } from '../../../../helper/src/protocols/inspector';
import { inspect, readRecording, recordingNames } from './recording';
import { retainedText } from './retained-state';
import { samples } from './samples';

const all = [...recordingNames.map(readRecording), ...samples];
/** The mark of secrets in the recordings, also in the base64 of HTTP's Basic authorization. */
const marks = [/SECRET/i, /dXNlcjpTRUNSRVQ/];

it('looks into private fields, maps, buffers and objects within objects', () => {
  class Keeper {
    readonly #map = new Map([[1, { deep: [{ bytes: Buffer.from('in bytes') }] }]]);
    #text = 'in text';
    get size(): number {
      return this.#map.size + this.#text.length;
    }
  }
  const keeper = new Keeper();
  expect(keeper.size).toBe(8);
  expect(retainedText({ keeper })).toMatch(/in text[^]*in bytes|in bytes[^]*in text/);
});

describe.each(all.map((recording) => [recording.name, recording] as const))('%s', (_name, recording) => {
  it('tells none of its secrets, and keeps none', () => {
    const { inspector, facts } = inspect(recording);
    const told = JSON.stringify([inspector.detection, facts]);
    const kept = retainedText(inspector);
    for (const mark of marks) {
      expect(told).not.toMatch(mark);
      expect(kept).not.toMatch(mark);
    }
  });

  it('keeps no secret on the way, once its protocol is known', () => {
    const inspector = new ConnectionInspector(recording.context);
    for (const piece of recording.pieces.slice(0, 8)) {
      inspector.feed(piece.direction, piece.bytes, piece.nanos, piece);
      if (inspector.detection?.certainty !== 'certain') continue;
      for (const mark of marks) expect(retainedText(inspector)).not.toMatch(mark);
    }
  });
});

/** Letters only a secret has, so that a part of one is told as well. */
const secret = fc.stringMatching(/^[XYZ]{12,24}$/);
const secretMark = /[XYZ]{6}/;

const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    path: fc.constantFrom('/', '/a/b', '/a.b/c-d'),
    secrets: fc.array(secret, { minLength: 8, maxLength: 8 }),
    absolute: fc.boolean(),
    headers: fc.subarray([
      'authorization',
      'Cookie',
      'X-API-Key',
      'Proxy-Authorization',
      'Sec-WebSocket-Protocol',
      'Referer',
      'Content-Type',
    ]),
    body: fc.constantFrom('none', 'length', 'chunked'),
  })
  .map(({ method, path, secrets, absolute, headers, body }) => {
    const [query = '', fragment = '', user = '', password = '', value = '', content = '', matrix = ''] =
      secrets;
    const target = `${absolute ? `http://${user}:${password}@api.example.org` : ''}${path};jsessionid=${matrix}?q=${query}#${fragment}`;
    const head = [
      `${method} ${target} HTTP/1.1`,
      'Host: api.example.org',
      ...headers.map((name) => `${name}: ${value}`),
      ...(body === 'length' ? [`Content-Length: ${String(content.length)}`] : []),
      ...(body === 'chunked' ? ['Transfer-Encoding: chunked'] : []),
    ].join('\r\n');
    const chunk = `${content.length.toString(16)};${value}\r\n${content}\r\n0\r\nTrailer: ${value}\r\n\r\n`;
    return `${head}\r\n\r\n${body === 'length' ? content : body === 'chunked' ? chunk : ''}`;
  });

const answer = fc
  .record({
    status: fc.constantFrom('200 OK', '302 Found', '404 Not Found'),
    secrets: fc.array(secret, { minLength: 3, maxLength: 3 }),
  })
  .map(({ status, secrets: [cookie = '', location = '', body = ''] }) =>
    [
      `HTTP/1.1 ${status}`,
      `Set-Cookie: id=${cookie}`,
      `Location: /login?next=${location}`,
      `Content-Length: ${String(body.length)}`,
      '',
      body,
    ].join('\r\n'),
  );

describe('HTTP with secrets everywhere', () => {
  it('tells and keeps none of them, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 3 }),
        fc.array(answer, { maxLength: 3 }),
        fc.array(fc.nat(600), { maxLength: 8 }),
        (requests, answers, cuts) => {
          const inspector = new ConnectionInspector({
            transport: 'tcp',
            localPort: 50_000,
            remotePort: 80,
            outgoing: true,
          });
          const facts = [...send('sent', requests.join('')), ...send('received', answers.join(''))];
          const told = JSON.stringify([inspector.detection, facts]);
          expect(facts.length).toBeGreaterThanOrEqual(requests.length);
          expect(told).not.toMatch(secretMark);
          expect(retainedText(inspector)).not.toMatch(secretMark);

          function send(direction: 'sent' | 'received', text: string) {
            const bytes = new Uint8Array(Buffer.from(text, 'latin1'));
            const places = [...new Set([0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b)])];
            return places.flatMap((from, index) => {
              const part = bytes.subarray(from, places[index + 1]);
              return inspector.feed(direction, part, index, { offset: from, truncated: false });
            });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps nothing of a head that was cut, and of a body whose length is not known', () => {
    const pieces = [
      { bytes: 'GET /a?q=XYZXYZXYZ HTTP/1.1\r\nCookie: XYZXYZ', truncated: true },
      { bytes: 'XYZXYZXYZXYZXYZ', truncated: true },
      { bytes: 'POST /b HTTP/1.1\r\nHost: a.example.org\r\nAuthorization: XYZXYZXYZ', truncated: true },
    ];
    const inspector = new ConnectionInspector({
      transport: 'tcp',
      localPort: 50_000,
      remotePort: 80,
      outgoing: true,
    });
    pieces.forEach(({ bytes, truncated }, index) => {
      inspector.feed('sent', Buffer.from(bytes), index, { offset: index * 10_000, truncated });
      expect(retainedText(inspector)).not.toMatch(secretMark);
    });
  });
});

it('forgets what it could not recognise', () => {
  const inspector = new ConnectionInspector({
    transport: 'tcp',
    localPort: 50_000,
    remotePort: 40_000,
    outgoing: true,
  });
  inspector.feed('sent', Buffer.from('\x00\x01binary XYZXYZXYZ and more of it'), 0, {
    offset: 0,
    truncated: false,
  });
  inspector.feed('received', Buffer.from('\xff\xfebinary XYZXYZXYZ and more of it', 'latin1'), 1, {
    offset: 0,
    truncated: false,
  });
  expect(inspector.isDone('sent')).toBe(true);
  expect(retainedText(inspector)).not.toMatch(secretMark);
});
