// What whoever starts the helper, or may signal it, cannot do: have code of their own run in it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { helperPath } from './support/helper';
import { compiledProgram } from './support/programs';
import { RpcClient } from './support/rpc-client';

let folder: string;
let library: string;
let mark: string;
const file = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  library = compiledProgram('intruder-module', folder);
  mark = file('mark');
  writeFileSync(file('intruder.cjs'), `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '');`);
  writeFileSync(
    file('openssl.cnf'),
    [
      ...['nodejs_conf = start', 'openssl_conf = start', '[start]', 'providers = providers'],
      ...['[providers]', 'intruder = intruder', '[intruder]', `module = ${library}`, 'activate = 1', ''],
    ].join('\n'),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => rmSync(mark, { force: true }));

function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): void {
  spawnSync(program, args, { env: { ...process.env, INTRUDER_MARK: mark, ...environment } });
}

describe('the environment', () => {
  const cases: [string, () => NodeJS.ProcessEnv][] = [
    ['NODE_OPTIONS --require', () => ({ NODE_OPTIONS: `--require ${file('intruder.cjs')}` })],
    ['NODE_OPTIONS --import', () => ({ NODE_OPTIONS: `--import ${file('intruder.cjs')}` })],
    ['OPENSSL_CONF', () => ({ OPENSSL_CONF: file('openssl.cnf') })],
  ];

  it.each(cases)('%s would load code into a plain Node', (_name, environment) => {
    run(process.execPath, ['-e', '0'], environment());
    expect(existsSync(mark)).toBe(true);
  });

  it.each([
    ...cases,
    ['NODE_REPL_EXTERNAL_MODULE', () => ({ NODE_REPL_EXTERNAL_MODULE: file('intruder.cjs') })],
    ['NODE_PATH', () => ({ NODE_PATH: folder })],
    ['NODE_EXTRA_CA_CERTS', () => ({ NODE_EXTRA_CA_CERTS: library })],
    ['OPENSSL_MODULES', () => ({ OPENSSL_MODULES: folder, OPENSSL_ENGINES: folder })],
  ] as [string, () => NodeJS.ProcessEnv][])('%s loads none into the helper', (_name, environment) => {
    for (const command of ['--version', 'doctor']) run(helperPath, [command], environment());
    expect(existsSync(mark)).toBe(false);
  });

  it('NODE_COMPILE_CACHE has nothing to be taken from', () => {
    const cache = file('cache');
    for (const command of ['--version', 'doctor']) run(helperPath, [command], { NODE_COMPILE_CACHE: cache });
    const files = existsSync(cache) ? readdirSync(cache, { recursive: true, withFileTypes: true }) : [];
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
  });
});

describe('arguments', () => {
  it.each([
    ['a script', () => [file('intruder.cjs')]],
    ['--require', () => ['--require', file('intruder.cjs'), 'doctor']],
    ['-e', () => ['-e', `require(${JSON.stringify(file('intruder.cjs'))})`]],
    ['--openssl-config', () => [`--openssl-config=${file('openssl.cnf')}`, 'doctor']],
  ])('%s is no business of Node in the helper', (_name, args) => {
    run(helperPath, args());
    expect(existsSync(mark)).toBe(false);
  });

  it('--inspect opens no debugger', () => {
    const { stderr, status } = spawnSync(helperPath, ['--inspect=0', 'doctor'], { encoding: 'utf8' });
    expect(stderr).not.toContain('Debugger listening');
    expect(status).toBe(2);
  });
});

it('the signal by which Node opens its debugger opens none', async () => {
  const client = new RpcClient({ SUDO_UID: '65534', SUDO_GID: '65534' });
  await client.initialize();
  client.process.kill('SIGUSR1');
  await client.leave();
  expect(client.stderr).not.toContain('Debugger listening');
  expect(client.stderr).not.toContain('inspector');
});

describe('a start out of the ordinary', () => {
  it.each(['', '/nowhere/procnetmon'])('by the name "%s" is one like any other', (argv0) => {
    const { stdout, status } = spawnSync(helperPath, ['run', '--', 'echo', 'counted'], {
      argv0,
      encoding: 'utf8',
    });
    expect(stdout).toContain('counted');
    expect(status).toBe(0);
  });

  it.each(['the end of its input', 'SIGTERM'] as const)(
    'with every signal ignored and blocked ends by %s all the same',
    async (end) => {
      const command = ['env', '--ignore-signal', '--block-signal', helperPath];
      const client = new RpcClient({ SUDO_UID: '65534', SUDO_GID: '65534' }, [], command);
      expect(await client.initialize()).toHaveProperty('result');
      if (end === 'SIGTERM') client.process.kill(end);
      else client.process.stdin.end();
      expect(await client.exited).toBe(0);
    },
  );
});
