// `procnetmon watch --all` and `top`: everybody's network use for root, one's own for others, and the keys of the terminal.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputLine, type OutputLine } from '../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from './support/helper';

const isRoot = process.getuid?.() === 0;
const nobody = '65534';

/** Sends itself a datagram whenever it is told to on standard input, and says so. */
const talker = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', () => console.log('done'));
  socket.bind(0, '127.0.0.1', () => console.log('ready'));
  process.stdin.on('data', () => socket.send(Buffer.alloc(1000), socket.address().port, '127.0.0.1'));
  process.stdin.on('end', () => process.exit());`;

type Talker = ChildProcess & { pid: number; stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream };

const children: Talker[] = [];

async function startTalker(...before: string[]): Promise<Talker> {
  const child = spawn('env', [...before, process.execPath, '-e', talker], {
    stdio: ['pipe', 'pipe', 'inherit'],
  }) as Talker;
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function talk(child: Talker): Promise<void> {
  const done = once(child.stdout, 'data');
  child.stdin.write('.');
  await done;
}

function linesOf(stdout: string): OutputLine[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => outputLine.parse(JSON.parse(line)));
}

/** Runs the helper until the talkers have said something within the measurement. */
async function measure(command: string[], ...talkers: Talker[]): Promise<OutputLine[]> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  for (const talker of talkers) await talk(talker);
  child.kill('SIGINT');
  expect(await closed).toEqual([0, null]);
  return linesOf(stdout);
}

describe.skipIf(!isRoot)('everything', () => {
  let own: Talker;
  let other: Talker;
  beforeAll(async () => {
    own = await startTalker();
    other = await startTalker('setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups');
  });
  afterAll(async () => {
    for (const child of children) {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    }
  });

  it.each([
    ['watch', '--all'],
    ['top', '--sort=total'],
  ])('is of all users for root: %s %s', async (...words) => {
    const command = [helperPath, ...words, '--format', 'json', '--interval', '100ms'];
    const lines = await measure(command, own, other);
    const summary = lines.at(-1);
    if (summary?.type !== 'summary') throw new Error('The last line is no summary.');
    for (const { pid } of [own, other]) {
      expect(summary.processes.find((each) => each.pid === pid)).toMatchObject({
        payload: { txBytes: expect.any(Number) as number },
      });
    }
    const samples = lines.filter((line) => line.type === 'sample');
    expect(new Set(samples.map(({ watchedPid }) => watchedPid))).toEqual(new Set([0]));
    // Rates and totals begin with the measurement.
    const moved = samples.at(-1)?.processes.find((each) => each.pid === other.pid)?.payload;
    expect(moved).toMatchObject({ txBytes: expect.any(Number) as number });
  });

  it('is of the caller for others, and says so', async () => {
    const sudo = ['env', `SUDO_UID=${nobody}`, `SUDO_GID=${nobody}`];
    const lines = await measure(
      [...sudo, helperPath, 'watch', '--all', '--format', 'json', '--interval', '100ms'],
      own,
      other,
    );
    const pids = lines.flatMap((line) =>
      line.type === 'sample' ? line.processes.map(({ uid }) => uid) : [],
    );
    expect(new Set(pids)).toEqual(new Set([Number(nobody)]));
    const args = [...sudo.slice(1), helperPath, 'top', '--samples', '1'];
    expect((await runToEnd('env', args)).stderr).toMatch(/^procnetmon: Only processes of nobody are shown/m);
    expect(await runToEnd('env', [...args, '--all-users'])).toMatchObject({ status: 3, stdout: '' });
  });

  it('holds processes that are gone before anybody looks', async () => {
    const child = spawn(helperPath, ['top', '--format', 'json', '--interval', '1s'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const brief = spawn('bash', ['-c', 'echo hello >/dev/udp/127.0.0.1/9'], { stdio: 'ignore' });
    await once(brief, 'exit');
    child.kill('SIGINT');
    await closed;
    const summary = linesOf(stdout).at(-1);
    if (summary?.type !== 'summary') throw new Error('The last line is no summary.');
    expect(summary.processes.find(({ pid }) => pid === brief.pid)).toMatchObject({
      name: 'bash',
      payload: { txBytes: 6 },
    });
  });

  it('is written in plain blocks where there is no terminal', async () => {
    const child = spawn(helperPath, ['top', '--interval', '100ms'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    await talk(own);
    await expect.poll(() => stdout).toContain(`(${String(own.pid)})`);
    child.kill('SIGINT');
    expect(await closed).toEqual([0, null]);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/PROCESS +USER +↑ RATE/);
    expect(stdout).not.toContain('q quits');
  });

  describe('on a terminal', () => {
    /** Types keys once the display stands, each after a drawing, and returns what was written. */
    async function typing(...keys: string[]): Promise<{ text: string; status: number }> {
      const command = `stty cols 100 rows 20; ${helperPath} top --interval 100ms; status=$?; stty -a; exit $status`;
      const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, TERM: 'xterm-256color' },
      });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
      const closed = once(child, 'close') as Promise<[number]>;
      for (const key of keys) {
        const drawn = text.split('q quits').length;
        await expect.poll(() => text.split('q quits').length).toBeGreaterThan(drawn);
        for (const talker of [other, own]) await talk(talker);
        await expect.poll(() => text).toContain(`(${String(own.pid)})`);
        child.stdin.write(key);
      }
      const [status] = await closed;
      return { text, status };
    }

    it.each([
      ['q', 'q'],
      ['Ctrl-C', '\u0003'],
    ])('%s ends it, and the terminal is as it was', async (_, key) => {
      const { text, status } = await typing(key);
      expect(status).toBe(0);
      const after = text.slice(text.lastIndexOf('\u001b[?1049l'));
      expect(after).toContain('on the wire');
      for (const mode of ['isig', 'icanon', 'echo']) expect(after).toMatch(new RegExp(`[ \n]${mode}[ ;\r]`));
    });

    it('keys change the order', async () => {
      const { text } = await typing('p', 'q');
      const last = text.slice(0, text.lastIndexOf('\u001b[?1049l')).split('\u001b[H').at(-1) ?? '';
      const pids = [...last.matchAll(/\((\d+)\)/g)].map(([, pid]) => Number(pid));
      expect(pids.length).toBeGreaterThan(1);
      expect(pids).toEqual(pids.toSorted((one, another) => one - another));
    });
  });
});
