// Which way of starting the helper is taken, and what each end of it means. sudo is scripted here: its refusals
// cannot be had at will from the real one.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  failureOf,
  HelperStartError,
  launchHelper,
  type HelperProcess,
  type LaunchOptions,
} from '../../../src/extension/helper-process';

const askpassScript = path.resolve(import.meta.dirname, '../../../media/askpass/askpass.sh');
let folder = '';
let calls = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'helper-process-'));
  calls = path.join(folder, 'calls');
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(name: string, body: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $1" >> "${calls}"\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Stands for a helper: says one line, then waits for the end of its input. */
const speakingHelper = 'echo ready; exec cat >/dev/null';
const refusingSudo = 'exit 1';
/** Grants what it is asked for once a password has been handed over. */
const askingSudo = '[ "$1" = -A ] || exit 1\nanswer=$("$SUDO_ASKPASS" prompt) || exit 1\n';

function firstLine(helper: HelperProcess): Promise<HelperProcess> {
  return new Promise((resolve, reject) => {
    helper.child.stdout.once('data', () => resolve(helper));
    helper.child.stdout.once('end', () => reject(new Error('no answer')));
  });
}

function launch(options: Partial<LaunchOptions<HelperProcess>>): Promise<HelperProcess> {
  return launchHelper({
    askpassScript,
    node: process.execPath,
    isRoot: false,
    asking: 'if-needed',
    ask: async () => undefined,
    log: () => undefined,
    connect: firstLine,
    ...options,
    executable: options.executable ?? script('helper', speakingHelper),
    sudo: options.sudo ?? script('sudo', refusingSudo),
  });
}

async function end(helper: HelperProcess): Promise<void> {
  helper.child.stdin.end();
  await helper.exited;
}

async function failureFrom(launching: Promise<unknown>): Promise<string> {
  const error: unknown = await launching.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HelperStartError);
  return (error as HelperStartError).failure;
}

function called(): string[] {
  return existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
}

describe('the ways up', () => {
  test('nothing that the editor was started with makes the helper load code, or work for another user', async () => {
    const inherited = { NODE_OPTIONS: '--no-warnings', SUDO_UID: '1', SUDO_GID: '1' };
    for (const [name, value] of Object.entries(inherited)) vi.stubEnv(name, value);
    const executable = script('helper', `env > "${folder}/environment"; ${speakingHelper}`);
    await end(await launch({ isRoot: true, executable }));
    vi.unstubAllEnvs();
    const environment = readFileSync(path.join(folder, 'environment'), 'utf8');
    expect(environment).toContain('PATH=');
    for (const name of Object.keys(inherited)) expect(environment).not.toContain(`${name}=`);
  });

  test('root starts the helper itself', async () => {
    await end(await launch({ isRoot: true }));
    expect(called()).toEqual(['helper serve']);
  });

  test('what sudo grants without a password is not asked for', async () => {
    const sudo = script('sudo', 'shift 2; exec "$@"');
    await end(await launch({ sudo, ask: () => Promise.reject(new Error('asked')) }));
    expect(called()).toEqual(['sudo -n', 'helper serve']);
  });

  test('a password is handed over once', async () => {
    let questions = 0;
    const sudo = script('sudo', `${askingSudo}[ "$answer" = geheim ] || exit 1\nshift 2; exec "$@"`);
    const ask = async (): Promise<string> => {
      questions += 1;
      return 'geheim';
    };
    await end(await launch({ sudo, ask }));
    expect(called()).toEqual(['sudo -n', 'sudo -A', 'helper serve']);
    expect(questions).toBe(1);
  });

  test('where nobody may be asked, nobody is', async () => {
    const ask = (): Promise<never> => Promise.reject(new Error('asked'));
    const sudo = script('sudo', askingSudo);
    expect(await failureFrom(launch({ sudo, ask, asking: 'never' }))).toBe('not-permitted');
    expect(called()).toEqual(['sudo -n']);
  });

  test('what sudo has just refused is not tried again', async () => {
    const sudo = script('sudo', `${askingSudo}shift 2; exec "$@"`);
    await end(await launch({ sudo, ask: async () => 'geheim', asking: 'needed' }));
    expect(called()).toEqual(['sudo -A', 'helper serve']);
  });

  test('a lost executable bit is restored', async () => {
    const executable = script('helper', speakingHelper);
    chmodSync(executable, 0o644);
    await end(await launch({ isRoot: true, executable }));
    expect(statSync(executable).mode & 0o111).toBe(0o111);
  });
});

describe('the ways down', () => {
  test('a wrong password: one question, however often sudo tries', async () => {
    let questions = 0;
    const sudo = script('sudo', `${askingSudo}"$SUDO_ASKPASS" again && exit 9\nexit 1`);
    const ask = async (): Promise<string> => {
      questions += 1;
      return 'wrong';
    };
    expect(await failureFrom(launch({ sudo, ask }))).toBe('password-rejected');
    expect(questions).toBe(1);
  });

  test('a closed box', async () => {
    expect(await failureFrom(launch({ sudo: script('sudo', askingSudo) }))).toBe('declined');
  });

  test('a right password of a user who may not', async () => {
    const sudo = script('sudo', `${askingSudo}exit 1`);
    expect(await failureFrom(launch({ sudo, ask: async () => 'geheim' }))).toBe('not-permitted');
  });

  test('sudo refuses before it asks', async () => {
    expect(await failureFrom(launch({}))).toBe('terminal-required');
  });

  test('no sudo', async () => {
    expect(await failureFrom(launch({ sudo: path.join(folder, 'nowhere') }))).toBe('sudo-missing');
  });

  test('no helper', async () => {
    expect(await failureFrom(launch({ isRoot: true, executable: path.join(folder, 'nowhere') }))).toBe(
      'failed',
    );
  });

  test('a helper that says why it cannot is not started a second time', async () => {
    const sudo = script('sudo', 'shift 2; exec "$@"');
    expect(await failureFrom(launch({ sudo, executable: script('helper', 'exit 4') }))).toBe('unsupported');
    expect(called()).toEqual(['sudo -n', 'helper serve']);
  });

  test('a helper that says why it cannot is quoted', async () => {
    const says = "echo 'procnetmon: There is no kernel here.' >&2; echo '  Boot one.' >&2;";
    const error: unknown = await launch({
      isRoot: true,
      executable: script('helper', `${says} exit 4`),
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      failure: 'unsupported',
      refusal: { message: 'There is no kernel here.', remedy: 'Boot one.' },
    });
  });

  test('a refusal of the helper is not taken for one of sudo, though both end with 1', async () => {
    const sudo = script('sudo', 'shift 2; exec "$@"');
    const says = "echo 'procnetmon: No addon.' >&2; echo '  Build it.' >&2;";
    expect(await failureFrom(launch({ sudo, executable: script('helper', `${says} exit 1`) }))).toBe(
      'failed',
    );
    expect(called()).toEqual(['sudo -n', 'helper serve']);
  });

  test('what sudo says is not taken for the helper', async () => {
    const says = "echo 'sudo: procnetmon: no' >&2; echo '  a lecture' >&2;";
    const error: unknown = await launch({ sudo: script('sudo', `${says} exit 1`) }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ failure: 'terminal-required', refusal: undefined });
  });

  test('endless output without a line end is cut, and what it holds is made fit to be read', async () => {
    const lines: string[] = [];
    const flood = 'head -c 300000 /dev/zero | tr "\\0" "x" >&2; printf "\\033[2J\\n" >&2; exit 3';
    const executable = script('helper', flood);
    await failureFrom(launch({ isRoot: true, executable, log: (line) => lines.push(line) }));
    const shown = lines.filter((line) => line.includes('x'.repeat(100)));
    expect(shown.length).toBeGreaterThan(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(4_096);
    expect(lines.join('')).not.toContain('\u001b');
  });

  test('a helper of another version ends, and nothing else is tried', async () => {
    const connect = (): Promise<never> => Promise.reject(new HelperStartError('mismatch', 'version 2'));
    expect(await failureFrom(launch({ isRoot: true, connect }))).toBe('mismatch');
  });

  test('the password is never logged', async () => {
    const lines: string[] = [];
    const sudo = script('sudo', `${askingSudo}echo refused >&2\nexit 1`);
    await failureFrom(launch({ sudo, ask: async () => 'correct horse', log: (line) => lines.push(line) }));
    expect(lines.join('\n')).toContain('refused');
    expect(lines.join('\n')).not.toContain('correct horse');
  });
});

test.each([
  ['direct', { status: 1, signal: null }, 'not-asked', 'failed'],
  ['direct', { status: 2, signal: null }, 'not-asked', 'mismatch'],
  ['direct', { status: 3, signal: null }, 'not-asked', 'unsupported'],
  ['direct', { status: 5, signal: null }, 'not-asked', 'unsupported'],
  ['direct', { status: 6, signal: null }, 'not-asked', 'too-many-helpers'],
  ['sudo-with-askpass', { status: 7, signal: null }, 'answered', 'unsupported'],
  ['direct', { status: null, signal: 'SIGSEGV' }, 'not-asked', 'failed'],
  ['direct', { status: null, signal: null, errorCode: 'EACCES' }, 'not-asked', 'failed'],
  ['sudo-without-password', { status: 1, signal: null }, 'not-asked', 'not-permitted'],
  ['sudo-without-password', { status: 139, signal: null }, 'not-asked', 'failed'],
  ['sudo-with-askpass', { status: 4, signal: null }, 'answered', 'unsupported'],
] as const)('%s ending with %o, askpass %s, is %s', (step, exit, askpass, failure) => {
  expect(failureOf(step, exit, askpass)).toBe(failure);
});
