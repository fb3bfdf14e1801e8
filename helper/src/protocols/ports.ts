// What a port number suggests. A hint to show before the first byte, never evidence.
import { applications, type ApplicationId } from './applications';
import type { ConnectionContext, Detection } from './detection';

const tcp = new Map<number, ApplicationId>([
  [21, 'ftp'],
  [22, 'ssh'],
  [25, 'smtp'],
  [53, 'dns'],
  [80, 'http/1.1'],
  [110, 'pop3'],
  [143, 'imap'],
  [443, 'tls'],
  [465, 'tls'],
  [587, 'smtp'],
  [853, 'dot'],
  [993, 'tls'],
  [995, 'tls'],
  [1883, 'mqtt'],
  [3306, 'mysql'],
  [4222, 'nats'],
  [5432, 'postgresql'],
  [5671, 'tls'],
  [5672, 'amqp-0-9-1'],
  [6379, 'redis'],
  [6881, 'bittorrent'],
  [8883, 'tls'],
  [9092, 'kafka'],
  [9222, 'chrome-devtools'],
  [9229, 'node-inspector'],
  [11211, 'memcached'],
  [27017, 'mongodb'],
]);

const udp = new Map<number, ApplicationId>([
  [53, 'dns'],
  [67, 'dhcp'],
  [68, 'dhcp'],
  [123, 'ntp'],
  [443, 'quic'],
  [546, 'dhcpv6'],
  [547, 'dhcpv6'],
  [853, 'doq'],
  [3478, 'stun'],
  [5353, 'mdns'],
  [5355, 'llmnr'],
  [6881, 'bittorrent'],
  [11211, 'memcached'],
]);

/** The protocol for which the port of the side that was asked is registered or customary. */
export function guessByPort(context: ConnectionContext): Detection | undefined {
  const application = applicationOfPort(context);
  if (application === undefined) return undefined;
  return { application, label: applications[application], certainty: 'guess' };
}

/** As guessByPort, the id only. */
function applicationOfPort({
  transport,
  localPort,
  remotePort,
  outgoing,
}: ConnectionContext): ApplicationId | undefined {
  const ports = transport === 'tcp' ? tcp : udp;
  const [asked, asking] = outgoing ? [remotePort, localPort] : [localPort, remotePort];
  return ports.get(asked) ?? (transport === 'udp' ? ports.get(asking) : undefined);
}
