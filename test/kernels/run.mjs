// `npm run test:kernels`: boots Debian's kernels in an emulator, as many at a time as this machine has room for, and
// runs the kernel tests of `test/kernel` in each. See docs/kernels.md.
//
//   --short          some tests of each kind only
//   --kernel NAME    this kernel only; may be repeated
//   --test PATTERN   tests whose names match only
//   --resume         carries on with a run that was interrupted: what it found is taken over where nothing has changed
//   --update         looks for newer packages of kernels and emulator
import { readdirSync, rmSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, constants, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { architecture, inProject } from '../../scripts/lib/paths.mjs';
import { Explained, main, step } from '../../scripts/lib/steps.mjs';
import { build } from '../../scripts/build.mjs';
import { compilerOptions } from '../kernel/support/compiler.mjs';
import { NotToBeHad, unpackedPackages } from '../debian/unpacked-packages.mjs';
import { collectModules, findImage, kernels, unpackKernel } from './debian-kernels.mjs';
import { addToSystem, modules, writeSystem } from './guest.mjs';
import { keptResults } from './kept-results.mjs';
import { boot, findEmulator } from './qemu.mjs';
import { figures, printReport } from './report.mjs';

const files = ['scenarios/*', 'addon-*', 'helper-leftovers', 'helper-suspend'].map(
  (name) => `test/kernel/${name}.test.ts`,
);

/** Some of each kind: names of tests. Each must be found on each kernel, be it skipped there. */
const shortForm = [
  'tcp-both over ipv6, helper inside',
  'udp-sockets over ipv4, helper outside',
  'udp-fragments over ipv4, helper home',
  'mptcp: an address that the client adds, ipv4, helper inside',
  'paths: veth over IPv6, tcp-some, helper at outside',
  'moving: splice over tcp and ipv4',
  'protocols: IPv4 over an IPv6 socket, helper outside',
  'nothing listens, over ipv4, helper outside',
  'over ipv4 > a client has broken off',
  'close-wait, as ss has it',
  String.raw`a datagram socket over two at once, counted on \[ 'wire1' \]`,
  'a packet filter that drops before the socket',
  'ipsec: tunnel over ipv4, tcp-few, helper at client',
  'ownership: prefork, tcp-parallel, accept asks for the peer: false, helper outside',
  'follows children and their children',
  'reports the sockets of watched processes',
  'counts a connection from before',
  'is copied up to the budget',
  'are heads of HTTP only',
  'has little for the verifier to follow',
  'loads and attaches',
  'leaves nothing behind$',
  'leaves its filters behind',
  'somebody made after is not',
  'is swept up by the next start',
  'machine is suspended',
  'limit of locked memory',
];

// A test and its hooks have five minutes each in there.
const silenceMillis = 20 * 60_000;
const consoleLinesShown = 30;

/** What a machine takes of this one's memory, in bytes: its own 2 GiB, translated code, and its first file system. */
const memoryOfMachine = 3 * 2 ** 30;

function readArguments() {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      kernel: { type: 'string', multiple: true, default: [] },
      test: { type: 'string' },
    },
  });
  const names = kernels.map(({ name }) => name);
  for (const name of values.kernel)
    if (!names.includes(name))
      throw new Explained(`There is no kernel "${name}"; there are ${names.join(', ')}.`);
  return {
    update: values.update,
    resume: values.resume,
    pattern: values.test ?? (values.short ? shortForm.join('|') : undefined),
    mustBeFound: values.test === undefined && values.short ? shortForm : [],
    chosen: kernels.filter(({ name }) => values.kernel.length === 0 || values.kernel.includes(name)),
  };
}

async function findBusybox(options) {
  const folder = await unpackedPackages(
    'busybox',
    ['HERE', 'HERE-security'],
    async () => ['busybox-static'],
    options,
  );
  return path.join(folder, 'bin/busybox');
}

/** The tests' own programs in C. There is no compiler in a machine. */
async function compilePrograms(folder, run) {
  const sources = readdirSync(inProject('test/kernel/support')).filter((file) => file.endsWith('.c'));
  const programs = sources.map((source) => path.join(folder, path.basename(source, '.c')));
  for (const [index, source] of sources.entries())
    await run('cc', [
      ...compilerOptions(source),
      '-o',
      programs[index],
      inProject('test/kernel/support', source),
    ]);
  return programs;
}

/** Runs the tests in one kernel. Resolves to what it is, or why there is none, and to the result of each test. */
async function runKernel(kernel, { emulator, system, folder, pattern, mustBeFound, update, resume }) {
  const outcome = { kernel: kernel.name, release: '', unavailable: '', results: [] };
  await step(`Kernel ${kernel.name}`, async ({ note, log }) => {
    note('taking it from Debian');
    const unpacked = await unpackKernel(kernel, { update });
    const image = findImage(unpacked);
    const kept = await keptResults(kernel.name, image);
    if (resume) outcome.results.push(...kept.known);
    const initramfs = path.join(folder, `initramfs-${kernel.name}`);
    await copyFile(system, initramfs);
    const known = outcome.results.map(({ file, test }) => ({ file, test }));
    addToSystem(initramfs, collectModules(unpacked, modules), { files, pattern, known });
    const consoleFile = inProject('build', 'logs', `kernel-${kernel.name}-console.log`);
    let status;
    const heard = (text) => {
      log(text);
      const message = parseMessage(text);
      if (message === undefined) return;
      if (message.booted !== undefined) outcome.release = message.booted;
      else if (message.ended !== undefined) status = message.ended;
      else {
        outcome.results.push(message);
        kept.add(message);
        note(`${message.test} ${message.state}`);
      }
    };
    await writeFile(consoleFile, '');
    note('booting');
    const machine = { image, initramfs, console: consoleFile, line: heard };
    const end = await boot(emulator, { ...machine, silenceMillis });
    await rm(initramfs);
    const hasFailed = outcome.results.some(({ state }) => state === 'failed');
    if (status === undefined || outcome.results.length === 0 || (status !== 0 && !hasFailed)) {
      const lines = (await readFile(consoleFile, 'utf8')).trimEnd().split('\n').slice(-consoleLinesShown);
      const what =
        status === undefined
          ? `The machine ${end} before its tests were over`
          : `The tests ended with ${status}`;
      const errors = [`${what}. The end of its console:\n${lines.join('\n')}`];
      outcome.results.push({ file: '', test: '(the machine)', state: 'failed', errors });
    }
    outcome.results.push(...missing(mustBeFound, outcome.results));
    return `${outcome.release}: ${figures(outcome.results)}`;
  }).catch((error) => {
    if (!(error instanceof NotToBeHad)) throw error;
    outcome.unavailable = error.message;
  });
  return outcome;
}

/** A failure for each name that no test has: it was changed in one place only. */
function missing(names, results) {
  return names
    .filter((name) => !results.some(({ test }) => new RegExp(name).test(test)))
    .map((name) => ({
      file: '',
      test: name,
      state: 'failed',
      errors: ['No test of the short form has this name.'],
    }));
}

function parseMessage(text) {
  try {
    const message = JSON.parse(text);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Two virtual processors keep one of ours busy: most of what runs in a machine waits for something else there. */
function machinesAtOnce() {
  return Math.max(
    1,
    Math.min(availableParallelism(), Math.floor(process.availableMemory() / memoryOfMachine)),
  );
}

/** All kernels. */
async function runKernels({ chosen, update, ...options }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'procnetmon-kernels-'));
  // Half a gigabyte is not left behind by whoever loses patience.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  try {
    const system = path.join(folder, 'system');
    let emulator;
    await step('Prepare the virtual machine', async ({ run }) => {
      emulator = await findEmulator({ update });
      const programs = await compilePrograms(folder, run);
      writeSystem(system, { busybox: await findBusybox({ update }), programs });
    });
    const outcomes = [];
    const waiting = chosen.entries();
    const runWaiting = async () => {
      for (const [index, kernel] of waiting)
        outcomes[index] = await runKernel(kernel, { emulator, system, folder, update, ...options });
    };
    await Promise.all(Array.from({ length: machinesAtOnce() }, runWaiting));
    return outcomes;
  } catch (error) {
    if (!(error instanceof NotToBeHad)) throw error;
    return chosen.map(({ name }) => ({ kernel: name, release: '', unavailable: error.message, results: [] }));
  }
}

await main(async () => {
  const options = readArguments();
  await build({ names: ['addon', 'helper'] });
  const outcomes =
    architecture === 'x64'
      ? await runKernels(options)
      : options.chosen.map(({ name }) => ({
          ...{ kernel: name, release: '', results: [] },
          unavailable: `the machines are x64, this one is ${architecture}`,
        }));
  const reportFile = inProject('test-results', 'kernels.json');
  await mkdir(path.dirname(reportFile), { recursive: true });
  await writeFile(reportFile, `${JSON.stringify(outcomes, null, 2)}\n`);
  printReport(outcomes);
  const all = outcomes.flatMap(({ unavailable, results }) =>
    unavailable ? [{ state: 'skipped' }] : results,
  );
  console.log(`\n${figures(all)}`);
  if (all.some(({ state }) => state === 'failed')) process.exitCode = 1;
});
