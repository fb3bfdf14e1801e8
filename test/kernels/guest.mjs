// What is in a virtual machine: one archive with a small system, Node, the built helper and the kernel tests, and a
// second one with the modules of the kernel that runs.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { findCommand } from '../../scripts/lib/commands.mjs';
import { inProject, nodeExecutable } from '../../scripts/lib/paths.mjs';
import { Explained } from '../../scripts/lib/steps.mjs';
import { CpioArchive } from './cpio.mjs';

/** Where the project is in the machine. */
const projectInGuest = '/project';

// dash is the shell: busybox's own prefers its `ip` and `tc` to those in PATH.
const shell = 'dash';
const commands = [
  ...[
    'bash',
    'bpftool',
    'capsh',
    'cat',
    'env',
    'ethtool',
    'getent',
    'id',
    'ip',
    'nft',
    'nsenter',
    'prlimit',
    'setpriv',
    'ss',
    'tc',
  ],
];

const projectFiles = [
  ...['dist/helper/procnetmon', 'dist/helper/procnetmon.node', 'package.json', 'tsconfig.json'],
  ...['helper/src', 'src/shared', 'test/kernel', 'test/kernels/guest', 'test/tsconfig.json', 'scripts/lib'],
];

/** What the tests import. */
const testPackages = ['vitest', 'zod'];

// What the packet filter and the two kinds of attachment need, and the kinds of interface that tests make.
export const modules = [
  ...[
    'veth',
    'bridge',
    'macvlan',
    'vxlan',
    'tun',
    'wireguard',
    'sch_ingress',
    'cls_bpf',
    'cls_u32',
    'cls_flower',
    'cls_matchall',
    'sch_fq',
    'sch_htb',
    'sch_tbf',
  ],
  ...['nfnetlink', 'nf_tables', 'nft_counter', 'nft_objref', 'nf_tables_netdev'],
  ...['nf_conntrack', 'nf_nat', 'nft_chain_nat', 'nft_nat', 'nft_masq', 'nft_redir'],
  ...['nft_reject_inet', 'nft_numgen'],
  // What `ss` asks, which otherwise reads /proc and knows no figures.
  'tcp_diag',
  // IPsec, with the ciphers that the tests ask for.
  ...['xfrm_user', 'xfrm_interface', 'esp4', 'esp6', 'ah4', 'ah6'],
  ...[
    'gcm',
    'ghash_generic',
    'ctr',
    'seqiv',
    'authenc',
    'echainiv',
    'cbc',
    'hmac',
    'sha256_generic',
    'aes_generic',
  ],
  ...['sha512_generic', 'jitterentropy_rng', 'drbg'],
];

const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  'etc/group': 'root:x:0:\nusers:x:100:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
};

function isProgram(content) {
  return content.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
}

/** Paths of the shared libraries that a program or library needs, the loader included. */
function librariesOf(file) {
  let listing;
  try {
    listing = execFileSync('ldd', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    return []; // statically linked
  }
  if (listing.includes('not found')) throw new Explained(`Libraries of ${file} are missing:\n${listing}`);
  return [...listing.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library);
}

/** Adds a file or folder, and with each program the libraries that it needs. */
function addTree(archive, source, name, isWanted = () => true) {
  if (statSync(source).isDirectory()) {
    for (const entry of readdirSync(source)) {
      const inside = path.join(source, entry);
      if (isWanted(inside)) addTree(archive, inside, path.join(name, entry), isWanted);
    }
    return;
  }
  const content = readFileSync(source);
  archive.file(name, content, statSync(source).mode & 0o777);
  if (isProgram(content))
    for (const library of librariesOf(source))
      if (!archive.has(library)) archive.file(library, readFileSync(library));
}

/** Folders of a package of npm and of everything that it needs. */
function packageFolders(name, from = inProject(), found = new Set()) {
  let above = from;
  while (!existsSync(path.join(above, 'node_modules', name))) {
    if (above === inProject()) return found; // optional, for another platform
    above = path.dirname(above);
  }
  const folder = path.join(above, 'node_modules', name);
  if (found.has(folder)) return found;
  found.add(folder);
  const about = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const peers = Object.keys(about.peerDependencies ?? {}).filter(
    (peer) => !about.peerDependenciesMeta?.[peer]?.optional,
  );
  const needed = [about.dependencies, about.optionalDependencies].flatMap((list) => Object.keys(list ?? {}));
  for (const dependency of [...needed, ...peers]) packageFolders(dependency, folder, found);
  return found;
}

function isForRunning(file) {
  return !/\.(d\.[cm]?ts|map|md)$/.test(file) && path.basename(file) !== 'node_modules';
}

/**
 * Writes the archive that all kernels share. `programs` are the tests' own, compiled.
 * @param {string} file
 * @param {{ busybox: string, programs: string[] }} contents
 */
export function writeSystem(file, { busybox, programs }) {
  const archive = new CpioArchive(file);
  for (const folder of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'var/tmp']) archive.folder(folder);
  archive.characterDevice('dev/console', 5, 1);
  archive.file('init', readFileSync(inProject('test/kernels/guest/init.sh')));
  for (const [name, content] of Object.entries(accounts)) archive.file(name, content, 0o644);
  archive.file('etc/shadow', 'root:*:20000::::::\n', 0o640);

  const add = (command, name) => {
    const source = findCommand(command);
    if (source === undefined) throw new Explained(`The command ${command} is missing on this machine`);
    addTree(archive, realpathSync(source), name);
  };
  add(shell, 'bin/sh');
  for (const command of commands) add(command, `bin/${command}`);
  addTree(archive, nodeExecutable, 'bin/node');
  archive.file('bin/busybox', readFileSync(busybox));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    archive.link(`bin/${applet}`, 'busybox');

  for (const program of programs)
    addTree(archive, program, path.join('test-programs', path.basename(program)));
  const notLibraries = (folder) => path.basename(folder) !== 'node_modules';
  for (const name of projectFiles)
    addTree(archive, inProject(name), path.join(projectInGuest, name), notLibraries);
  const found = new Set();
  for (const name of testPackages) packageFolders(name, inProject(), found);
  for (const folder of found)
    addTree(archive, folder, path.join(projectInGuest, path.relative(inProject(), folder)), isForRunning);
  archive.end();
}

/** Adds an archive with a kernel's modules, and with what this run is to do. */
export function addToSystem(file, kernelModules, settings) {
  const archive = new CpioArchive(file);
  for (const { name, content } of kernelModules) archive.file(`modules/${name}.ko`, content, 0o644);
  archive.file('modules/order', kernelModules.map(({ name }) => `/modules/${name}.ko\n`).join(''), 0o644);
  archive.file('settings.json', JSON.stringify(settings), 0o644);
  archive.end();
}
