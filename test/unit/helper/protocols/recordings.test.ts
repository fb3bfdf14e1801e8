import { describe, expect, it } from 'vitest';
import type { Detection } from '../../../../helper/src/protocols/detection';
import { fromServer, inspect, readRecording, recordingNames } from './recording';

type Expected = readonly [
  application: Detection['application'],
  label: string,
  certainty: Detection['certainty'],
  host?: string,
];

/** What is told about each recording. */
const expected: Record<string, Expected> = {
  'amqp-0-9-1': ['amqp-0-9-1', 'AMQP 0-9-1', 'certain'],
  'amqp-1.0': ['amqp-1.0', 'AMQP 1.0', 'certain'],
  bittorrent: ['bittorrent', 'BitTorrent', 'certain'],
  'chrome-devtools': ['chrome-devtools', 'Chrome DevTools', 'certain'],
  'debug-adapter': ['dap', 'Debug Adapter Protocol', 'certain'],
  dns: ['dns', 'DNS', 'certain'],
  'dns-missing': ['dns', 'DNS', 'certain'],
  'dns-tcp': ['dns', 'DNS · TCP', 'certain'],
  ftp: ['ftp', 'FTP', 'certain'],
  'ftp-tls': ['ftp', 'FTP · TLS 1.3', 'certain'],
  grpc: ['grpc', 'gRPC', 'certain'],
  'http-connect-proxy': ['http/1.1', 'TLS 1.3 · http/1.1', 'likely', 'inside.example.org'],
  'http1-curl': ['http/1.1', 'HTTP/1.1', 'certain', 'files.example.org'],
  'http1-keep-alive': ['http/1.1', 'HTTP/1.1', 'certain', 'shop.example.org'],
  'http1-pipelined': ['http/1.1', 'HTTP/1.1', 'certain', 'shop.example.org'],
  'http2-prior-knowledge': ['h2', 'HTTP/2', 'certain', 'api.example.org'],
  'http2-upgrade': ['h2', 'HTTP/2', 'certain', 'api.example.org'],
  https: ['tls', 'TLS 1.3', 'certain', 'www.example.org'],
  'https-chromium': ['http/1.1', 'TLS 1.3 · http/1.1', 'likely', 'www.example.org'],
  'https-curl': ['http/1.1', 'TLS 1.3 · http/1.1', 'likely', 'www.example.org'],
  kafka: ['kafka', 'Kafka', 'certain'],
  memcached: ['memcached', 'memcached', 'certain'],
  'memcached-binary': ['memcached', 'memcached', 'certain'],
  'memcached-meta': ['memcached', 'memcached', 'certain'],
  mongodb: ['mongodb', 'MongoDB', 'certain'],
  mqtt: ['mqtt', 'MQTT 3.1.1', 'certain'],
  'mqtt-5': ['mqtt', 'MQTT 5', 'certain'],
  'mqtt-refused': ['mqtt', 'MQTT 3.1.1', 'certain'],
  mysql: ['mysql', 'MySQL', 'certain'],
  'mysql-refused': ['mysql', 'MySQL', 'certain'],
  'mysql-tls': ['mysql', 'MySQL · TLS 1.3', 'certain'],
  nats: ['nats', 'NATS', 'certain'],
  'node-inspector': ['node-inspector', 'Node.js inspector', 'certain'],
  'node-inspector-list': ['node-inspector', 'Node.js inspector', 'certain'],
  ntp: ['ntp', 'NTP', 'certain'],
  postgresql: ['postgresql', 'PostgreSQL', 'certain'],
  'postgresql-no-database': ['postgresql', 'PostgreSQL', 'certain'],
  'postgresql-tls': ['postgresql', 'PostgreSQL · TLS 1.3', 'certain'],
  'postgresql-tls-refused': ['postgresql', 'PostgreSQL', 'certain'],
  'quic-chromium': ['h3', 'QUIC v1 · h3', 'likely', 'quic.example.org'],
  'quic-retry': ['h3', 'QUIC v1 · h3', 'likely', 'localhost'],
  'quic-unknown-version': ['quic', 'QUIC', 'certain'],
  'quic-v1': ['h3', 'QUIC v1 · h3', 'likely', 'localhost'],
  'quic-v1-rfc9001': ['quic', 'QUIC v1 · alpn', 'certain', 'example.com'],
  'quic-v2-draft': ['h3', 'QUIC v2 draft · h3', 'likely', 'localhost'],
  'quic-v2-rfc9369': ['quic', 'QUIC v2 · alpn', 'certain', 'example.com'],
  redis: ['redis', 'Redis', 'certain'],
  smtp: ['smtp', 'SMTP', 'certain'],
  'smtp-tls': ['smtp', 'SMTP · TLS 1.3', 'certain'],
  ssh: ['ssh', 'SSH', 'certain'],
  stun: ['stun', 'STUN', 'certain'],
  'tls-no-application-protocol': ['tls', 'TLS · offers mqtt', 'certain', 'service.example.org'],
  'tls-version-refused': ['tls', 'TLS', 'certain', 'service.example.org'],
  'tls12-node': ['h2', 'TLS 1.2 · h2', 'certain', 'service.example.org'],
  'tls12-refused-by-client': ['http/1.1', 'TLS 1.2 · http/1.1', 'certain', 'service.example.org'],
  'tls13-node': ['h2', 'TLS 1.3 · h2', 'likely', 'service.example.org'],
  'tls13-node-http1': ['http/1.1', 'TLS 1.3 · http/1.1', 'likely', 'service.example.org'],
  'tls13-openssl': ['tls', 'TLS 1.3 · offers h2', 'certain', 'service.example.org'],
  'tls13-refused-by-client': ['http/1.1', 'TLS 1.3 · http/1.1', 'likely', 'service.example.org'],
  'tls13-retry': ['tls', 'TLS 1.3', 'certain', 'service.example.org'],
  websocket: ['websocket', 'WebSocket', 'certain'],
};

describe('what real programs speak', () => {
  it('has an expectation for every recording', () => {
    expect(Object.keys(expected).sort()).toEqual([...recordingNames].sort());
  });

  describe.each(Object.entries(expected))('%s', (name, [application, label, certainty, host]) => {
    it.each([
      ['client', readRecording(name)],
      ['server', fromServer(readRecording(name))],
    ])('is told at the %s', (_end, recording) => {
      const { inspector } = inspect(recording);
      const { detection } = inspector;
      expect([detection?.application, detection?.label, detection?.certainty, detection?.host?.name]).toEqual(
        [application, label, certainty, host],
      );
    });
  });
});
