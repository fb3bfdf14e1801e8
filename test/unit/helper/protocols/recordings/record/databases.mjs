// Databases and caches.
import { execFileSync } from 'node:child_process';
import { file, files, temporary } from './files.mjs';
import {
  command,
  freePort,
  fromNpm,
  lines,
  raw,
  swallow,
  whileListening,
  whileRunning,
} from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  postgresql: () => postgresql([], 'sslmode=disable'),
  'postgresql-tls': () =>
    postgresql(
      ['-c', 'ssl=on', '-c', `ssl_cert_file=${files.cert}`, '-c', `ssl_key_file=${files.key}`],
      'sslmode=require',
    ),
  'postgresql-tls-refused': () => postgresql([], 'sslmode=prefer'),
  'postgresql-no-database': () => postgresql([], 'sslmode=disable', 'nowhere'),
  mysql: () => mysql(['--skip-ssl']),
  'mysql-tls': () =>
    mysql(['--ssl', '--ssl-verify-server-cert=0'], ['--ssl-cert', files.cert, '--ssl-key', files.key]),
  'mysql-refused': () => mysql(['--skip-ssl', '--user=nobody', '--password=SECRET-PASSWORD']),
  redis: async () => {
    const port = await freePort();
    return whileRunning(
      'redis-server',
      ['--port', String(port), '--save', '', '--requirepass', 'SECRET-PASSWORD'],
      port,
      () =>
        throughTcp(6379, port, (proxy) =>
          command('redis-cli', [
            '-p',
            String(proxy),
            '-3',
            '-a',
            'SECRET-PASSWORD',
            'SET',
            'key',
            'SECRET-BODY',
          ]),
        ),
    );
  },
  memcached: async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
      port,
      () => throughTcp(11211, port, (proxy) => lines(proxy, ['set key 0 60 11', 'SECRET-BODY', 'get key'])),
    );
  },
  'memcached-meta': async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
      port,
      () => throughTcp(11211, port, (proxy) => lines(proxy, ['mg key v t', 'mn'])),
    );
  },
  'memcached-binary': async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0', '-B', 'auto'],
      port,
      () =>
        throughTcp(11211, port, (proxy) =>
          raw(proxy, Buffer.from('800000030000000000000003000000000000000000000000', 'hex'), 'key'),
        ),
    );
  },
  mongodb: () =>
    whileListening(swallow(), (port) =>
      throughTcp(27017, port, (proxy) => {
        const { MongoClient } = fromNpm('mongodb');
        const client = new MongoClient(`mongodb://127.0.0.1:${proxy}/?serverSelectionTimeoutMS=400`);
        return client.connect().catch(() => {});
      }),
    ),
};

async function postgresql(options, parameters, database = 'postgres') {
  const bin = '/usr/lib/postgresql/15/bin';
  const data = file(`postgresql-${Date.now()}`);
  const as = ['runuser', '-u', 'postgres', '--'];
  execFileSync('chmod', ['755', temporary]);
  execFileSync('install', ['-d', '-o', 'postgres', data]);
  execFileSync('chown', ['postgres', files.key]);
  execFileSync(as[0], [...as.slice(1), `${bin}/initdb`, '-D', data, '-A', 'trust'], { stdio: 'ignore' });
  const port = await freePort();
  const recording = await whileRunning(
    as[0],
    [...as.slice(1), `${bin}/postgres`, '-D', data, '-p', String(port), '-k', '', ...options],
    port,
    () =>
      throughTcp(5432, port, (proxy) =>
        command('psql', [
          `host=127.0.0.1 port=${proxy} user=postgres dbname=${database} gssencmode=disable ${parameters}`,
          '-c',
          `select 'SECRET-BODY'`,
        ]),
      ),
  );
  return recording;
}

async function mysql(clientOptions, serverOptions = []) {
  const data = file(`mysql-${Date.now()}`);
  execFileSync('chmod', ['755', temporary]);
  execFileSync(
    'mariadb-install-db',
    ['--user=mysql', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
    { stdio: 'ignore' },
  );
  execFileSync('chown', ['mysql', files.key]);
  const port = await freePort();
  return whileRunning(
    'mariadbd',
    [
      '--no-defaults',
      '--user=mysql',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${data}/socket`,
      ...serverOptions,
    ],
    port,
    () =>
      throughTcp(3306, port, (proxy) =>
        command('mariadb', [
          '--no-defaults',
          '-h',
          '127.0.0.1',
          '-P',
          String(proxy),
          '-u',
          'root',
          ...clientOptions,
          '-e',
          `select 'SECRET-BODY'`,
        ]),
      ),
  );
}
