// Those that peers talk to which find each other, or each other's address: BitTorrent, STUN, DTLS.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerHost } from '../server-host';
import { ports, zone } from '../ports';

/** Has a file that others want. */
export function bittorrent(host: ServerHost): void {
  const { folder, address } = host;
  const torrent = join(folder, 'goods.torrent');
  writeFileSync(join(folder, 'goods'), 'goods '.repeat(50_000));
  mkdirSync(join(folder, 'transmission'));
  writeFileSync(join(folder, 'transmission', 'settings.json'), '{"utp-enabled": false}');
  const announce = `http://${address}:${String(ports.http)}/announce`;
  const create = host.programs.find('transmission-create');
  host.run([create, '-o', torrent, '-t', announce, join(folder, 'goods')]);
  host.start('aria2c', [
    ...[`--listen-port=${String(ports.bittorrent)}`, `--interface=${address}`, `--dir=${folder}`],
    ...['--enable-dht=false', '--seed-ratio=0.0', '--check-integrity=true', torrent],
  ]);
}

export function turnserver(host: ServerHost): void {
  const { address, folder } = host;
  host.start('turnserver', [
    ...['-n', '-L', address, '-p', String(ports.stun), '--no-tls', '--no-dtls', '--no-cli', '--no-auth'],
    ...['--realm', zone, '--userdb', join(folder, 'turn.db'), '--pidfile', join(folder, 'turn.pid')],
    ...['--log-file', 'stdout'],
  ]);
}

export function dtls(host: ServerHost): void {
  host.start('openssl', [
    ...['s_server', '-dtls', '-accept', `${host.address}:${String(ports.dtls)}`],
    ...['-cert', host.certificate, '-key', host.key, '-quiet'],
  ]);
}
