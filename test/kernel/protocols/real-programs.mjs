// Real servers and clients from Debian's packages. What is not installed is unpacked into the cache: no service is
// started, no user made, nothing of the system changes.
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { unpackedPackages } from '../../kernels/apt.mjs';

const packages = [
  'caddy',
  'curl',
  'dnsmasq-base',
  'knot-dnsutils',
  'libqpid-proton11',
  'memcached',
  'mosquitto',
  'mosquitto-clients',
  'nats-server',
  'nginx-light',
  'ngtcp2-client',
  'openssl',
  'redis-tools',
  'postgresql-client-15',
  'openssh-client',
  'openssh-server',
  'postgresql-15',
  'python3-qpid-proton',
  'redis-server',
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
    { asInstalledHere: true },
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
      LD_LIBRARY_PATH: libraries.join(':'),
      PYTHONPATH: path.join(root, 'usr/lib/python3/dist-packages'),
    },
  };
}
