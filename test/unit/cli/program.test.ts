// From what is typed to what the commands are told.
import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MonitorOptions } from '../../../helper/src/cli/options';
import { createProgram, type Actions } from '../../../helper/src/cli/program';

const defaults: MonitorOptions = {
  format: 'table',
  children: true,
  intervalMillis: 1_000,
  windowMillis: 5_000,
  interfaces: [],
  inspect: true,
  reverseLookup: false,
  maximumProcesses: 1_024,
  maximumConnections: 16_384,
  eventsPerSecond: 5_000,
  maximumHistory: 100_000,
  filter: { hosts: [], protocols: [] },
};

/** Parses a command line and returns which action was called, with what. */
async function call(...typed: string[]): Promise<{ calls: unknown[]; status: number | undefined }> {
  const calls: unknown[] = [];
  let status: number | undefined;
  const note =
    (name: string) =>
    (...args: unknown[]): Promise<number> => {
      calls.push([name, ...args]);
      return Promise.resolve(7);
    };
  const actions: Actions = {
    serve: note('serve'),
    top: note('top'),
    install: note('install'),
    uninstall: note('uninstall'),
    watch: note('watch'),
    run: note('run'),
    doctor: note('doctor'),
    cleanup: note('cleanup'),
    lookUpNames: note('lookUpNames'),
  };
  const program = createProgram('1.2.3', actions, (value) => (status = value));
  await program.parseAsync(typed, { from: 'user' });
  return { calls, status };
}

async function refusal(...typed: string[]): Promise<CommanderError> {
  const error: unknown = await call(...typed).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CommanderError)) throw new Error('The command line was taken.');
  return error;
}

let written = '';

beforeEach(() => {
  written = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
  }
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('watch', () => {
  it('has defaults for everything', async () => {
    expect(await call('watch', '12', '34')).toEqual({
      calls: [['watch', [12, 34], defaults, true]],
      status: 7,
    });
  });

  it('takes every option', async () => {
    const { calls } = await call(
      ...['watch', '--format', 'json', '--interval', '500ms', '--window', '2s', '--duration', '1m'],
      ...[
        '--samples',
        '3',
        '--interface',
        'eth0,lo',
        '--no-children',
        '--output',
        'file',
        '--no-inspect',
        '--reverse-lookup',
        '--host',
        'db,*.example.org',
        '--protocol',
        'h2',
        '--protocol',
        'postgresql',
        '--group-by',
        'host',
        '--no-color',
      ],
      ...['--max-processes', '1', '--max-connections', '2', '--max-events', '3', '--max-history', '4', '12'],
    );
    const options: MonitorOptions = {
      format: 'json',
      children: false,
      intervalMillis: 500,
      windowMillis: 2_000,
      durationMillis: 60_000,
      samples: 3,
      interfaces: ['eth0', 'lo'],
      inspect: false,
      reverseLookup: true,
      maximumProcesses: 1,
      maximumConnections: 2,
      eventsPerSecond: 3,
      maximumHistory: 4,
      filter: { hosts: ['db', '*.example.org'], protocols: ['h2', 'postgresql'] },
      groupBy: 'host',
      output: 'file',
    };
    expect(calls).toEqual([['watch', [12], options, false]]);
  });
});

describe('watch --all and top', () => {
  it('take no processes', async () => {
    expect((await call('watch', '--all')).calls).toEqual([['watch', 'all', defaults, true]]);
    const options = { ...defaults, children: false, inspect: false };
    expect((await call('top')).calls).toEqual([['top', 'rate', options, true]]);
    expect((await call('top', '--sort', 'total', '--format', 'json')).calls).toEqual([
      ['top', 'total', { ...options, format: 'json' }, true],
    ]);
  });

  it.each([['watch'], ['watch', '--all', '12'], ['top', '12'], ['top', '--sort', 'size']])(
    'refuse what is too much and what is missing: %s %s %s',
    async (...typed) => {
      vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      await expect(call(...typed)).rejects.toThrow(CommanderError);
    },
  );
});

describe('limits', () => {
  it.each([
    ['--max-processes', '0', 'from 1 to 1024'],
    ['--max-connections', '16385', 'from 1 to 16384'],
    ['--max-events', '-1', 'from 1 to 5000'],
    ['--max-history', 'all', 'from 1 to 1000000'],
  ])('are refused outside of their range: %s %s', async (option, value, range) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(call('watch', option, value, '12')).rejects.toThrow(CommanderError);
    expect(written.mock.calls.join('')).toContain(range);
  });
});

describe('run', () => {
  it('leaves the options of the command alone, with and without --', async () => {
    const expected = { calls: [['run', 'npm', ['test', '--format', 'x', '--'], defaults, true]], status: 7 };
    expect(await call('run', '--', 'npm', 'test', '--format', 'x', '--')).toEqual(expected);
    expect(await call('run', 'npm', 'test', '--format', 'x', '--')).toEqual(expected);
  });

  it('takes a command that begins with a hyphen after --', async () => {
    const { calls } = await call('run', '--format', 'json', '--', '-odd', '--help');
    expect(calls).toEqual([['run', '-odd', ['--help'], { ...defaults, format: 'json' }, true]]);
  });
});

describe('the other commands', () => {
  it.each([
    [['doctor'], ['doctor', 'table', true]],
    [
      ['doctor', '--format', 'json', '--no-color'],
      ['doctor', 'json', false],
    ],
    [['cleanup'], ['cleanup']],
    [['serve'], ['serve', false]],
    [
      ['install', '--group', 'net', '--dry-run'],
      ['install', { group: 'net', ptrace: true, dryRun: true }],
    ],
    [
      ['install', '--no-ptrace', '-y'],
      ['install', { ptrace: false, yes: true }],
    ],
    [
      ['uninstall', '--yes'],
      ['uninstall', true],
    ],
    [
      ['serve', '--all-users'],
      ['serve', true],
    ],
  ])('%j', async (typed, expected) => {
    expect((await call(...typed)).calls).toEqual([expected]);
  });
});

describe('what is refused', () => {
  it.each([
    [[]],
    [['nosuch']],
    [['watch']],
    [['watch', 'abc']],
    [['watch', '--interval', '5', '1']],
    [['watch', '--format', 'csv', '1']],
    [['watch', '--nosuch', '1']],
    [['watch', '--host', 'a,,b', '1']],
    [['watch', '--group-by', 'colour', '1']],
    [['run']],
    [['run', '--', '']],
    [['doctor', 'extra']],
    [['serve', '--port', '1']],
  ])('%j', async (typed) => {
    expect((await refusal(...typed)).exitCode).not.toBe(0);
  });

  it('is shown without control characters', async () => {
    await refusal('watch', '\u001b[2J');
    expect(written).toContain('"\ufffd[2J" is not a process id.');
    expect(written).not.toContain('\u001b');
  });

  it.each([[['--version']], [['--help']], [['run', '--help']]])('%j is no failure', async (typed) => {
    expect((await refusal(...typed)).exitCode).toBe(0);
  });
});
