// The application protocols that are told apart: their stable ids and what people call them.

/**
 * Id of an application protocol: lower case, stable, fit for filters and JSON. Where a protocol travels inside TLS or QUIC
 * and its name is known, the id is the inner one (`h2`, `h3`, `dot`); `tls` and `quic` mean that it is not.
 */
export type ApplicationId = keyof typeof applications;

/** What people call each protocol. */
export const applications = {
  'amqp-0-9-1': 'AMQP 0-9-1',
  'amqp-1.0': 'AMQP 1.0',
  bittorrent: 'BitTorrent',
  'chrome-devtools': 'Chrome DevTools',
  dap: 'Debug Adapter Protocol',
  dhcp: 'DHCP',
  dhcpv6: 'DHCPv6',
  dns: 'DNS',
  doh: 'DNS over HTTPS',
  doq: 'DNS over QUIC',
  dot: 'DNS over TLS',
  ftp: 'FTP',
  grpc: 'gRPC',
  h2: 'HTTP/2',
  h3: 'HTTP/3',
  'http/1.0': 'HTTP/1.0',
  'http/1.1': 'HTTP/1.1',
  imap: 'IMAP',
  kafka: 'Kafka',
  llmnr: 'LLMNR',
  dtls: 'DTLS',
  lsp: 'Language Server Protocol',
  mdns: 'mDNS',
  memcached: 'memcached',
  mongodb: 'MongoDB',
  mqtt: 'MQTT',
  mysql: 'MySQL',
  nats: 'NATS',
  'node-inspector': 'Node.js inspector',
  ntp: 'NTP',
  pop3: 'POP3',
  postgresql: 'PostgreSQL',
  quic: 'QUIC',
  redis: 'Redis',
  smtp: 'SMTP',
  ssh: 'SSH',
  ssdp: 'SSDP',
  stun: 'STUN',
  tls: 'TLS',
  websocket: 'WebSocket',
} as const;
