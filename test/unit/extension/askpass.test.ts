// The shipped script against the real server, as sudo would run it.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { AskpassServer } from '../../../src/extension/askpass';

const script = path.resolve(import.meta.dirname, '../../../media/askpass/askpass.sh');
const servers: AskpassServer[] = [];

async function listen(ask: () => Promise<string | undefined>): Promise<AskpassServer> {
  const server = await AskpassServer.listen({ script, node: process.execPath, ask });
  servers.push(server);
  return server;
}

function runScript(environment: Record<string, string>): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile('sh', [script, '[sudo] Passwort:'], { env: environment }, (_error, output) =>
      resolve({ status: child.exitCode ?? -1, output }),
    );
  });
}

function socketOf(server: AskpassServer): string {
  return server.environment['PROCNETMON_ASKPASS_SOCKET'] ?? '';
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.dispose()));
});

test.each([['geheim'], ['  blanks at both ends  '], ['"quotes" $(and) `more`'], ['pässwörd 🔑'], ['']])(
  'hands %j to sudo as it was typed',
  async (password) => {
    const server = await listen(async () => password);
    expect(await runScript(server.environment)).toEqual({ status: 0, output: `${password}\n` });
    expect(server.outcome).toBe('answered');
  },
);

test('asks the user once: sudo asking again means that the password was wrong', async () => {
  let questions = 0;
  const server = await listen(async () => {
    questions += 1;
    return 'wrong';
  });
  await runScript(server.environment);
  expect(await runScript(server.environment)).toEqual({ status: 1, output: '' });
  await runScript(server.environment);
  expect(server.outcome).toBe('rejected');
  expect(questions).toBe(1);
});

test('a closed input box is no password', async () => {
  const server = await listen(async () => undefined);
  expect(await runScript(server.environment)).toEqual({ status: 1, output: '' });
  await runScript(server.environment);
  expect(server.outcome).toBe('cancelled');
});

test('only who knows the token gets an answer, and nobody else makes the box open', async () => {
  let questions = 0;
  const server = await listen(async () => {
    questions += 1;
    return 'geheim';
  });
  const stranger = { ...server.environment, PROCNETMON_ASKPASS_TOKEN: 'f'.repeat(64) };
  expect(await runScript(stranger)).toEqual({ status: 1, output: '' });
  expect(questions).toBe(0);
  expect(server.outcome).toBe('not-asked');
});

test('cuts off who sends without end', async () => {
  const server = await listen(async () => 'geheim');
  const socket = createConnection(socketOf(server));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.write('x'.repeat(1_000));
  await closed;
  expect(server.outcome).toBe('not-asked');
});

test('listens where only this user can reach it, and leaves nothing behind', async () => {
  const server = await listen(async () => 'geheim');
  const folder = path.dirname(socketOf(server));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(socketOf(server)).mode & 0o777).toBe(0o600);
  await server.dispose();
  await server.dispose();
  expect(existsSync(folder)).toBe(false);
  expect(await runScript(server.environment)).toEqual({ status: 1, output: '' });
});

test('the script without a server fails instead of waiting', async () => {
  expect(await runScript({ PROCNETMON_ASKPASS_NODE: process.execPath })).toEqual({ status: 1, output: '' });
});

test('removes what a killed editor left behind, and nothing that is in use or not its own', async () => {
  const parent = mkdtempSync(path.join(tmpdir(), 'askpass-leftovers-'));
  vi.stubEnv('XDG_RUNTIME_DIR', parent);
  try {
    const inUse = path.dirname(socketOf(await listen(async () => 'x')));
    const killed = path.join(parent, 'procnetmon-askpass-killed');
    mkdirSync(killed);
    // A process that is killed takes its socket out of use and leaves the file.
    const listening = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 9))`;
    await new Promise((resolve) => {
      execFile(process.execPath, ['-e', listening, path.join(killed, 'askpass.sock')], resolve);
    });
    expect(existsSync(path.join(killed, 'askpass.sock'))).toBe(true);
    const old = path.join(parent, 'procnetmon-askpass-old');
    mkdirSync(old);
    utimesSync(old, 0, 0);
    const beingMade = path.join(parent, 'procnetmon-askpass-new');
    mkdirSync(beingMade);
    const others = path.join(parent, 'procnetmon-other');
    mkdirSync(others);
    const link = path.join(parent, 'procnetmon-askpass-link');
    symlinkSync(others, link);

    await listen(async () => 'x');
    expect([killed, old].filter((folder) => existsSync(folder))).toEqual([]);
    expect([inUse, beingMade, others, link].filter((folder) => !existsSync(folder))).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    rmSync(parent, { recursive: true });
  }
});

test('finds another place where the first one cannot hold a socket', async () => {
  vi.stubEnv('XDG_RUNTIME_DIR', path.join(tmpdir(), 'nowhere', 'x'.repeat(200)));
  try {
    const server = await listen(async () => 'geheim');
    expect(await runScript(server.environment)).toEqual({ status: 0, output: 'geheim\n' });
  } finally {
    vi.unstubAllEnvs();
  }
});

test('a question that fails is no answer', async () => {
  const server = await listen(() => Promise.reject(new Error('no window')));
  expect(await runScript(server.environment)).toEqual({ status: 1, output: '' });
});
