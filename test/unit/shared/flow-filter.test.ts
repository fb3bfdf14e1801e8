// Which connections a filter lets through, what they are called, and how they are put together.
import { describe, expect, it } from 'vitest';
import { groupOf, matchesFilter, matchesWords } from '../../../src/shared/flow-filter';
import { peerLabel, spokenLabel } from '../../../src/shared/flow-label';
import type { FlowSample } from '../../../src/shared/protocol';
import { flow } from '../cli/samples';

const registry = flow({
  id: 1,
  remote: { address: '192.0.2.1', port: 443 },
  host: { name: 'registry.example.org', source: 'sni' },
  application: 'h2',
  applicationLabel: 'TLS 1.3 · h2',
  certainty: 'certain',
});
const database = flow({
  id: 1,
  remote: { address: '10.0.0.5', port: 5432 },
  application: 'postgresql',
  applicationLabel: 'PostgreSQL',
  certainty: 'guess',
});
const unknown = flow({ id: 3, remote: { address: '2001:db8::1', port: 9999 } });

describe('a connection', () => {
  it('is called by name and protocol, with what is not obvious', () => {
    expect([peerLabel(registry), spokenLabel(registry)]).toEqual(['registry.example.org', 'TLS 1.3 · h2']);
    expect([peerLabel(database), spokenLabel(database)]).toEqual(['10.0.0.5:5432', 'PostgreSQL?']);
    expect([peerLabel(unknown), spokenLabel(unknown)]).toEqual(['[2001:db8::1]:9999', '']);
    expect(peerLabel({ ...database, host: { name: 'db', source: 'container' } })).toBe('db:5432');
  });

  it('is grouped by host and by protocol', () => {
    expect([registry, database, unknown].map((each) => groupOf(each, 'host'))).toEqual([
      'registry.example.org',
      '10.0.0.5',
      '2001:db8::1',
    ]);
    expect([registry, database, unknown].map((each) => groupOf(each, 'protocol'))).toEqual([
      'TLS 1.3 · h2',
      'PostgreSQL?',
      'unknown (TCP)',
    ]);
  });
});

describe('a filter', () => {
  it.each<[FlowSample, string[], string[], boolean]>([
    [registry, [], [], true],
    [registry, ['registry.example.org'], [], true],
    [registry, ['REGISTRY.example.org'], [], true],
    [registry, ['example.org'], [], false],
    [registry, ['*.example.org'], [], true],
    [registry, ['registry.*'], [], true],
    [registry, ['r*g*o*g'], [], true],
    [registry, ['r*z*g'], [], false],
    [registry, ['registry.example.org*registry.example.org'], [], false],
    [registry, ['*'], [], true],
    [registry, ['192.0.2.1'], [], true],
    [registry, ['192.0.2.*', 'other'], [], true],
    [registry, [], ['h2'], true],
    [registry, [], ['TLS'], true],
    [registry, [], ['tls 1.3'], true],
    [registry, [], ['tcp'], true],
    [registry, [], ['udp', 'postgresql'], false],
    [database, ['10.*'], ['postgresql'], true],
    [database, ['10.*'], ['h2'], false],
    [unknown, [], ['tls'], false],
  ])('%#: hosts %j %j', (each, hosts, protocols, passes) => {
    expect(matchesFilter(each, { hosts, protocols })).toBe(passes);
  });

  it.each<[FlowSample, string, boolean]>([
    [registry, 'example h2', true],
    [registry, '192.0.2.1 ESTABLISHED', true],
    [registry, 'example postgresql', false],
    [unknown, 'tcp 9999', true],
  ])('%#: words %j', (each, words, passes) => {
    expect(matchesWords(each, words)).toBe(passes);
  });
});
