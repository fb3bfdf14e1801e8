// `procnetmon watch`, `doctor` and `cleanup` as their users have them, and what every command answers to bad input.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doctorReport } from '../../helper/src/cli/json-doctor-report';
import { outputLine, type OutputLine } from '../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from './support/helper';

const isRoot = process.getuid?.() === 0;

/** Sends itself datagrams, as many as it is told on standard input, and says so when all have arrived. */
const talker = `
  const dgram = require('node:dgram');
  const receiver = dgram.createSocket('udp4');
  const sender = dgram.createSocket('udp4');
  let waiting = 0;
  receiver.on('message', () => {
    waiting -= 1;
    if (waiting > 0) sender.send(Buffer.alloc(1000), receiver.address().port, '127.0.0.1');
    else console.log('done');
  });
  receiver.bind(0, '127.0.0.1', () => console.log('ready'));
  process.stdin.on('data', (data) => {
    waiting = Number(data);
    sender.send(Buffer.alloc(1000), receiver.address().port, '127.0.0.1');
  });
  process.stdin.on('end', () => process.exit());`;

class Talker {
  readonly child: ChildProcess;
  readonly pid: number;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid ?? 0;
  }

  static async start(): Promise<Talker> {
    const child = spawn(process.execPath, ['-e', talker], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return new Talker(child);
  }

  /** Sends so many datagrams of 1,000 bytes to itself. */
  async send(count: number): Promise<void> {
    const done = once(this.child.stdout as NodeJS.ReadableStream & NodeJS.EventEmitter, 'data');
    this.child.stdin?.write(String(count));
    await done;
  }

  async end(): Promise<void> {
    const ended = once(this.child, 'exit');
    if (this.child.kill('SIGTERM')) await ended;
  }
}

/** A helper that runs on until it is told to end; its lines are checked as they come. */
class RunningHelper {
  readonly child: ChildProcess;
  readonly lines: OutputLine[] = [];
  stderr = '';
  readonly closed: Promise<unknown>;
  #rest = '';

  constructor(...args: string[]) {
    const child = spawn(helperPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(outputLine.parse(JSON.parse(line)));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.closed = once(child, 'close');
  }

  firstSample(): Promise<void> {
    return expect
      .poll(() => this.lines.some(({ type }) => type === 'sample'), { timeout: 20_000 })
      .toBe(true);
  }
}

let subject: Talker;
let folder: string;

beforeAll(async () => {
  subject = await Talker.start();
});

afterAll(async () => {
  await subject.end();
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe.skipIf(!isRoot)('watch', () => {
  it('counts what a running process does until it is interrupted', async () => {
    const helper = new RunningHelper('watch', '--format', 'json', '--interval', '100ms', String(subject.pid));
    await helper.firstSample();
    await subject.send(200);
    helper.child.kill('SIGINT');
    expect(await helper.closed).toEqual([0, null]);
    expect(helper.stderr).toBe('');
    const summary = helper.lines.at(-1);
    if (summary?.type !== 'summary') throw new Error('The last line is no summary.');
    expect(summary.processes).toHaveLength(1);
    expect(summary.processes[0]).toMatchObject({
      pid: subject.pid,
      payload: { txBytes: 200_000, rxBytes: 200_000 },
      // 20 bytes of IPv4, 8 of UDP, and the 14 that loopback has in place of Ethernet.
      wire: { txBytes: 208_400, rxBytes: 208_400, txPackets: 200, rxPackets: 200 },
    });
  });

  it('watches several processes in one output, and ends when all of them have', async () => {
    const others = await Promise.all([Talker.start(), Talker.start()]);
    const pids = others.map(({ pid }) => pid);
    const helper = new RunningHelper('watch', '--format', 'json', '--interval', '100ms', ...pids.map(String));
    await helper.firstSample();
    await Promise.all(others.map((other, index) => other.send(10 * (index + 1))));
    await Promise.all(others.map((other) => other.end()));
    expect(await helper.closed).toEqual([0, null]);
    const samples = helper.lines.filter((line) => line.type === 'sample');
    expect(new Set(samples.map(({ watchedPid }) => watchedPid))).toEqual(new Set(pids));
    const summary = helper.lines.at(-1);
    if (summary?.type !== 'summary') throw new Error('The last line is no summary.');
    expect(summary.processes.map(({ pid, payload }) => [pid, payload.txBytes])).toEqual([
      [pids[0], 10_000],
      [pids[1], 20_000],
    ]);
  });

  it('writes one plain block an interval into a pipe, then the summary', async () => {
    const args = ['watch', '--samples', '3', '--interval', '100ms', String(subject.pid)];
    const { status, stdout, stderr } = await runToEnd(helperPath, args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    const blocks = stdout.trimEnd().split('\n\n');
    expect(blocks).toHaveLength(4);
    for (const block of blocks.slice(0, 3)) expect(block).toContain('↑ RATE');
    expect(blocks[3]).toContain('on the wire');
  });

  it('ends after --duration', async () => {
    const args = [
      'watch',
      '--format',
      'json',
      '--duration',
      '300ms',
      '--interval',
      '100ms',
      String(subject.pid),
    ];
    const { status, stdout } = await runToEnd(helperPath, args);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('"type":"summary"');
  });

  it('writes into a file', async () => {
    const file = path.join(folder, 'lines');
    const args = ['watch', '--format', 'json', '--samples', '1', '-o', file, String(subject.pid)];
    expect(await runToEnd(helperPath, args)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const child = spawn(
      helperPath,
      ['watch', '--format', 'json', '--interval', '100ms', String(subject.pid)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await exited).toEqual([0, null]);
    expect(stderr).toBe('');
  });

  it('lets the command of run end in its own time when the reader leaves', async () => {
    const child = spawn(
      helperPath,
      ['run', '--format', 'json', '--interval', '100ms', '--', 'sh', '-c', 'read line; exit 4'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.stdin.end('line\n');
    expect(await exited).toEqual([4, null]);
  });
});

describe.skipIf(!isRoot)('on a terminal', () => {
  /** Whatever the terminal is that the tests were started from. */
  const plainTerminal = 'unset NO_COLOR FORCE_COLOR; export TERM=xterm-256color';

  /**
   * Runs a command line on a terminal of that many columns and returns what it wrote there.
   * @param copy a file that has it too, as it comes
   */
  async function onTerminal(columns: number, command: string, copy = '/dev/null'): Promise<string> {
    const { stdout } = await runToEnd('script', [
      ...[
        '--quiet',
        '--return',
        '--flush',
        '--command',
        `${plainTerminal}; stty cols ${String(columns)} rows 20; exec ${command}`,
      ],
      copy,
    ]);
    return stdout;
  }

  it('draws in place on the alternate screen and gives the terminal back', async () => {
    const text = await onTerminal(
      60,
      `${helperPath} watch --samples 2 --interval 100ms ${String(subject.pid)}`,
    );
    const [before, display = '', after = ''] = text.split(/\u001b\[\?1049[hl]/);
    expect(before).toBe('');
    expect(display).toContain('↑ RATE');
    expect(display).toMatch(/^\u001b\[\?25l/);
    // The cursor is shown again, and what remains to be read is the summary.
    expect(display).toMatch(/\u001b\[\?25h$/);
    expect(after).toContain('on the wire');
    expect(after).toMatch(/\u001b\[\d+m/);
    const visible = after.replace(/\u001b\[[\d;]*m/g, '').split('\r\n');
    expect(visible.filter((line) => line.length > 60)).toEqual([]);
  });

  it('gives the terminal back when it is interrupted', async () => {
    const copy = path.join(folder, 'terminal');
    // Ctrl-C, as the terminal sends it: to the whole process group. Once the display stands.
    const interrupt = `until grep -q 1049h ${copy}; do sleep 0.05; done; kill -INT 0`;
    const command = `sh -c '(${interrupt}) & trap : INT; ${helperPath} watch ${String(subject.pid)}; wait'`;
    const text = await onTerminal(80, command, copy);
    expect(text).toContain('\u001b[?25h\u001b[?1049l');
    expect(text.slice(text.lastIndexOf('\u001b[?1049l'))).toContain('on the wire');
  });

  it('has no colours where NO_COLOR is set', async () => {
    const text = await onTerminal(
      80,
      `env NO_COLOR=1 ${helperPath} watch --samples 1 ${String(subject.pid)}`,
    );
    expect(text).not.toMatch(/\u001b\[[\d;]*m/);
  });
});

describe.skipIf(!isRoot)('under sudo', () => {
  // What sudo sets for a user; "nobody" exists everywhere.
  const nobody = { uid: 65_534, gid: 65_534 };
  const asNobody = [
    'env',
    `SUDO_UID=${String(nobody.uid)}`,
    `SUDO_GID=${String(nobody.gid)}`,
    'SUDO_USER=nobody',
  ];

  it('the command runs as the user, with all of their groups, and cannot gain rights from the helper', async () => {
    const script =
      'id; echo $HOME $USER $LOGNAME $SUDO_UID; grep -E "^(Cap(Prm|Eff|Amb)|NoNewPrivs)" /proc/self/status';
    const expected = execFileSync('setpriv', [
      ...['--reuid=nobody', '--regid=65534', '--init-groups', 'id'],
    ]).toString();
    const home = execFileSync('getent', ['passwd', 'nobody']).toString().split(':')[5] ?? '';
    const { stdout, status } = await runToEnd('env', [
      ...asNobody,
      ...[helperPath, 'run', '--', 'sh', '-c', script],
    ]);
    expect(status).toBe(0);
    expect(stdout).toBe(
      `${expected}${home} nobody nobody\n` +
        ['CapPrm', 'CapEff', 'CapAmb'].map((name) => `${name}:\t0000000000000000\n`).join('') +
        'NoNewPrivs:\t0\n',
    );
  });

  it('runs no program as root that PATH leads to', async () => {
    // Where sudo is not told which PATH is safe, it hands on that of the user.
    const program = path.join(folder, 'setpriv');
    const touched = path.join(folder, 'touched');
    writeFileSync(program, `#!/bin/sh\n/usr/bin/id -u >>${touched}\n`, { mode: 0o755 });
    const { status, stdout } = await runToEnd('env', [
      ...[...asNobody, `PATH=${folder}:${process.env['PATH'] ?? ''}`],
      ...[helperPath, 'run', '--reverse-lookup', '--', 'id', '-u'],
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${String(nobody.uid)}\n` });
    expect(() => statSync(touched)).toThrow();
  });

  it('refuses the process of another user', async () => {
    const args = [...asNobody, helperPath, 'watch', String(subject.pid)];
    const { status, stdout, stderr } = await runToEnd('env', args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^procnetmon: Process ${String(subject.pid)} .*root.*nobody`));
  });

  it('writes its file with the rights of the user', async () => {
    const file = path.join(folder, 'lines');
    const args = [...asNobody, helperPath, 'run', '-o', file, '--', 'true'];
    const { status, stderr } = await runToEnd('env', args);
    expect(status).toBe(1);
    expect(stderr).toContain(`The output file "${file}" cannot be written: EACCES.`);
    expect(() => statSync(file)).toThrow();
  });
});

describe.skipIf(!isRoot)('doctor and cleanup', () => {
  it('reports to programs', async () => {
    const { status, stdout } = await runToEnd(helperPath, ['doctor', '--format', 'json']);
    const report = doctorReport.parse(JSON.parse(stdout));
    expect(status).toBe(report.checks.some((check) => check.status === 'failed') ? 1 : 0);
    expect(report.checks.find(({ id }) => id === 'programs')?.status).toBe('ok');
  });

  it('reports to people', async () => {
    const { stdout } = await runToEnd(helperPath, ['doctor']);
    expect(stdout).toContain('Kernel programs, ring buffer');
    expect(stdout).not.toContain('\u001b');
  });

  it('leaves nothing in the kernel', async () => {
    const programs = (): unknown[] =>
      (JSON.parse(execFileSync('bpftool', ['--json', 'prog', 'list']).toString()) as { name?: string }[])
        .map(({ name }) => name)
        .filter((name) => name?.startsWith('pnm_'))
        .sort();
    const before = programs();
    await runToEnd(helperPath, ['doctor']);
    expect(programs()).toEqual(before);
  });

  it('answers without rights too, and says what it could not look at', async () => {
    const copy = path.join(folder, 'bin');
    execFileSync('cp', ['-r', path.dirname(helperPath), copy]);
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    const { status, stdout } = await runToEnd('setpriv', [
      ...[
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        path.join(copy, 'procnetmon'),
        'doctor',
        '--format',
        'json',
      ],
    ]);
    const report = doctorReport.parse(JSON.parse(stdout));
    expect(report.checks.find(({ id }) => id === 'programs')).toMatchObject({
      status: 'warning',
      remedy: 'Run "sudo procnetmon doctor" for the whole answer.',
    });
    expect(status).toBe(0);
    const watching = await runToEnd('setpriv', [
      ...['--reuid=65534', '--regid=65534', '--clear-groups', path.join(copy, 'procnetmon'), 'watch', '1'],
    ]);
    expect(watching).toMatchObject({ status: 3, stdout: '' });
    expect(watching.stderr).toMatch(/^procnetmon: .*rights.*\n {2}.*sudo/);
  });

  it('has nothing to clean up where links die with their process', async () => {
    expect(await runToEnd(helperPath, ['cleanup'])).toEqual({
      status: 0,
      signal: null,
      stdout: 'Nothing was left behind.\n',
      stderr: '',
    });
  });
});

describe.skipIf(!isRoot)('bad input', () => {
  const self = String(process.pid);
  it.each<[string[], number, RegExp]>([
    [['nosuch'], 2, /unknown command 'nosuch'/],
    [['watch'], 2, /give either process ids or '--all'/],
    [['watch', '--all', self], 2, /give either process ids or '--all'/],
    [['watch', 'abc'], 2, /"abc" is not a process id/],
    [['watch', '--interval', '5', self], 2, /--interval.*"5" is not a duration.*from 100ms to 60s/],
    [['watch', '--interval', '1ms', self], 2, /--interval.*"1ms" is out of range.*from 100ms to 60s/],
    [['watch', '--samples', '0', self], 2, /--samples.*"0".*from 1 to 1000000/],
    [['watch', '--format', 'xml', self], 2, /--format.*'xml'.*table, json/],
    [['watch', '--interface', 'a/b', self], 2, /--interface.*"a\/b" cannot be the name/],
    [['watch', '4194304'], 1, /There is no process 4194304/],
    [['watch', '--interface', 'nosuch0', self], 1, /no network interface named "nosuch0"/],
    [
      ['watch', '-o', '/no/such/folder/file', self],
      1,
      /"\/no\/such\/folder\/file" cannot be written: ENOENT/,
    ],
    [['run'], 2, /missing required argument 'command'/],
    [['run', '--', 'no-such-command'], 127, /"no-such-command" was not found in PATH/],
    [['run', '--', '/etc/passwd'], 126, /"\/etc\/passwd" is not marked as executable/],
    [['run', '--', '/etc'], 126, /"\/etc" is a folder/],
    [['run', '--interface', 'nosuch0', '--', 'true'], 1, /no network interface named "nosuch0"/],
  ])('%j: status %d', async (args, status, message) => {
    const finished = await runToEnd(helperPath, args);
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr).toMatch(/^procnetmon: /);
    expect(finished.stderr).not.toContain('    at ');
  });

  it('never runs the command that could not be watched', async () => {
    const file = path.join(folder, 'touched');
    await runToEnd(helperPath, ['run', '--interface', 'nosuch0', '--', 'touch', file]);
    expect(() => statSync(file)).toThrow();
  });
});
