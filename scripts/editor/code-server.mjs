// Runs the embedded editor. It listens on 127.0.0.1, where every user of this machine could reach it, and
// whoever reaches it has a shell as the user who started it. So it always asks for a session cookie, which
// only the caller of `startCodeServer` knows.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findCommand } from '../lib/commands.mjs';
import { toolEnvironment } from '../lib/paths.mjs';
import { Explained, run as runCommand } from '../lib/steps.mjs';

const startMillis = 60_000;
const stopMillis = 5_000;
const pollMillis = 100;
const keptOutputCharacters = 64 * 1024;

/** Its own name, so that another code-server on 127.0.0.1 keeps its cookie. */
const cookieSuffix = 'procnetmon';
const cookieName = `code-server-session-${cookieSuffix}`;

/**
 * @typedef {object} CodeServer
 * @property {string} origin such as `http://127.0.0.1:1234`
 * @property {{ name: string, value: string }} cookie what a browser has to send along
 * @property {number} pid leader of the process group of the editor
 * @property {() => string} output the end of what it printed
 * @property {Promise<void>} ended
 * @property {() => Promise<void>} stop
 */

/**
 * Folders of one editor below a common one: settings, installed extensions.
 * @param {string} state
 */
export function stateFolders(state) {
  return {
    user: path.join(state, 'user'),
    extensions: path.join(state, 'extensions'),
    config: path.join(state, 'config.yaml'),
  };
}

/** Arguments that every start has in common; nothing of the user's own configuration is read or written. */
function commonArguments(folders) {
  return [
    '--config',
    folders.config,
    '--user-data-dir',
    folders.user,
    '--extensions-dir',
    folders.extensions,
  ];
}

/** The environment without what an editor or npm around this process has put into it. */
function editorEnvironment(additions = {}) {
  const foreign = /^(VSCODE_|CODE_SERVER_|CS_|ELECTRON_|npm_|NODE_OPTIONS$|PORT$|PASSWORD$|HASHED_PASSWORD$)/;
  const kept = Object.entries(toolEnvironment()).filter(([name]) => !foreign.test(name));
  // Without a gallery the editor does not look for extensions on the internet.
  return { ...Object.fromEntries(kept), EXTENSIONS_GALLERY: '{}', ...additions };
}

/** Settings that keep the editor's own news and offers out of the way. */
export const quietSettings = {
  'chat.disableAIFeatures': true,
  'git.openRepositoryInParentFolders': 'never',
  'telemetry.telemetryLevel': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
};

/** A TCP port of 127.0.0.1 that is free now. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Writes the user's settings of an editor; with `keep`, only when there are none yet. */
export async function writeSettings(folders, settings, { keep = false } = {}) {
  const file = path.join(folders.user, 'User', 'settings.json');
  if (keep && existsSync(file)) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(settings, undefined, 2)}\n`);
}

/**
 * Installs extensions from VSIX files into the editor's own folder.
 * @param {{ node: string, entry: string }} installation see `installCodeServer`
 * @param {{ user: string, extensions: string, config: string }} folders
 * @param {string[]} files
 * @param {{ run?: Function, wrap?: (command: string[]) => string[] }} [options]
 */
export async function installExtensions(installation, folders, files, { run = runCommand, wrap } = {}) {
  const install = files.flatMap((file) => ['--install-extension', file]);
  const plain = [installation.node, installation.entry, ...commonArguments(folders), ...install, '--force'];
  const [command, ...args] = wrap ? wrap(plain) : plain;
  await run(command, args, { env: editorEnvironment() });
}

/**
 * Starts the editor and waits until it answers.
 * @param {{ node: string, entry: string }} installation see `installCodeServer`
 * @param {object} options
 * @param {{ user: string, extensions: string, config: string }} options.folders see `stateFolders`
 * @param {number} [options.port] a free one when not given
 * @param {string[]} [options.vscodeOptions] passed on to the VS Code server
 * @param {(command: string[]) => string[]} [options.wrap] puts the command into another one, such as setpriv
 * @param {Record<string, string>} [options.environment] additions
 * @returns {Promise<CodeServer>}
 */
export async function startCodeServer(
  installation,
  { folders, port, vscodeOptions = [], wrap, environment },
) {
  const listenPort = port ?? (await freePort());
  const secret = randomBytes(32).toString('hex');
  const plain = [
    installation.node,
    installation.entry,
    ...commonArguments(folders),
    ...['--auth', 'password', '--cookie-suffix', cookieSuffix, '--bind-addr', `127.0.0.1:${listenPort}`],
    ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'],
    ...['--disable-getting-started-override', '--ignore-last-opened', '--reconnection-grace-time', '5'],
    // Without it the programs that are debugged run in the environment of a login shell.
    ...['force-disable-user-env', ...vscodeOptions].flatMap((option) => ['--vscode-option', option]),
  ];
  const [command, ...args] = (wrap ?? endWithParent)(plain);
  const child = spawn(command, args, {
    // Given as a hash of the old kind, this is at the same time the value that the session cookie must have.
    env: editorEnvironment({ ...environment, HASHED_PASSWORD: secret }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-keptOutputCharacters);
    });
  }
  let failure;
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      failure = error;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const server = {
    origin: `http://127.0.0.1:${listenPort}`,
    cookie: { name: cookieName, value: secret },
    pid: child.pid,
    output: () => output,
    ended,
    stop: () => stopGroup(child, ended),
  };
  try {
    await untilHealthy(server, () => failure || child.exitCode !== null || child.signalCode !== null);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The kernel ends the editor when the process that started it is gone, however that came to be. */
function endWithParent(command) {
  return findCommand('setpriv') ? ['setpriv', '--pdeathsig', 'SIGTERM', '--', ...command] : command;
}

async function untilHealthy({ origin, output }, hasEnded) {
  const deadline = Date.now() + startMillis;
  while (Date.now() < deadline) {
    if (hasEnded()) throw new Explained(`The embedded editor ended while it started:\n${output()}`);
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await delay(pollMillis);
  }
  throw new Explained(
    `The embedded editor did not answer at ${origin} within ${startMillis / 1000} s:\n${output()}`,
  );
}

async function stopGroup(child, ended) {
  if (!child.pid) return;
  const send = (signal) => {
    try {
      process.kill(-child.pid, signal);
      return true;
    } catch {
      return false;
    }
  };
  if (!send('SIGTERM')) return;
  const graceful = await Promise.race([ended.then(() => true), delay(stopMillis, false, { ref: false })]);
  if (!graceful) send('SIGKILL');
  await ended;
}
