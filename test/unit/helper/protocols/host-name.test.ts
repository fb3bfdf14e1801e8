import { describe, expect, it } from 'vitest';
import { hostOfAuthority, validHostName } from '../../../../helper/src/protocols/host-name';
import { readTarget } from '../../../../helper/src/protocols/http-target';

describe('validHostName', () => {
  it.each([
    ['www.Example.ORG', 'www.example.org'],
    ['example.org.', 'example.org'],
    ['localhost', 'localhost'],
    ['_service._tcp.example.org', '_service._tcp.example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('takes %s', (text, name) => {
    expect(validHostName(text)).toBe(name);
  });

  it.each([
    '',
    '.',
    'a..b',
    '192.0.2.1',
    '[2001:db8::1]',
    '-a.org',
    'a b.org',
    'a\u202eb.org',
    'a\n.org',
    'ä.org',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}org`,
    '0x7f.1',
  ])('refuses %j', (text) => {
    expect(validHostName(text)).toBeUndefined();
  });
});

describe('hostOfAuthority', () => {
  it.each([
    ['example.org:8080', 'example.org'],
    ['user:secret@example.org:1', 'example.org'],
    ['127.0.0.1:80', undefined],
    ['[::1]:80', undefined],
    ['example.org:not-a-port', undefined],
  ])('finds the host in %s', (authority, host) => {
    expect(hostOfAuthority(authority)).toBe(host);
  });
});

describe('readTarget', () => {
  it.each([
    ['GET', '/a/b?c=d#e', '/a/b', undefined],
    ['GET', '/a;session=1/b;v=2', '/a/b', undefined],
    ['GET', 'https://user:secret@example.org:1/a?b', '/a', 'example.org'],
    ['GET', 'http://example.org', '/', 'example.org'],
    ['OPTIONS', '*', '*', undefined],
    ['CONNECT', 'example.org:443', '', 'example.org'],
    ['GET', 'user:secret@example.org', '?', undefined],
    ['GET', '/a\u0007b\u009b', '/a\ufffdb\ufffd', undefined],
  ])('keeps of %s %s only what may be shown', (method, target, path, host) => {
    expect(readTarget(method, target)).toEqual({ path, host });
  });

  it('cuts long paths', () => {
    expect(readTarget('GET', `/${'a'.repeat(2_000)}`).path).toHaveLength(256);
  });
});
