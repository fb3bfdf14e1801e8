// What the helper shows of real clients that speak to real servers. The run writes docs/protocols.md, and nothing that
// was secret on a connection may stand anywhere in what the helper has written.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  outputLine,
  type FactLine,
  type FlowSummary,
  type SummaryLine,
} from '../../../helper/src/cli/json-lines';
import { sourceOfName } from '../../../src/shared/flow-label';
import { NotToBeHad } from '../../kernels/apt.mjs';
import { helperPath } from '../support/helper';
import { HostPair } from '../support/namespaces';
import { realPrograms, type RealPrograms } from './real-programs.mjs';
import { ports, Servers, zone } from './servers';

/** Planted wherever something is not to be told. */
const secret = 'planted5ecret';

/** The far host, where the servers are. */
let farAddress = '';
let pair: HostPair | undefined;
let folder: string | undefined;
let programs: RealPrograms;
let servers: Servers | undefined;
let unavailable: string | undefined;
/** Everything that the helper wrote, whatever the form. */
const written: string[] = [];
/** Rows of the table in docs/protocols.md. */
const rows = new Map<string, string>();

beforeAll(async () => {
  try {
    programs = await realPrograms();
  } catch (error) {
    if (!(error instanceof NotToBeHad)) throw error;
    unavailable = error.message;
    return;
  }
  folder = mkdtempSync(join(tmpdir(), 'procnetmon-peers-'));
  pair = new HostPair('peers');
  farAddress = pair.far.ipv4;
  servers = new Servers(programs, folder, pair.far.namespace, pair.far.ipv4);
  servers.password = secret;
  await servers.start();
}, 300_000);

afterAll(async () => {
  await servers?.stop();
  pair?.dispose();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Seen {
  flows: FlowSummary[];
  facts: FactLine[];
}

/** Runs a client on the near host, watched by the helper, and returns what was told of it. */
function watch(client: string[], options: string[] = [], input = ''): Seen {
  if (folder === undefined || pair === undefined) throw new Error('The servers are not there.');
  const output = join(folder, 'output.jsonl');
  const withNames = `mount --bind ${folder}/resolv.conf /etc/resolv.conf && exec "$@"`;
  const [command = '', ...args] = client;
  const line = [
    ...[`--net=/run/netns/${pair.near.namespace}`, helperPath, 'run', '--format', 'json'],
    ...['-o', output, ...options, '--', 'unshare', '--mount', 'sh', '-c', withNames, 'sh'],
    ...[programs.find(command), ...args],
  ];
  const { stderr, status } = spawnSync('nsenter', line, {
    encoding: 'utf8',
    timeout: 30_000,
    input,
    env: { ...programs.environment, HOME: folder, PGPASSWORD: secret, REDISCLI_AUTH: secret },
  });
  const text = readFileSync(output, 'utf8');
  written.push(text, stderr);
  const lines = text
    .trim()
    .split('\n')
    .map((json) => outputLine.parse(JSON.parse(json)));
  const summary = lines.findLast((entry): entry is SummaryLine => entry.type === 'summary');
  expect(summary, `${client.join(' ')} ended with ${String(status)}: ${stderr}`).toBeDefined();
  return {
    flows: (summary?.processes ?? []).flatMap(({ flows }) => flows),
    facts: lines.filter((entry): entry is FactLine => entry.type === 'fact'),
  };
}

interface Case {
  server: string;
  client: string;
  command: string[];
  input?: string;
  port: number;
  application: string;
  label: string;
  /** `certain` when absent. */
  certainty?: FlowSummary['certainty'];
  /** Absent where nothing names it. */
  host?: { name: string; source: FlowSummary['hostSource'] };
  /** What is told of the conversation; the latest state of each fact holds these fields. */
  facts?: Partial<Record<string, unknown>>[];
  says: string;
}

const far = { name: `far.${zone}`, source: 'dns' } as const;
const url = (scheme: string, name: string, port: number, path: string): string =>
  `${scheme}://${name}.${zone}:${String(port)}${path}`;
const noisy = ['-s', '-o', '/dev/null', '-H', `Authorization: Bearer ${secret}`, '-b', `session=${secret}`];

const cases: Case[] = [
  {
    server: 'nginx',
    client: 'curl',
    command: [
      'curl',
      ...noisy,
      '-d',
      `card=${secret}`,
      url('http', 'far', ports.http, `/buy?token=${secret}`),
    ],
    port: ports.http,
    application: 'http/1.1',
    label: 'HTTP/1.1',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [{ kind: 'http-exchange', method: 'POST', path: '/buy', status: 200, requestedBy: 'local' }],
    says: 'method, path, status, time to the first byte',
  },
  {
    server: 'nginx',
    client: 'curl, two requests on one connection',
    command: [
      ...['curl', ...noisy, url('http', 'far', ports.http, `/one?${secret}`)],
      ...['--next', ...noisy, url('http', 'far', ports.http, `/missing?${secret}`)],
    ],
    port: ports.http,
    application: 'http/1.1',
    label: 'HTTP/1.1',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [
      { kind: 'http-exchange', id: 1, path: '/one', status: 200 },
      { kind: 'http-exchange', id: 2, path: '/missing', status: 404 },
    ],
    says: 'each request of its own',
  },
  {
    server: 'nginx',
    client: 'curl --http2-prior-knowledge',
    command: ['curl', ...noisy, '--http2-prior-knowledge', url('http', 'far', ports.h2c, `/h2?q=${secret}`)],
    port: ports.h2c,
    application: 'h2',
    label: 'HTTP/2',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [{ kind: 'http-exchange', version: '2', method: 'GET', path: '/h2', status: 200 }],
    says: 'method, path, status, time to the first byte',
  },
  {
    server: 'nginx, TLS',
    client: 'curl',
    command: ['curl', '-k', ...noisy, url('https', 'www', ports.https, `/?q=${secret}`)],
    port: ports.https,
    application: 'h2',
    label: 'TLS 1.3 · h2',
    certainty: 'likely',
    host: { name: `www.${zone}`, source: 'sni' },
    facts: [{ kind: 'tls-handshake', version: 'TLS 1.3' }],
    says: 'time of the handshake',
  },
  {
    server: 'nginx, TLS',
    client: 'curl --tls-max 1.2 --http1.1',
    command: ['curl', '-k', ...noisy, '--tls-max', '1.2', '--http1.1', url('https', 'www', ports.https, '/')],
    port: ports.https,
    application: 'http/1.1',
    label: 'TLS 1.2 · http/1.1',
    host: { name: `www.${zone}`, source: 'sni' },
    facts: [{ kind: 'tls-handshake', version: 'TLS 1.2' }],
    says: 'time of the handshake',
  },
  {
    server: 'nginx, TLS',
    client: 'curl, which does not trust the certificate',
    command: ['curl', ...noisy, '--tls-max', '1.2', url('https', 'www', ports.https, '/')],
    port: ports.https,
    application: 'h2',
    label: 'TLS 1.2 · h2',
    host: { name: `www.${zone}`, source: 'sni' },
    facts: [{ kind: 'tls-alert', from: 'local', alert: 'unknown_ca' }],
    says: 'the alert, in words',
  },
  {
    server: 'Caddy (quic-go)',
    client: 'gtlsclient (ngtcp2)',
    command: [
      ...['gtlsclient', '--quiet', '--exit-on-all-streams-close', `www.${zone}`, String(ports.quic)],
      url('https', 'www', ports.quic, `/?q=${secret}`),
    ],
    port: ports.quic,
    application: 'h3',
    label: 'QUIC v1 · h3',
    certainty: 'likely',
    host: { name: `www.${zone}`, source: 'sni' },
    says: 'name and protocol out of the encrypted first packets',
  },
  {
    server: 'PostgreSQL',
    client: 'psql',
    command: [
      ...['psql', '-h', `db.${zone}`, '-p', String(ports.postgresql), '-U', 'shop', '-d', 'postgres'],
      ...['-c', `SELECT '${secret}'`],
    ],
    port: ports.postgresql,
    application: 'postgresql',
    label: 'PostgreSQL',
    host: { name: `db.${zone}`, source: 'dns' },
    says: 'the name that was asked for',
  },
  {
    server: 'Redis',
    client: 'redis-cli',
    command: ['redis-cli', '-h', `queue.${zone}`, '-p', String(ports.redis), 'SET', 'key', secret],
    port: ports.redis,
    application: 'redis',
    label: 'Redis',
    host: { name: `queue.${zone}`, source: 'dns' },
    says: 'the name that was asked for',
  },
  {
    server: 'Mosquitto',
    client: 'mosquitto_pub',
    command: [
      ...['mosquitto_pub', '-h', `queue.${zone}`, '-p', String(ports.mqtt), '-t', `topic/${secret}`],
      ...['-u', 'user', '-P', secret, '-m', secret],
    ],
    port: ports.mqtt,
    application: 'mqtt',
    label: 'MQTT 3.1.1',
    host: { name: `queue.${zone}`, source: 'dns' },
    says: 'the version',
  },
  {
    server: 'Apache Qpid Proton',
    client: 'Qpid Proton for Python',
    command: ['python3', '-'],
    input: `
from proton import Message
from proton.utils import BlockingConnection
connection = BlockingConnection('amqp://queue.${zone}:${String(ports.amqp)}', timeout=10)
sender = connection.create_sender('${secret}')
connection.close()
`,
    port: ports.amqp,
    application: 'amqp-1.0',
    label: 'AMQP 1.0',
    host: { name: `queue.${zone}`, source: 'dns' },
    says: 'the version',
  },
  {
    server: 'OpenSSH',
    client: 'ssh',
    command: [
      ...['ssh', '-p', String(ports.ssh), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
      ...['-o', 'UserKnownHostsFile=/dev/null', '-F', '/dev/null', `shop@far.${zone}`, `echo ${secret}`],
    ],
    port: ports.ssh,
    application: 'ssh',
    label: 'SSH',
    host: far,
    facts: [
      { kind: 'software', of: 'remote', name: expect.stringMatching(/^OpenSSH_/) },
      { kind: 'software', of: 'local', name: expect.stringMatching(/^OpenSSH_/) },
    ],
    says: 'the software of both ends',
  },
  {
    server: 'dnsmasq',
    client: 'kdig',
    command: ['kdig', `www.${zone}`, 'A'],
    port: ports.dns,
    application: 'dns',
    label: 'DNS',
    facts: [
      {
        kind: 'dns-exchange',
        question: `www.${zone}`,
        recordType: 'A',
        answerCode: 'NOERROR',
        answers: expect.arrayContaining([`far.${zone}`]),
      },
    ],
    says: 'question, answer, code, time to the answer',
  },
  {
    server: 'dnsmasq',
    client: 'kdig +tcp, for a name that does not exist',
    command: ['kdig', '+tcp', `nobody.${zone}`, 'AAAA'],
    port: ports.dns,
    application: 'dns',
    label: 'DNS · TCP',
    facts: [{ kind: 'dns-exchange', question: `nobody.${zone}`, recordType: 'AAAA', answerCode: 'NXDOMAIN' }],
    says: 'question, code, time to the answer',
  },
  {
    server: 'memcached',
    client: 'bash',
    command: [
      ...[
        'bash',
        '-c',
        `exec 3<>/dev/tcp/queue.${zone}/${String(ports.memcached)}; printf 'get ${secret}\\r\\n' >&3; read -r line <&3`,
      ],
    ],
    port: ports.memcached,
    application: 'memcached',
    label: 'memcached',
    host: { name: `queue.${zone}`, source: 'dns' },
    says: 'the name that was asked for',
  },
  {
    server: 'NATS',
    client: 'bash',
    command: [
      ...[
        'bash',
        '-c',
        `exec 3<>/dev/tcp/queue.${zone}/${String(ports.nats)}; read -r line <&3; printf 'CONNECT {"verbose":true,"pass":"${secret}"}\\r\\nPING\\r\\n' >&3; read -r line <&3`,
      ],
    ],
    port: ports.nats,
    application: 'nats',
    label: 'NATS',
    host: { name: `queue.${zone}`, source: 'dns' },
    says: 'the name that was asked for',
  },
];

/** What is known of the host, for the table. */
function describeHost({ host, hostSource }: FlowSummary): string {
  if (host === null || hostSource === null) return '–';
  return `\`${host}\`, ${sourceOfName({ host: { name: host, source: hostSource } }) ?? ''}`;
}

/** Facts by what they are about: the later one about a request replaces the earlier. */
function latestOf(facts: readonly FactLine[]): FactLine[] {
  const key = (fact: FactLine): string =>
    'id' in fact ? `${String(fact.flow)} ${fact.kind} ${String(fact.id)}` : JSON.stringify(fact);
  return [...new Map(facts.map((fact) => [key(fact), fact])).values()];
}

function page(): string {
  return `# Protocols on real peers

What the helper shows of real clients that speak to real servers, each from its Debian package. But for the name server
their ports are not the usual ones, so that only what is said can tell. This page is written by \`test/kernel/protocols\`, which also checks it: \`vitest --update\` writes it anew.

| Server | Client | Id | Shown as | How sure | Host, and how it is known | Told beside that |
| --- | --- | --- | --- | --- | --- | --- |
${[...rows.values()].join('\n')}

\`certain\`: told by bytes that only this protocol writes. \`likely\`: the server's choice is encrypted, in TLS 1.3 and QUIC
always, and was told from what the client offers and from the lengths of what follows.

Passwords, tokens, cookies, query strings, bodies, statements and topics were planted in these conversations; none of them
stands anywhere in what the helper wrote.
`;
}

describe('a real conversation', () => {
  it.for(cases)('$client with $server', (each, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const { flows, facts } = watch(each.command, [], each.input);
    const peer = `${farAddress}:${String(each.port)}`;
    const met = flows.filter(({ remote }) => remote === peer);
    const flow = met.find(({ application }) => application !== null) ?? met[0];
    expect(flow, JSON.stringify(flows)).toMatchObject({
      application: each.application,
      applicationLabel: each.label,
      certainty: each.certainty ?? 'certain',
      host: each.host?.name ?? null,
      hostSource: each.host?.source ?? null,
    });
    for (const fact of each.facts ?? []) {
      expect(latestOf(facts)).toEqual(expect.arrayContaining([expect.objectContaining(fact)]));
    }
    if (flow === undefined) return;
    const cells = [
      ...[each.server, each.client, `\`${each.application}\``, each.label, flow.certainty ?? ''],
      ...[describeHost(flow), each.says],
    ];
    rows.set(`${each.server} ${each.client}`, `| ${cells.join(' | ')} |`);
  });
});

describe('what was said', () => {
  it('is not looked at with --no-inspect', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const [http] = cases;
    const { flows, facts } = watch(http?.command ?? [], ['--no-inspect']);
    expect(flows.filter(({ remote }) => remote === `${farAddress}:${String(ports.http)}`)).toHaveLength(1);
    for (const { application, host, requests } of flows) {
      expect({ application, host, requests }).toEqual({ application: null, host: null, requests: [] });
    }
    expect(facts).toEqual([]);
  });

  it('can be filtered by host and by protocol', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const [http] = cases;
    const only = (...options: string[]): (string | null)[] =>
      watch(http?.command ?? [], options).flows.map(({ remote }) => remote);
    expect(only('--protocol', 'http/1.1')).toEqual([`${farAddress}:${String(ports.http)}`]);
    expect(new Set(only('--protocol', 'dns'))).toEqual(new Set([`${farAddress}:53`]));
    expect(only('--host', `*.${zone}`)).toEqual([`${farAddress}:${String(ports.http)}`]);
    expect(only('--host', 'elsewhere.example')).toEqual([]);
  });

  it('holds no secret, in whatever form it is written', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(written.length).toBeGreaterThan(2 * cases.length);
    // Command lines are those of the process list, which everybody on the machine can read.
    const told = written.map((text) => text.replaceAll(/"command":"(?:[^"\\]|\\.)*"/g, ''));
    expect(told.filter((text) => text.includes(secret))).toEqual([]);
  });

  it('is in docs/protocols.md (vitest --update writes it)', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(rows.size).toBe(cases.length);
    const text = await format(page(), { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' });
    await expect(text).toMatchFileSnapshot('../../../docs/protocols.md');
  });
});
