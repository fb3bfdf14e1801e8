// The conversations of real clients with real servers: what is run, and what the helper has to tell of it.
import { expect } from 'vitest';
import type { FlowSummary } from '../../../helper/src/cli/json-lines';
import { ports, resolver, zone } from './ports';
import { peerProgram } from './server-host';

/** Planted wherever something is not to be told. */
export const secret = 'planted5ecret';

/** Address of the far host, where the servers are. */
export const farAddress = '10.77.0.2';

/** A client that speaks to a server, and what is to be told of it. */
export interface Conversation {
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

export const conversations: readonly Conversation[] = [
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
