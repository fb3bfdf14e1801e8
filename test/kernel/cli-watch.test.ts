// `procnetmon watch` as its users have it, in a pipe and on a terminal.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputLine, type OutputLine } from '../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from './support/helper';
import { folder, useTestFolder } from './support/test-folder';

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

beforeAll(async () => {
  subject = await Talker.start();
});

afterAll(async () => {
  await subject.end();
});

useTestFolder();

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
