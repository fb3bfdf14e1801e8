// Databases and caches.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../support/namespaces';
import type { ServerHost } from '../server-host';
import { ports } from '../ports';

export function postgresql(host: ServerHost): void {
  const data = join(host.folder, 'postgresql');
  mkdirSync(data, { mode: 0o700 });
  run('chown', '65534:65534', data);
  const made = ['--no-sync', '--auth=scram-sha-256', '--username=shop', `--pwfile=${passwordFile(host)}`];
  host.run(host.asNobody('initdb', [...made, '-D', data]));
  const settings = ['-c', 'fsync=off', '-c', `hba_file=${hbaFile(host)}`];
  const place = ['-D', data, '-h', host.address, '-p', String(ports.postgresql), '-k', ''];
  host.startLine('postgres', host.asNobody('postgres', [...place, ...settings]));
}

function hbaFile(host: ServerHost): string {
  const file = join(host.folder, 'pg_hba.conf');
  writeFileSync(file, 'host all all all scram-sha-256\n');
  chmodSync(file, 0o644);
  return file;
}

function passwordFile(host: ServerHost): string {
  const file = join(host.folder, 'password');
  writeFileSync(file, host.password);
  chmodSync(file, 0o644);
  return file;
}

export function mariadb(host: ServerHost): void {
  const data = join(host.folder, 'mariadb');
  mkdirSync(data, { mode: 0o700 });
  run('chown', '65534:65534', data);
  const messages = join(host.placeOf('/usr/share/mysql'), 'english');
  host.startLine('mariadbd', [
    ...[host.programs.find('mariadbd'), '--no-defaults', `--datadir=${data}`, '--user=nobody'],
    ...[`--bind-address=${host.address}`, `--port=${String(ports.mysql)}`, '--skip-grant-tables'],
    ...[`--socket=${data}/socket`, `--pid-file=${data}/pid`, `--lc-messages-dir=${messages}`],
  ]);
}

export function redis(host: ServerHost): void {
  host.start('redis-server', [
    ...['--bind', host.address, '--port', String(ports.redis), '--dir', host.folder, '--daemonize', 'no'],
    ...['--save', '', '--requirepass', host.password],
  ]);
}

export function memcached(host: ServerHost): void {
  host.start('memcached', ['-u', 'nobody', '-l', host.address, '-p', String(ports.memcached)]);
}
