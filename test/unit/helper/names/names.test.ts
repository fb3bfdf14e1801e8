// Names of hosts: what is taken for one, and which of several is chosen.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as answersAreTold } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessAccount } from '../../../../helper/src/ledger';
import { AnsweredNames } from '../../../../helper/src/names/answered-names';
import { toHostName } from '../../../../src/shared/host-name';
import { HostsFiles, parseHosts } from '../../../../helper/src/names/hosts-file';
import { canonicalAddress, LocalNames } from '../../../../helper/src/names/local-names';
import { ReverseLookup } from '../../../../src/shared/reverse-lookup';
import { flow as sampleFlow } from '../../cli/samples';
import type { DnsAnswer, DnsExchangeFact } from '../../../../helper/src/protocols/detection';

const second = 1e9;

describe('a name of a host', () => {
  it.each([
    ['Registry.Example.ORG.', 'registry.example.org'],
    ['localhost', 'localhost'],
    ['_sip._tcp.example.org', '_sip._tcp.example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('is %j, in one form', (text, name) => {
    expect(toHostName(text)).toBe(name);
  });

  it.each([
    '',
    '.',
    '127.0.0.1',
    '1.2.3',
    '::1',
    'a..b',
    '-a.example',
    'a-.example',
    'a b.example',
    'evil\u001b[2J.example',
    'a\n.example',
    '<b>.example',
    'pаypal.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
  ])('is not %j', (text) => {
    expect(toHostName(text)).toBeUndefined();
  });
});

describe('names from DNS answers', () => {
  let names: AnsweredNames;
  const one = new ProcessAccount(1, 1, 'one', 0);
  const other = new ProcessAccount(2, 2, 'other', 0);

  const a = (name: string, value: string, ttl = 300): DnsAnswer => ({ name, type: 'A', value, ttl });
  const alias = (name: string, value: string, ttl = 300): DnsAnswer => ({ name, type: 'CNAME', value, ttl });
  const answer = (question: string, ...answers: DnsAnswer[]): DnsExchangeFact => ({
    kind: 'dns-exchange',
    id: 1,
    requestedBy: 'local',
    question,
    type: 'A',
    answerCode: 'NOERROR',
    answers,
    nanos: 0,
  });

  beforeEach(() => {
    names = new AnsweredNames();
  });

  it('belong to the process that asked', () => {
    names.learn(one, answer('example.org', a('example.org', '192.0.2.1')), 'dns', 10);
    expect(names.find(one, '192.0.2.1', 11)).toEqual({ name: 'example.org', source: 'dns' });
    expect(names.find(other, '192.0.2.1', 11)).toBeUndefined();
    expect(names.find(one, '192.0.2.2', 11)).toBeUndefined();
  });

  it('are what was asked for, through aliases in whatever order', () => {
    names.learn(
      one,
      answer(
        'shop.example.org',
        a('edge.cdn.example', '192.0.2.7'),
        alias('pool.cdn.example', 'edge.cdn.example'),
        alias('shop.example.org', 'pool.cdn.example'),
      ),
      'dns',
      0,
    );
    expect(names.find(one, '192.0.2.7', 1)?.name).toBe('shop.example.org');
  });

  it('do not hang on aliases in a circle, and a stray record keeps its own name', () => {
    names.learn(
      one,
      answer(
        'a.example',
        alias('a.example', 'b.example'),
        alias('b.example', 'a.example'),
        a('c.example', '192.0.2.8'),
      ),
      'dns',
      0,
    );
    expect(names.find(one, '192.0.2.8', 1)?.name).toBe('c.example');
  });

  it('hold as long as the answer, a minute at least, and not before it', () => {
    names.learn(one, answer('long.example', a('long.example', '192.0.2.1', 600)), 'dns', 100 * second);
    names.learn(one, answer('short.example', a('short.example', '192.0.2.2', 0)), 'dns', 100 * second);
    expect(names.find(one, '192.0.2.1', 99 * second)).toBeUndefined();
    expect(names.find(one, '192.0.2.1', 699 * second)?.name).toBe('long.example');
    expect(names.find(one, '192.0.2.1', 701 * second)).toBeUndefined();
    expect(names.find(one, '192.0.2.2', 159 * second)?.name).toBe('short.example');
    expect(names.find(one, '192.0.2.2', 161 * second)).toBeUndefined();
  });

  it('of one address are told apart by the time at which it was asked', () => {
    names.learn(one, answer('first.example', a('first.example', '192.0.2.1')), 'dns', 10 * second);
    names.learn(one, answer('second.example', a('second.example', '192.0.2.1')), 'dns', 20 * second);
    expect(names.find(one, '192.0.2.1', 15 * second)?.name).toBe('first.example');
    expect(names.find(one, '192.0.2.1', 25 * second)?.name).toBe('second.example');
  });

  it('never carry what is no name', () => {
    names.learn(one, answer('evil\u001b.example', a('evil\u001b.example', '192.0.2.1')), 'dns', 0);
    expect(names.find(one, '192.0.2.1', 1)).toBeUndefined();
  });

  it('take a bounded amount of memory', () => {
    for (let index = 0; index < 20_000; index++) {
      const address = `10.${String(index >> 16)}.${String((index >> 8) & 255)}.${String(index & 255)}`;
      names.learn(one, answer('many.example', a('many.example', address)), 'dns', 0);
    }
    expect(names.size).toBe(16_384);
    expect(names.find(one, '10.0.0.0', 1)).toBeUndefined();
    expect(names.find(one, '10.0.78.31', 1)?.name).toBe('many.example');
  });
});

describe('a hosts file', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'procnetmon-hosts-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives each address the first name, and nothing that is none', () => {
    const names = parseHosts(
      [
        '# comment',
        '127.0.0.1\tlocalhost loopback # more',
        '192.0.2.1 first.example alias.example',
        '192.0.2.1 later.example',
        '2001:DB8:0:0::1 six.example',
        '::ffff:192.0.2.9 mapped.example',
        'nonsense name.example',
        '192.0.2.2 bad\u001bname good.example',
        '192.0.2.3',
      ].join('\n'),
    );
    expect([...names]).toEqual([
      ['127.0.0.1', 'localhost'],
      ['192.0.2.1', 'first.example'],
      ['2001:db8::1', 'six.example'],
      ['192.0.2.9', 'mapped.example'],
      ['192.0.2.2', 'good.example'],
    ]);
  });

  it('is read again when it has changed', () => {
    const path = join(folder, 'hosts');
    const files = new HostsFiles(path);
    expect(files.find(process.pid, '192.0.2.1', 0)).toBeUndefined();
    writeFileSync(path, '192.0.2.1 one.example\n');
    expect(files.find(process.pid, '192.0.2.1', 2 * second)).toBe('one.example');
    writeFileSync(path, '192.0.2.1 two.example\n');
    utimesSync(path, 1, 1);
    expect(files.find(process.pid, '192.0.2.1', 2.5 * second)).toBe('one.example');
    expect(files.find(process.pid, '192.0.2.1', 4 * second)).toBe('two.example');
    rmSync(path);
    expect(files.find(process.pid, '192.0.2.1', 6 * second)).toBeUndefined();
  });
});

it.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['192.0.2.1', '192.0.2.1'],
])('the address %s is compared as %s', (written, canonical) => {
  expect(canonicalAddress(written)).toBe(canonical);
});

describe('names of this machine', () => {
  it('are localhost on loopback and its own name on its addresses', () => {
    const local = new LocalNames(
      () => ['192.0.2.1'],
      () => 'Machine',
    );
    expect(local.find('127.1.2.3', 0)).toBe('localhost');
    expect(local.find('::1', 0)).toBe('localhost');
    expect(local.find('192.0.2.1', 0)).toBe('machine');
    expect(local.find('192.0.2.2', 0)).toBeUndefined();
  });
});

describe('reverse lookup', () => {
  it('asks once for an address, and tells only what is a name', async () => {
    const asked: string[] = [];
    const lookup = new ReverseLookup((address) => {
      asked.push(address);
      if (address === '192.0.2.3') return Promise.reject(new Error('ENOTFOUND'));
      return Promise.resolve(['evil\u001b.example', 'good.example']);
    });
    const told: string[] = [];
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.3']) {
      lookup.find(address, (name) => told.push(name));
    }
    await expect.poll(() => told).toEqual(['good.example', 'good.example']);
    lookup.find('192.0.2.1', (name) => told.push(name));
    lookup.find('192.0.2.3', (name) => told.push(name));
    expect(told).toHaveLength(3);
    expect(asked).toEqual(['192.0.2.1', '192.0.2.3']);
  });

  it('keeps the names of the latest 4,096 addresses, and asks again for others', async () => {
    const asked: string[] = [];
    const lookup = new ReverseLookup((address) => {
      asked.push(address);
      return Promise.resolve([`of-${address.replaceAll('.', '-')}.example`]);
    });
    const addressOf = (index: number): string => `10.0.${String(index >> 8)}.${String(index & 255)}`;
    const told: string[] = [];
    const flow = sampleFlow({ id: 1 });
    const nameOf = (index: number): string | undefined => {
      const remote = { address: addressOf(index), port: 1 };
      return lookup.complete({ ...flow, remote }, (_, address) => told.push(address)).host?.name;
    };
    for (let index = 0; index <= 4_096; index++) {
      expect(nameOf(index)).toBeUndefined();
      await answersAreTold();
      expect(told).toHaveLength(index + 1);
    }
    expect(nameOf(1)).toBe('of-10-0-0-1.example');
    expect(nameOf(4_096)).toBe('of-10-0-16-0.example');
    expect(nameOf(0)).toBeUndefined();
    expect(asked.slice(-1)).toEqual(['10.0.0.0']);
  });
});
