// Where the servers listen, and the names of their host. Their ports are not the usual ones: what is spoken has to be told
// by what is said.

/** Names that the name server gives to the far host. */
export const zone = 'shop.test';

/** A public resolver's name, here that of the far host: an encrypted one is told by its name. */
export const resolver = 'dns.google';

export const ports = {
  dns: 53,
  http: 18_080,
  https: 18_443,
  h2c: 18_081,
  quic: 18_444,
  postgresql: 15_999,
  redis: 16_999,
  mqtt: 11_999,
  amqp: 15_672,
  ssh: 12_222,
  memcached: 11_299,
  nats: 14_999,
  upgrade: 18_082,
  grpc: 15_051,
  websocket: 18_083,
  dot: 18_853,
  doh: 443,
  mysql: 13_999,
  amqp091: 15_673,
  smtp: 12_525,
  ftp: 12_121,
  stun: 13_479,
  ntp: 11_123,
  inspector: 19_229,
  bittorrent: 16_889,
  dtls: 18_447,
} as const;
