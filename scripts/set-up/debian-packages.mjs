// Debian and Ubuntu packages that the build and the tests need: which are missing, and their installation.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { findBrowser, findCommand, hasCommandLike } from '../lib/commands.mjs';
import { Explained, step } from '../lib/steps.mjs';

/**
 * What is needed, each with how to see that it is there. `packages` are alternatives: the first one that the
 * distribution has is installed.
 */
const buildNeeds = [
  { packages: ['clang'], command: 'clang' },
  { packages: ['llvm'], command: 'llvm-strip' },
  { packages: ['bpftool', 'linux-tools-generic'], found: hasBpftool },
  { packages: ['libbpf-dev'] },
  { packages: ['libelf-dev'] },
  { packages: ['zlib1g-dev'] },
  { packages: ['libzstd-dev'] },
  { packages: ['pkg-config'], command: 'pkg-config' },
  { packages: ['g++'], command: 'g++' },
  { packages: ['make'], command: 'make' },
  { packages: ['binutils'], command: 'strip' },
  { packages: ['python3'], command: 'python3' },
  { packages: ['git'], command: 'git' },
];

/** The demo programs and their debuggers. */
const demoNeeds = [
  { packages: ['gcc'], command: 'gcc' },
  { packages: ['python3-debugpy'] },
  { packages: ['lldb', 'lldb-14'], found: hasLldbAdapter },
];

const testNeeds = [
  ...demoNeeds,
  { packages: ['clang-format'], command: 'clang-format' },
  { packages: ['iproute2'], command: 'ip' },
  { packages: ['nftables'], command: 'nft' },
  { packages: ['ethtool'], command: 'ethtool' },
  { packages: ['iperf3'], command: 'iperf3' },
  { packages: ['libcap2-bin'], command: 'capsh' },
  { packages: ['util-linux'], command: 'setpriv' },
  { packages: ['sudo'], command: 'sudo' },
  { packages: ['chromium'], found: () => Boolean(findBrowser()), debianOnly: true },
];

/** On Ubuntu `bpftool` in PATH may be a wrapper that works only with the tools of the running kernel. */
function hasBpftool() {
  const candidates = [findCommand('bpftool'), ...filesBelow('/usr/lib/linux-tools', 'bpftool')].filter(
    Boolean,
  );
  return candidates.some((file) => spawnSync(file, ['version'], { stdio: 'ignore' }).status === 0);
}

function hasLldbAdapter() {
  return hasCommandLike(/^lldb-(vscode|dap)(-\d+)?$/);
}

function filesBelow(folder, name) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((version) => path.join(folder, version, name))
    .filter((file) => existsSync(file));
}

function isInstalled(packageName) {
  const query = spawnSync('dpkg-query', ['--show', '--showformat=${db:Status-Status}', packageName], {
    encoding: 'utf8',
  });
  return query.status === 0 && query.stdout === 'installed';
}

function isThere({ packages, command, found }) {
  if (found) return found();
  return command ? Boolean(findCommand(command)) : packages.some(isInstalled);
}

/**
 * Installs what is missing through apt-get.
 * @param {{ for: 'build' | 'demo' | 'test' }} options
 */
export async function installDebianPackages(options) {
  const needs = {
    build: buildNeeds,
    demo: [...buildNeeds, ...demoNeeds],
    test: [...buildNeeds, ...testNeeds],
  }[options.for];
  const hasApt = Boolean(findCommand('apt-get') && findCommand('dpkg-query'));
  const missing = needs.filter((need) => {
    // Without dpkg a library cannot be asked for; the compiler will name it.
    if (!hasApt && !need.command && !need.found) return false;
    return !isThere(need);
  });
  if (missing.length === 0) return;
  if (!hasApt) throw new Explained(withoutApt(missing, needs));

  const asRoot = await rootPrefix(missing);
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  await step('Refresh the list of Debian packages', async ({ run }) => {
    await runFrom(run, [...asRoot, ...apt, 'update']);
  });
  const names = missing.map(choose).filter(Boolean);
  await step(`Install ${names.join(' ')}`, async ({ run }) => {
    await runFrom(run, [...asRoot, ...apt, 'install', '-y', '--no-install-recommends', ...names]);
  });
  const still = missing.filter((need) => !isThere(need));
  if (still.length > 0)
    throw new Explained(`Still missing after the installation: ${listOf(still)}.\n${browserHint(still)}`);
}

const runFrom = (run, [command, ...args]) => run(command, args);

/** The first of the alternatives that the distribution offers as a real package. */
function choose({ packages, debianOnly }) {
  // Ubuntu's `chromium` packages only install a snap, which cannot be driven from outside its sandbox.
  if (debianOnly && distribution() === 'ubuntu') return undefined;
  const offered = packages.find((name) => {
    const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' }).stdout ?? '';
    return /Candidate: (?!\(none\))/.test(policy);
  });
  return offered ?? packages[0];
}

function distribution() {
  const query = spawnSync('sh', ['-c', '. /etc/os-release && printf %s "$ID"'], { encoding: 'utf8' });
  return query.stdout;
}

/** What stands before a command that needs root. Asks for the sudo password once, before any spinner turns. */
async function rootPrefix(missing) {
  if (process.getuid() === 0) return [];
  const list = missing.map(choose).filter(Boolean).join(' ');
  if (!findCommand('sudo')) {
    throw new Explained(`These packages are missing and there is no sudo. As root: apt-get install ${list}`);
  }
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    if (!process.stdin.isTTY) {
      throw new Explained(
        `sudo wants a password and there is no terminal to ask on. First run: sudo apt-get install ${list}`,
      );
    }
    console.log(`sudo is needed to install these Debian packages: ${list}`);
    try {
      execFileSync('sudo', ['-v'], { stdio: 'inherit' });
    } catch {
      throw new Explained(`sudo refused. Ask an administrator to run: apt-get install ${list}`);
    }
  }
  return ['sudo', '-n'];
}

function listOf(needs) {
  return needs.map(({ packages }) => packages.join(' or ')).join(', ');
}

function browserHint(needs) {
  if (!needs.some(({ packages }) => packages.includes('chromium'))) return '';
  return 'Ubuntu has Chromium as a snap only, which cannot be driven by tests: install Google Chrome from its .deb package, or name a browser in PROCNETMON_BROWSER.';
}

function withoutApt(missing, needs) {
  return [
    'This system has no apt-get, so nothing could be installed for you. Missing, by the names that Debian gives them:',
    ...missing.map((need) => `  ${listOf([need])}${need.command ? ` (the command ${need.command})` : ''}`),
    `Needed in all, headers and static libraries included: ${listOf(needs)}.`,
    'Install them with your package manager and start again.',
  ].join('\n');
}
