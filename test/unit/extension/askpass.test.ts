// The shipped script against the real server, as sudo would run it.
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
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
