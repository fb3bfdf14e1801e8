// The command of `run`: real processes, held back by the gate.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  callerEnvironment,
  checkCommand,
  CommandError,
  GatedCommand,
  inForegroundOfTerminal,
} from '../../../helper/src/cli/gated-command';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function start(command: string, ...args: string[]): Promise<GatedCommand> {
  return GatedCommand.start({
    command,
    arguments: args,
    environment: { PATH: process.env['PATH'], MARK: 'kept' },
    standardOutput: 'inherit',
  });
}

describe('GatedCommand', () => {
  it('runs the command under the same process id once it is released, and not before', async () => {
    const file = path.join(folder, 'out');
    const command = await start('sh', '-c', 'echo "$$ $MARK $1" > "$0"', file, 'two words; $(x) *');
    expect(existsSync(file)).toBe(false);
    command.release();
    expect(await command.exited).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(`${String(command.pid)} kept two words; $(x) *\n`);
  });

  it('hands no descriptor of its own on', async () => {
    const file = path.join(folder, 'out');
    const listing = 'ls /proc/self/fd > "$0"';
    execFileSync('sh', ['-c', listing, file], { stdio: 'inherit' });
    const without = readFileSync(file, 'utf8');
    const command = await start('sh', '-c', listing, file);
    command.release();
    await command.exited;
    expect(readFileSync(file, 'utf8')).toBe(without);
  });

  it('never runs a command that is abandoned', async () => {
    const file = path.join(folder, 'out');
    const command = await start('touch', file);
    await command.abandon();
    expect(await command.exited).toBe(125);
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ['exit 0', 0],
    ['exit 3', 3],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('%s: %d', async (script, status) => {
    const command = await start('sh', '-c', script);
    command.release();
    expect(await command.exited).toBe(status);
  });

  it('passes signals on', async () => {
    const command = await start('sleep', '60');
    command.release();
    command.signal('SIGTERM');
    expect(await command.exited).toBe(143);
  });
});

describe('checkCommand', () => {
  const check = (command: string, underSudo = false): CommandError | undefined => {
    try {
      checkCommand(command, { PATH: `${folder}:/usr/bin:/bin` }, underSudo);
    } catch (error) {
      if (error instanceof CommandError) return error;
      throw error;
    }
    return undefined;
  };

  it('takes what the shell will find', () => {
    expect(check('sh')).toBeUndefined();
    expect(check('/bin/sh')).toBeUndefined();
  });

  it('says 127 for what is not there', () => {
    expect(check('no-such-command')).toMatchObject({
      status: 127,
      message: 'The command "no-such-command" was not found in PATH.',
    });
    expect(check('/no/such')).toMatchObject({
      status: 127,
      message: 'The command "/no/such" was not found.',
    });
    expect(check('no-such-command', true)?.remedy).toContain('sudo sets a PATH of its own');
  });

  it('says 126 for what cannot be executed', () => {
    const file = path.join(folder, 'not-yet-executable');
    writeFileSync(file, '#!/bin/sh\n');
    expect(check('not-yet-executable')).toMatchObject({ status: 126 });
    expect(check(folder)?.message).toMatch(/is a folder/);
    chmodSync(file, 0o755);
    expect(check('not-yet-executable')).toBeUndefined();
  });
});

describe('callerEnvironment', () => {
  it('is that of the user who called sudo', () => {
    const environment = callerEnvironment(
      {
        ...{ HOME: '/root', USER: 'root', LOGNAME: 'root', SHELL: '/bin/bash', MAIL: '/var/mail/root' },
        ...{ SUDO_USER: 'alice', SUDO_UID: '1000', SUDO_GID: '1000', SUDO_COMMAND: 'procnetmon' },
        ...{ PATH: '/usr/bin', TERM: 'xterm' },
      },
      { name: 'alice', home: '/home/alice', shell: '/bin/zsh' },
    );
    expect(environment).toEqual({
      ...{ HOME: '/home/alice', USER: 'alice', LOGNAME: 'alice', SHELL: '/bin/zsh' },
      ...{ PATH: '/usr/bin', TERM: 'xterm' },
    });
  });
});

describe('inForegroundOfTerminal', () => {
  it.each([
    ['7 (node) S 1 7 7 34816 7 4194304', true],
    ['7 (a) b) (c) S 1 7 7 34816 7 4194304', true],
    ['7 (node) S 1 7 7 34816 9 4194304', false],
    ['7 (node) S 1 7 7 0 -1 4194304', false],
  ])('%s: %s', (line, expected) => {
    expect(inForegroundOfTerminal(line)).toBe(expected);
  });
});
