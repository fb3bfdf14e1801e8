// Servers that tell names and the time.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerHost } from '../server-host';
import { ports, resolver, zone } from '../ports';

export function dnsmasq(host: ServerHost): void {
  host.start('dnsmasq', [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root'],
    ...[`--listen-address=${host.address}`, '--bind-interfaces', `--pid-file=${host.folder}/dnsmasq.pid`],
    ...[`--host-record=db.${zone},queue.${zone},far.${zone},${host.address}`],
    `--host-record=${resolver},${host.address}`,
    ...[`--cname=www.${zone},far.${zone}`, `--local=/${zone}/`],
    ...['--dhcp-range=10.77.0.100,10.77.0.120,1h', '--dhcp-authoritative'],
    ...[`--dhcp-leasefile=${host.folder}/leases`, '--log-queries', `--log-facility=${host.questions}`],
  ]);
}

/** A name server behind TLS and behind HTTPS. */
export function unbound(host: ServerHost): void {
  const file = join(host.folder, 'unbound.conf');
  const places = [ports.dot, ports.doh].map((port) => `  interface: ${host.address}@${String(port)}\n`);
  writeFileSync(
    file,
    `server:
${places.join('')}  tls-port: ${String(ports.dot)}
  https-port: ${String(ports.doh)}
  tls-service-key: "${host.key}"
  tls-service-pem: "${host.certificate}"
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "${host.folder}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  local-zone: "${zone}." static
  local-data: "www.${zone}. A ${host.address}"
remote-control:
  control-enable: no
`,
  );
  host.start('unbound', ['-d', '-c', file]);
}

/** Tells everybody on the link of a service. */
export function mdns(host: ServerHost): void {
  const file = join(host.folder, 'avahi.conf');
  writeFileSync(
    file,
    `[server]
host-name=far
use-ipv6=no
enable-dbus=no
[publish]
publish-workstation=yes
[rlimits]
`,
  );
  host.start('avahi-daemon', ['-f', file, '--no-drop-root', '--no-chroot', '--no-rlimits']);
}

/** A clock that tells the time without ever having been told it. */
export function chrony(host: ServerHost): void {
  const file = join(host.folder, 'chrony.conf');
  writeFileSync(
    file,
    `local stratum 3
port ${String(ports.ntp)}
bindaddress ${host.address}
allow all
cmdport 0
bindcmdaddress /
pidfile ${host.folder}/chrony.pid
`,
  );
  host.start('chronyd', ['-d', '-x', '-u', 'root', '-f', file]);
}
