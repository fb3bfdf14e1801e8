import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFilter, quoteFilterValue, type FilterSubject } from '../../../src/shared/filter-language';

const subject: FilterSubject = {
  process: 'node shop.mjs',
  pid: 4242,
  protocol: 'tcp',
  application: 'TLS 1.3',
  localAddress: '192.0.2.10',
  localPort: 40_001,
  remoteAddress: '198.51.100.7',
  remotePort: 443,
  host: 'Registry.example.org',
  interface: 'eth0',
  state: 'established',
  failure: '',
  size: 1_500_000,
  sent: 500_000,
  received: 1_000_000,
  rate: 12_000,
  rtt: 0.012,
  retransmits: 3,
  age: 90,
  text: 'node shop.mjs (4242) tcp tls 1.3 registry.example.org 192.0.2.10:40001 198.51.100.7:443 established eth0',
};

function matches(filter: string, changes: Partial<FilterSubject> = {}): boolean {
  const parsed = parseFilter(filter);
  if (!parsed.ok) throw new Error(`${filter}: ${parsed.problem.kind}`);
  return parsed.matches({ ...subject, ...changes });
}

describe('a filter', () => {
  test.each([
    ['', true],
    ['   ', true],
    ['NODE 443', true],
    ['node 80', false],
    ['"shop.mjs (4242)"', true],
    ['"mjs node"', false],
    ['[2001:db8::1]:443', false],
    ['host:registry', true],
    ['host:REGISTRY.EXAMPLE.ORG', true],
    ['host:*.example.org', true],
    ['host:*.example.com', false],
    ['host:registry*org', true],
    ['host:198.51.100.*', true],
    ['host:example', true],
    ['host:","', false],
    ['host:nowhere,"example.org"', true],
    ['address:192.0.2.10', true],
    ['remote:192.0.2.10', false],
    ['port:443', true],
    ['port:40001', true],
    ['port:80,443', true],
    ['port:80', false],
    ['port:8000-8999', false],
    ['port:400-500', true],
    ['remoteport:40001', false],
    ['proto:tcp', true],
    ['proto:tls', true],
    ['protocol:"tls 1.3"', true],
    ['proto:udp,tcp', true],
    ['pid:4242', true],
    ['pid:42', false],
    ['process:shop', true],
    ['interface:eth0', true],
    ['state:established', true],
    ['size:>1M', true],
    ['size:>2M', false],
    ['size:<=1.5MB', true],
    ['sent:>=500k', true],
    ['rate:>10kB/s', true],
    ['rate:>1M/s', false],
    ['rtt:>10ms', true],
    ['rtt:<1ms', false],
    ['retransmits:>0', true],
    ['age:>1min', true],
    ['is:active', true],
    ['active:yes', true],
    ['active:no', false],
    ['is:failed', false],
    ['is:failed,open', true],
    ['-proto:udp', true],
    ['!proto:tcp', false],
    ['-shop', false],
    ['-', false],
    ['host:registry -port:80 size:>1M', true],
    ['http://x', false],
  ])('%j is %j', (filter, expected) => {
    expect(matches(filter)).toBe(expected);
  });

  test('finds what failed', () => {
    expect(matches('is:failed reason:refused', { failure: 'Connection refused' })).toBe(true);
    expect(matches('failed:no', { failure: 'Connection refused' })).toBe(false);
  });

  test.each([
    ['port:http', 'no-number'],
    ['size:>', 'no-number'],
    ['size:>1X', 'no-number'],
    ['rate:>1M/h', 'no-number'],
    ['tcp is:broken', 'unknown-condition'],
    ['failed:maybe', 'unknown-condition'],
    ['host:', 'no-value'],
    ['is:constructor', 'unknown-condition'],
  ])('%j says what is wrong: %s', (filter, kind) => {
    const parsed = parseFilter(filter);
    expect(parsed).toMatchObject({ ok: false, problem: { kind } });
  });

  test('that names what every object has is text', () => {
    expect(matches('constructor:x')).toBe(false);
    expect(matches('toString:1')).toBe(false);
  });

  test('of any text is understood or refused, and quick to match', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        const parsed = parseFilter(text);
        if (parsed.ok) expect(typeof parsed.matches(subject)).toBe('boolean');
        else expect(text).toContain(parsed.problem.term);
      }),
    );
  });

  test('finds a value that was quoted for it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (host) => {
        fc.pre(!/["*\s]/.test(host) && host.trim() !== '');
        expect(matches(`host:${quoteFilterValue(host)}`, { host, remoteAddress: '' })).toBe(true);
      }),
    );
  });
});
