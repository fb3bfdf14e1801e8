// Real servers and clients from Debian's packages. What is not installed is unpacked into the cache: no service is
// started, no user made, nothing of the system changes.
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { unpackedPackages } from '../../debian/unpacked-packages.mjs';

const packages = [
  'amqp-tools',
  'aria2',
  'avahi-daemon',
  'caddy',
  'chrony',
  'coturn',
  'curl',
  'dhcping',
  'dnsmasq-base',
  'kcat',
  'knot-dnsutils',
  'libmemcached-tools',
  'libqpid-proton11',
  'mariadb-client-core',
  'mariadb-server-core',
  'mdns-scan',
  'memcached',
  'mosquitto',
  'mosquitto-clients',
  'nats-server',
  'nghttp2-proxy',
  'nginx-light',
  'ngtcp2-client',
  'openssh-client',
  'openssh-server',
  'openssl',
  'postgresql-15',
  'postgresql-client-15',
  'python3-aiosmtpd',
  'python3-debugpy',
  'python3-grpcio',
  'python3-mockupdb',
  'python3-pyftpdlib',
  'python3-pymongo',
  'python3-qpid-proton',
  'python3-websockets',
  'rabbitmq-server',
  'redis-server',
  'redis-tools',
  'transmission-cli',
  'unbound',
  'websocketd',
];

// PostgreSQL's own before Debian's wrappers around them.
const folders = ['/usr/lib/postgresql/*/bin', '/usr/bin', '/usr/sbin', '/bin', '/sbin'];

/**
 * Where the programs are. `find` gives the path of a command, `environment` what they are run with, `root` the folder
 * with what was unpacked.
 * @typedef {{ find: (command: string) => string, environment: NodeJS.ProcessEnv, root: string }} RealPrograms
 */

/**
 * Unpacks what is not installed, once.
 * @returns {Promise<RealPrograms>}
 */
export async function realPrograms() {
  const root = await unpackedPackages(
    'servers',
    ['HERE', 'HERE-updates', 'HERE-security'],
    (apt) => apt.missingFor(packages, apt.codename),
    { asInstalledHere: true, wanted: packages },
  );
  const find = (command) => {
    const candidates = ['', root].flatMap((prefix) =>
      folders.flatMap((folder) => globSync(path.join(prefix, folder, command))),
    );
    const found = candidates.find((file) => existsSync(file));
    if (found === undefined)
      throw new Error(`${command} is neither installed nor among the unpacked packages`);
    return found;
  };
  const libraries = globSync(path.join(root, '{usr/,}lib/*-linux-gnu{,/mariadb*}'));
  return {
    find,
    root,
    environment: {
      ...process.env,
      PATH: [process.env['PATH'], ...['usr/bin', 'usr/sbin'].map((folder) => path.join(root, folder))].join(
        ':',
      ),
      LD_LIBRARY_PATH: libraries.join(':'),
      PYTHONPATH: path.join(root, 'usr/lib/python3/dist-packages'),
    },
  };
}
