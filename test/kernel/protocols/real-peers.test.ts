// What the helper shows of real clients that speak to real servers. The run writes docs/protocols.md, and nothing that
// was secret on a connection may stand anywhere in what the helper has written.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  outputLine,
  type FactLine,
  type FlowSummary,
  type SummaryLine,
} from '../../../helper/src/cli/json-lines';
import { sourceOfName } from '../../../src/shared/flow-label';
import { NotToBeHad } from '../../debian/unpacked-packages.mjs';
import { helperPath } from '../support/helper';
import { HostPair, run } from '../support/namespaces';
import { realPrograms, type RealPrograms } from './real-programs.mjs';
import { peerProgram, ports, resolver, Servers, zone } from './servers';

/** Planted wherever something is not to be told. */
const secret = 'planted5ecret';

/** Address of the far host, where the servers are. */
const farAddress = '10.77.0.2';
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
  for (const { namespace, interface: device } of [pair.near, pair.far]) {
    run('ip', '-n', namespace, 'route', 'add', '224.0.0.0/4', 'dev', device);
  }
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
  /** What the client and the helper told people. */
  said: string;
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
    ...[`--net=/run/netns/${pair.near.namespace}`, 'unshare', '--mount', 'sh', '-c', withNames, 'sh'],
    ...[helperPath, 'run', '--format', 'json', '-o', output, ...options, '--'],
    ...[command.includes('/') ? command : programs.find(command), ...args],
  ];
  const { stdout, stderr, status } = spawnSync('nsenter', line, {
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
    said: stdout + stderr,
    flows: (summary?.processes ?? []).flatMap(({ flows }) => flows),
    facts: lines.filter((entry): entry is FactLine => entry.type === 'fact'),
  };
}

interface Case {
  server: string;
  client: string;
  command: string[];
  input?: string;
  /** Of the far host; absent where both ends are watched, on the near host's loopback. */
  port?: number;
  /** Instead of the far host's address and the port. */
  remote?: string;
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

const localhost = { name: 'localhost', source: 'hosts-file' } as const;
const queue = { name: `queue.${zone}`, source: 'dns' } as const;
const far = { name: `far.${zone}`, source: 'dns' } as const;
const url = (scheme: string, name: string, port: number, path: string): string =>
  `${scheme}://${name}.${zone}:${String(port)}${path}`;
const transmission =
  'cd && exec timeout 5 transmission-cli -g "$0" -w "$0" --encryption-tolerated --no-portmap goods.torrent';
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
    client: 'memccat (libmemcached)',
    command: ['memccat', `--servers=queue.${zone}:${String(ports.memcached)}`, secret],
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
  {
    server: 'nghttpx',
    client: 'curl --http2',
    command: ['curl', ...noisy, '--http2', url('http', 'far', ports.upgrade, `/up?q=${secret}`)],
    port: ports.upgrade,
    application: 'h2',
    label: 'HTTP/2',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [{ kind: 'http-exchange', method: 'GET', path: '/up', status: 200 }],
    says: 'the request that asked for the upgrade',
  },
  {
    server: 'gRPC for Python',
    client: 'gRPC for Python',
    command: ['python3', peerProgram('grpc_client'), `far.${zone}:${String(ports.grpc)}`, secret],
    port: ports.grpc,
    application: 'grpc',
    label: 'gRPC',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [
      { kind: 'http-exchange', method: 'POST', path: '/shop.Orders/Place', status: 200, grpcStatus: 0 },
    ],
    says: 'the call, its status, time to the answer',
  },
  {
    server: 'websocketd',
    client: 'websockets for Python',
    command: [
      ...['python3', peerProgram('websocket_client'), url('ws', 'far', ports.websocket, `/live?t=${secret}`)],
      secret,
    ],
    port: ports.websocket,
    application: 'websocket',
    label: 'WebSocket',
    host: { name: `far.${zone}`, source: 'http-host' },
    facts: [{ kind: 'http-exchange', method: 'GET', path: '/live', status: 101 }],
    says: 'the request that began it',
  },
  {
    server: 'Unbound',
    client: 'kdig +tls',
    command: ['kdig', '+tls', '-p', String(ports.dot), `@far.${zone}`, `www.${zone}`],
    port: ports.dot,
    application: 'dot',
    label: 'TLS 1.3 · DNS over TLS',
    certainty: 'likely',
    host: { name: `far.${zone}`, source: 'sni' },
    says: 'time of the handshake',
  },
  {
    server: 'Unbound',
    client: 'kdig +https',
    command: ['kdig', '+https', `@${resolver}`, `www.${zone}`],
    port: ports.doh,
    application: 'doh',
    label: 'TLS 1.3 · DNS over HTTPS',
    certainty: 'likely',
    host: { name: resolver, source: 'sni' },
    says: 'time of the handshake',
  },
  {
    server: 'OpenSSL',
    client: 'OpenSSL s_client -dtls',
    command: [
      'timeout',
      '3',
      'openssl',
      's_client',
      '-dtls',
      '-connect',
      `far.${zone}:${String(ports.dtls)}`,
    ],
    input: `${secret}\n`,
    port: ports.dtls,
    application: 'dtls',
    label: 'DTLS',
    host: far,
    says: 'the name that was asked for',
  },
  {
    server: 'MariaDB',
    client: 'mariadb',
    command: [
      ...['mariadb', '--no-defaults', '-h', `db.${zone}`, '-P', String(ports.mysql), '-u', 'shop'],
      ...[`-p${secret}`, '-e', `SELECT '${secret}'`],
    ],
    port: ports.mysql,
    application: 'mysql',
    label: 'MySQL',
    host: { name: `db.${zone}`, source: 'dns' },
    facts: [{ kind: 'software', of: 'remote', name: expect.stringMatching(/MariaDB/) }],
    says: 'the software of the server',
  },
  {
    server: 'MockupDB (of MongoDB)',
    client: 'PyMongo',
    command: ['python3', peerProgram('mongodb'), secret],
    application: 'mongodb',
    label: 'MongoDB',
    host: localhost,
    says: '–',
  },
  {
    server: 'librdkafka, its own broker',
    client: 'kcat (librdkafka)',
    command: ['kcat', '-P', '-b', 'nobody', '-X', 'test.mock.num.brokers=1', '-t', `topic-${secret}`],
    input: `${secret}\n`,
    application: 'kafka',
    label: 'Kafka',
    host: localhost,
    says: '–',
  },
  {
    server: 'RabbitMQ',
    client: 'amqp-publish (rabbitmq-c)',
    command: [
      ...['amqp-publish', '-u', `amqp://shop:${secret}@queue.${zone}:${String(ports.amqp091)}`],
      ...['-r', secret, '-b', secret],
    ],
    port: ports.amqp091,
    application: 'amqp-0-9-1',
    label: 'AMQP 0-9-1',
    host: queue,
    says: 'the name that was asked for',
  },
  {
    server: 'aiosmtpd',
    client: 'curl',
    command: [
      ...['curl', '-s', '-u', `shop:${secret}`, '--login-options', 'AUTH=PLAIN', '-T', '-'],
      ...['--mail-from', 'a@shop.test', '--mail-rcpt', 'b@shop.test', url('smtp', 'queue', ports.smtp, '')],
    ],
    input: `Subject: ${secret}\r\n\r\n${secret}\r\n`,
    port: ports.smtp,
    application: 'smtp',
    label: 'SMTP',
    host: queue,
    says: 'the name that was asked for',
  },
  {
    server: 'aiosmtpd',
    client: 'curl --ssl-reqd, which begins TLS in the middle',
    command: [
      ...['curl', '-k', '-s', '--ssl-reqd', '-u', `shop:${secret}`, '-T', '-', '--mail-from', 'a@shop.test'],
      ...['--mail-rcpt', 'b@shop.test', url('smtp', 'queue', ports.smtp, '')],
    ],
    input: `Subject: ${secret}\r\n\r\n${secret}\r\n`,
    port: ports.smtp,
    application: 'smtp',
    label: 'SMTP · TLS 1.3',
    host: { name: `queue.${zone}`, source: 'sni' },
    says: 'time of the handshake',
  },
  {
    server: 'pyftpdlib',
    client: 'curl',
    command: ['curl', '-s', '-l', '-u', `shop:${secret}`, url('ftp', 'far', ports.ftp, '/')],
    port: ports.ftp,
    application: 'ftp',
    label: 'FTP',
    host: far,
    says: 'the name that was asked for',
  },
  {
    server: 'coturn',
    client: 'turnutils_stunclient (coturn)',
    command: ['turnutils_stunclient', '-p', String(ports.stun), farAddress],
    port: ports.stun,
    application: 'stun',
    label: 'STUN',
    says: '–',
  },
  {
    server: 'chrony',
    client: 'chronyd -Q',
    command: [
      ...['chronyd', '-Q', '-t', '10', '-u', 'root', '-f', '/dev/null'],
      `server far.${zone} port ${String(ports.ntp)} iburst`,
    ],
    port: ports.ntp,
    application: 'ntp',
    label: 'NTP',
    host: far,
    says: 'the name that was asked for',
  },
  {
    server: 'dnsmasq',
    client: 'dhcping',
    command: ['dhcping', '-v', '-c', '10.77.0.1', '-s', farAddress, '-h', '02:00:00:00:00:01', '-t', '3'],
    port: 67,
    application: 'dhcp',
    label: 'DHCP',
    says: '–',
  },
  {
    server: 'Avahi',
    client: 'mdns-scan',
    command: ['timeout', '3', 'mdns-scan'],
    remote: '224.0.0.251:5353',
    application: 'mdns',
    label: 'mDNS',
    facts: [{ kind: 'dns-exchange', question: '_services._dns-sd._udp.local', recordType: 'PTR' }],
    says: 'questions',
  },
  {
    server: 'aria2',
    client: 'transmission-cli, without uTP',
    command: ['sh', '-c', transmission, 'transmission'],
    port: ports.bittorrent,
    application: 'bittorrent',
    label: 'BitTorrent',
    says: '–',
  },
  {
    server: 'none',
    client: 'transmission-cli, with uTP',
    command: ['sh', '-c', transmission, 'transmission-utp'],
    port: ports.bittorrent,
    application: 'bittorrent',
    label: 'BitTorrent uTP',
    certainty: 'likely',
    says: '–',
  },
  {
    server: 'Node.js',
    client: 'node inspect',
    command: ['timeout', '3', process.execPath, 'inspect', `${farAddress}:${String(ports.inspector)}`],
    port: ports.inspector,
    application: 'node-inspector',
    label: 'Node.js inspector',
    says: 'requests',
  },
  {
    server: 'debugpy, the debugged program',
    client: 'debugpy, the adapter',
    command: ['python3', '-m', 'debugpy', '--listen', '15678', '-c', 'pass'],
    application: 'dap',
    label: 'Debug Adapter Protocol',
    host: localhost,
    says: '–',
  },
];

/** The secret as it is, and as Basic, SASL and their like write it: in Base64, whatever stands before it; and in hex. */
const spellings = [
  secret,
  Buffer.from(secret).toString('hex'),
  ...['', 'x', 'xx'].map((before) => {
    const text = Buffer.from(before + secret).toString('base64');
    // Without what is mixed with the bytes before and behind.
    return text.slice(before === '' ? 0 : 4, -4);
  }),
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

What the helper shows of real clients that speak to real servers, each from its Debian package. Where the protocol leaves
the choice, their ports are not the usual ones, so that only what is said can tell. This page is written by
\`test/kernel/protocols\`, which also checks it: \`vitest --update\` writes it anew.

| Server | Client | Id | Shown as | How sure | Host, and how it is known | Told beside that |
| --- | --- | --- | --- | --- | --- | --- |
${[...rows.values()].join('\n')}

\`certain\`: told by bytes that only this protocol writes. \`likely\`: the server's choice is encrypted, in TLS 1.3 and QUIC
always, and was told from what the client offers and from the lengths of what follows.

What stands in for a peer that cannot be had from Debian or the npm registry:

- **MongoDB**: its server is in neither. MockupDB, of MongoDB's own makers, answers their own driver.
- **Kafka**: its broker is in neither. The one within librdkafka answers librdkafka.
- **NATS**: its command-line client is in neither. A shell says to the real server what a client would.
- **BitTorrent**: uTP is tried with a peer that does not know it, as aria2 does not. Conversations that hide what they
  are, as both prefer where nothing else is asked for, are told as nothing.

Known by recordings and made samples only (\`test/unit/helper/protocols\`): Chrome's debugging protocol, the Language Server
Protocol, DNS over QUIC, LLMNR, DHCPv6, SSDP, IMAP and POP3.

Passwords, tokens, cookies, query strings, bodies, statements and topics were planted in these conversations; none of them
stands anywhere in what the helper wrote.
`;
}

describe('a real conversation', () => {
  it.for(cases)('$client with $server', (each, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const { flows, facts, said } = watch(each.command, [], each.input);
    const peer = each.remote ?? (each.port === undefined ? undefined : `${farAddress}:${String(each.port)}`);
    const met = flows.filter(({ remote }) =>
      peer === undefined ? remote?.startsWith('127.0.0.1:') : remote === peer,
    );
    const flow = met.find(({ application }) => application !== null) ?? met[0];
    expect(flow, `${JSON.stringify(flows)}\n${said}`).toMatchObject({
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

/** Of the far host, with counters that begin anew: the first segment with content is lost, each way. */
const lossy = `
table inet loss
delete table inet loss
table inet loss {
  chain arriving { type filter hook input priority 0; iifname wire0 tcp flags & psh == psh numgen inc mod 1000 < 1 drop; }
  chain leaving { type filter hook output priority 0; oifname wire0 tcp flags & psh == psh numgen inc mod 1000 < 1 drop; }
}
`;

const inFar = (...command: string[]): void => {
  if (pair !== undefined) run('ip', 'netns', 'exec', pair.far.namespace, ...command);
};

const wires = [
  {
    wire: 'that loses the first segment each way',
    lay: () => inFar('sh', '-c', `printf '%s' "$0" | nft -f -`, lossy),
    takeAway: () => inFar('nft', 'delete', 'table', 'inet', 'loss'),
    retransmits: true,
  },
  {
    wire: 'that carries no bundles, and little at a time',
    lay: () => {
      pair?.setOffloads('off');
      setMtu(576);
    },
    takeAway: () => {
      setMtu(1500);
      pair?.setOffloads('on');
    },
    retransmits: false,
  },
];

function setMtu(bytes: number): void {
  for (const { namespace, interface: device } of pair === undefined ? [] : [pair.near, pair.far]) {
    run('ip', '-n', namespace, 'link', 'set', device, 'mtu', String(bytes));
  }
}

describe.for(wires)('on a wire $wire', ({ lay, takeAway, retransmits }) => {
  beforeEach(lay);
  afterEach(takeAway);

  const apart = ['http/1.1', 'h2', 'postgresql', 'grpc', 'mysql', 'redis'];
  const tried = cases.filter(
    ({ application, client }) => apart.includes(application) && !client.includes('trust'),
  );

  it.for(tried)('$client with $server', (each, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const { flows, said } = watch(each.command, [], each.input);
    const flow = flows.find(({ remote }) => remote === `${farAddress}:${String(each.port)}`);
    expect(flow, said).toMatchObject({
      application: each.application,
      applicationLabel: each.label,
      host: each.host?.name ?? null,
    });
    if (retransmits) expect(flow?.retransmits).toBeGreaterThan(0);
  });
});

describe('the name of an address that nothing else names', () => {
  const questions = (): string[] =>
    readFileSync(servers?.questions ?? '', 'utf8')
      .split('\n')
      .filter((line) => line.includes('query[PTR]'));
  const visit = `curl -s -o /dev/null http://${farAddress}:${String(ports.http)}/`;
  const peer = `${farAddress}:${String(ports.http)}`;

  it('is not asked for', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const before = questions();
    const { flows } = watch(['sh', '-c', visit]);
    expect(flows.find(({ remote }) => remote === peer)).toMatchObject({ host: null, hostSource: null });
    expect(questions()).toEqual(before);
  });

  it('is asked for where the user wants that, and shown', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const before = questions().length;
    // The program waits until the name server was asked.
    const wait = 'until [ "$(grep -c query.PTR "$1")" -gt "$2" ]; do sleep 0.1; done';
    const script = `${visit}; timeout 20 sh -c '${wait}' wait "$1" "$2"`;
    const command = ['sh', '-c', script, 'visit', servers?.questions ?? '', String(before)];
    const { flows, said } = watch(command, ['--reverse-lookup']);
    expect(
      flows.find(({ remote }) => remote === peer),
      said,
    ).toMatchObject({
      host: `db.${zone}`,
      hostSource: 'reverse-lookup',
    });
    expect(questions().slice(before)).toEqual([expect.stringContaining('2.0.77.10.in-addr.arpa')]);
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

  it.for(['table', 'json'])('is told without secrets as %s', (form, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const path = `${farAddress}:${String(ports.http)}/pay;${secret}?card=${secret}#${secret}`;
    const basic = ['curl', '-s', '-o', '/dev/null', `http://shop:${secret}@${path}`];
    const line = [
      `--net=/run/netns/${pair?.near.namespace ?? ''}`,
      helperPath,
      'run',
      '--format',
      form,
      '--',
    ];
    const { stdout, stderr, status } = spawnSync(
      'nsenter',
      [...line, programs.find('curl'), ...basic.slice(1)],
      {
        encoding: 'utf8',
        timeout: 30_000,
        env: programs.environment,
      },
    );
    written.push(stdout + stderr);
    expect(stdout + stderr).toMatch(/http\/1\.1/i);
    expect(status).toBe(0);
  });

  it('holds no secret, in whatever form it is written', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(written.length).toBeGreaterThan(2 * cases.length);
    // Command lines are those of the process list, which everybody on the machine can read.
    const told = written.map((text) => text.replaceAll(/"command":"(?:[^"\\]|\\.)*"/g, ''));
    const found = told.flatMap((text) => spellings.filter((spelling) => text.includes(spelling)));
    expect(found).toEqual([]);
  });

  it('is in docs/protocols.md (vitest --update writes it)', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(rows.size).toBe(cases.length);
    const text = await format(page(), { parser: 'markdown', printWidth: 120, proseWrap: 'preserve' });
    await expect(text).toMatchFileSnapshot('../../../docs/protocols.md');
  });
});
