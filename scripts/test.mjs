// `npm test`: from a fresh clone through set-up, build, lint, types and every test, to one line of figures.
// A section that fails does not keep the others from running. Kernel and end-to-end tests load real eBPF
// programs and make a user of their own, so they run as root, through sudo where need be.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { build } from './build.mjs';
import { installCodeServer } from './editor/install-code-server.mjs';
import { findCommand } from './lib/commands.mjs';
import { cacheFolder, inProject, projectFolder, toolEnvironment } from './lib/paths.mjs';
import { duration, Explained, main } from './lib/steps.mjs';
import { lint } from './lint.mjs';
import { pack, packAdapters } from './package.mjs';
import { setUp } from './set-up/index.mjs';

const resultsFolder = inProject('test-results');
const sectionMillis = 25 * 60_000;
/** sudo forgets a password after 15 minutes, or 5 on some systems. */
const sudoRefreshMillis = 60_000;

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} [failures] which failed, each with the first line of why
 */

/**
 * How a section runs its commands: in view of the user, or, beside another section, with everything that they print kept
 * until `release`.
 */
function shower({ isHeld }) {
  const held = [];
  const print = (text) => void (isHeld ? held.push(text) : process.stdout.write(text));

  /** Resolves to the command's status, and where it is collected to what it printed. */
  const show = (command, args, { asRoot = [], collect = false } = {}) => {
    const [first, ...rest] = [...asRoot, command, ...args];
    return new Promise((resolve, reject) => {
      const child = spawn(first, rest, {
        cwd: projectFolder,
        env: toolEnvironment(),
        stdio: ['ignore', collect || isHeld ? 'pipe' : 'inherit', isHeld ? 'pipe' : 'inherit'],
        timeout: sectionMillis,
      });
      let output = '';
      child.stdout?.setEncoding('utf8').on('data', (text) => {
        output += text;
        print(text);
      });
      child.stderr?.setEncoding('utf8').on('data', print);
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, output }));
    });
  };
  return { show, release: () => process.stdout.write(held.join('')) };
}

/** A check that is passed or failed as a whole. */
async function check(action) {
  try {
    await action();
    return { passed: 1, failed: 0, skipped: 0 };
  } catch (error) {
    if (!(error instanceof Explained)) throw error;
    return { passed: 0, failed: 1, skipped: 0, failures: [error.message] };
  }
}

/** Runs one project of vitest.config.mts. */
async function vitest(show, project, options) {
  const report = path.join(resultsFolder, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = await show('vitest', ['run', '--project', project, ...reporters], options);
  const counts = await readFile(report, 'utf8').then(
    (text) => {
      const { testResults, ...numbers } = JSON.parse(text);
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = numbers;
      return {
        ...{ passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests },
        failures: testResults.flatMap(failuresOfFile),
      };
    },
    () => ({ passed: 0, failed: 0, skipped: 0 }),
  );
  return atLeastOneFailed(counts, status);
}

/** What failed in one file of tests, as Vitest's report has it. */
function failuresOfFile({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((result) => result.status === 'failed');
  if (failed.length === 0 && status === 'failed') return [failure(path.basename(name), message)];
  return failed.map(({ fullName, failureMessages }) => failure(fullName, failureMessages[0]));
}

/** The results that a run has left behind; none when it did not come so far. */
function resultsIn(file) {
  return readFile(path.join(resultsFolder, file), 'utf8').then(JSON.parse, () => []);
}

function failure(name, reason = '') {
  const [firstLine] = stripVTControlCharacters(reason).split('\n');
  return firstLine ? `${name}: ${firstLine}` : name;
}

/** A run may fail beside its tests: a file that does not load, no test at all, a crash. */
function atLeastOneFailed(counts, status) {
  return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** The suite reports as mocha does: "12 passing (3s)". */
async function editorSuite(show) {
  const { status, output } = await show('node', ['test/editor/run.mjs'], { collect: true });
  const plain = stripVTControlCharacters(output);
  const figure = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}\\b`, 'm').exec(plain)?.[1] ?? 0);
  const results = await resultsIn('editor-suite.json');
  const counts = {
    ...{ passed: figure('passing'), failed: figure('failing'), skipped: figure('pending') },
    failures: results
      .filter(({ state }) => state === 'failed')
      .map(({ title, error }) => failure(title, error)),
  };
  if (status === 0 && counts.passed === 0) {
    console.error('The editor suite ended without having run a test.');
    return { ...counts, failed: 1 };
  }
  return atLeastOneFailed(counts, status);
}

/** Ends with the same line of figures as this. Kernels whose packages cannot be had are skipped. */
async function otherKernels(show) {
  const { status, output } = await show('node', ['test/kernels/run.mjs', '--short'], { collect: true });
  const found = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stripVTControlCharacters(output));
  const [passed, failed, skipped] = (found ?? [0, 0, 0, 0]).slice(1).map(Number);
  const kernels = await resultsIn('kernels.json');
  const failures = kernels.flatMap(({ kernel, results }) =>
    results
      .filter(({ state }) => state === 'failed')
      .map(({ test, errors }) => failure(`${kernel}, ${test}`, errors?.[0])),
  );
  return atLeastOneFailed({ passed, failed, skipped, failures }, status);
}

/**
 * What stands before a command that needs root: nothing for root itself, sudo where it may be had.
 * @returns {string[] | undefined} undefined when there is no way
 */
function rootPrefix() {
  if (process.getuid() === 0) return [];
  if (!findCommand('sudo')) return undefined;
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    if (!process.stdin.isTTY) return undefined;
    console.log('The kernel and end-to-end tests run as root. sudo may ask for your password once.');
    if (spawnSync('sudo', ['-v'], { stdio: 'inherit' }).status !== 0) return undefined;
  }
  setInterval(() => spawn('sudo', ['-n', '-v'], { stdio: 'ignore' }), sudoRefreshMillis).unref();
  // sudo cleans the environment; the tests need the project's Node and the editor in this user's cache.
  const kept = { PATH: toolEnvironment().PATH, XDG_CACHE_HOME: path.dirname(cacheFolder) };
  if (process.env['CI']) kept.CI = process.env['CI'];
  // The helper works for the user whom sudo names. The tests are to find themselves as root, without sudo.
  const unset = ['SUDO_UID', 'SUDO_GID', 'SUDO_USER', 'SUDO_COMMAND'].flatMap((name) => ['-u', name]);
  const set = Object.entries(kept).map(([name, value]) => `${name}=${value}`);
  return ['sudo', '-n', '--set-home', 'env', ...unset, ...set];
}

/** Gives back what tests that ran as root have written. */
function takeOwnership(asRoot) {
  if (asRoot.length === 0) return;
  execFileSync('sudo', [
    '-n',
    'chown',
    '-R',
    `${process.getuid()}:${process.getgid()}`,
    resultsFolder,
    inProject('build'),
  ]);
}

async function asRootOrSkipped(show, asRoot, project) {
  if (!asRoot) {
    console.log(
      'Skipped: it needs root, and sudo is not there, refuses, or has no terminal to ask for a password.',
    );
    return { passed: 0, failed: 0, skipped: 1 };
  }
  try {
    return await vitest(show, project, { asRoot });
  } finally {
    takeOwnership(asRoot);
  }
}

/** Whether the helper grows while processes and connections come and go; `npm run soak` takes longer. */
async function soak(show, asRoot) {
  if (!asRoot) return { passed: 0, failed: 0, skipped: 1 };
  const { status } = await show('node', ['test/soak/run.mjs', '--minutes', '0.5'], { asRoot });
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

/** @typedef {[title: string, run: (show: Function) => Promise<Counts>]} Section */

/**
 * Runs groups of sections one after the other, and those of a group side by side: the first one in view, the others are
 * shown after it.
 * @param {Section[][]} groups
 */
async function runSections(groups) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failed = [];
  for (const group of groups) {
    const running = group.map(([title, action], index) => {
      const { show, release } = shower({ isHeld: index > 0 });
      if (index === 0) printTitle(title);
      const started = performance.now();
      const ended = action(show).then((counts) => ({ counts, took: duration(performance.now() - started) }));
      // Until its turn comes nobody waits for it.
      ended.catch(() => undefined);
      return { title, isHeld: index > 0, release, ended };
    });
    for (const { title, isHeld, release, ended } of running) {
      const { counts, took } = await ended;
      if (isHeld) printTitle(title);
      release();
      for (const name of Object.keys(total)) total[name] += counts[name];
      if (counts.failed > 0) failed.push({ title, failures: counts.failures ?? [] });
      console.log(`── ${title}: ${figures(counts)}, ${took}`);
    }
  }
  // Once more, at the end: who has only the end of a long log sees there what to look into.
  if (failed.length > 0) console.log('\nFailed:');
  for (const { title, failures } of failed)
    console.log([`  ${title}`, ...failures.map((each) => `    ${each}`)].join('\n'));
  return total;
}

function printTitle(title) {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(0, 72 - title.length))}`);
}

const figures = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

await main(async () => {
  await setUp({ for: 'test' });
  const asRoot = rootPrefix();
  await rm(resultsFolder, { recursive: true, force: true });
  await mkdir(resultsFolder, { recursive: true });
  await pack();
  await packAdapters();
  await build({ names: ['tests'] });
  await installCodeServer();

  const total = await runSections([
    [
      ['Lint', () => check(() => lint())],
      ['Types', (show) => check(() => types(show))],
      ['A short soak', (show) => soak(show, asRoot)],
    ],
    [['Unit tests', (show) => vitest(show, 'unit')]],
    [['The package', (show) => vitest(show, 'package')]],
    // Nothing beside them: they measure what this machine does.
    [['Kernel tests', (show) => asRootOrSkipped(show, asRoot, 'kernel')]],
    [['Other kernels, in a virtual machine', otherKernels]],
    [
      ['The panel in a browser', (show) => vitest(show, 'browser')],
      ['The extension in a real editor', editorSuite],
    ],
    [['The product, used as a person would', (show) => asRootOrSkipped(show, asRoot, 'end-to-end')]],
  ]);
  console.log(`\n${figures(total)}`);
  if (total.failed > 0) process.exitCode = 1;
});

async function types(show) {
  const { status } = await show('npm', ['run', '--silent', 'types']);
  if (status !== 0) throw new Explained('The compiler found errors.');
}
