// All servers at once, each as its package has it.
import { ports } from './ports';
import type { ServerHost } from './server-host';
import { mosquitto, nats, qpid, rabbitmq } from './servers/brokers';
import { mariadb, memcached, postgresql, redis } from './servers/databases';
import { chrony, dnsmasq, mdns, unbound } from './servers/names-and-time';
import { bittorrent, dtls, turnserver } from './servers/peers';
import { ftp, smtp, ssh } from './servers/shells-mail-and-files';
import { caddy, grpc, nginx, nodeInspector, upgradingProxy, websocketd } from './servers/web';

const servers = [
  ...[dnsmasq, unbound, chrony, mdns],
  ...[nginx, caddy, upgradingProxy, grpc, websocketd, nodeInspector],
  ...[postgresql, mariadb, redis, memcached],
  ...[mosquitto, qpid, rabbitmq, nats],
  ...[ssh, ftp, smtp],
  ...[bittorrent, turnserver, dtls],
];

/**
 * Those without TCP to knock at. The name server is asked over UDP as soon as it is there; these have begun by the time
 * that the slowest of the rest answers.
 */
const withoutStreams: readonly number[] = [ports.quic, ports.ntp, ports.dtls];

/** Starts all of them; resolves when each answers. */
export async function startServers(host: ServerHost): Promise<void> {
  host.prepare();
  for (const start of servers) start(host);
  const streams = Object.values(ports).filter((port) => !withoutStreams.includes(port));
  await Promise.all(streams.map((port) => host.waitForPort(port)));
}
