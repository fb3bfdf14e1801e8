// `procnetmon run` as its users have it: iperf3's own count of its payload is the truth, every line keeps to the
// published shape, and the command behaves as if nobody watched.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputLine, type OutputLine, type SummaryLine } from '../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from './support/helper';
import { HostPair, type Host } from './support/namespaces';
import { NetworkNamespace } from './support/network-namespace';
import { folder, useTestFolder } from './support/test-folder';

const isRoot = process.getuid?.() === 0;

/** What iperf3 says about one direction of a transfer. */
interface Iperf3Sum {
  bytes: number;
}

interface Iperf3Report {
  error?: string;
  end: { sum_sent: Iperf3Sum; sum_received: Iperf3Sum; sum: Iperf3Sum };
}

/** Every line, checked against the schema. */
function parseLines(text: string): OutputLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => outputLine.parse(JSON.parse(line)));
}

function summaryOf(lines: readonly OutputLine[]): SummaryLine {
  const last = lines.at(-1);
  if (last?.type !== 'summary') throw new Error(`The last line is no summary but ${String(last?.type)}.`);
  return last;
}

/** Starts iperf3 as a server and waits until it listens. */
async function serveIperf3(host: Host | undefined, port: number): Promise<ChildProcess> {
  const args = ['-s', '-p', String(port), '--forceflush'];
  const [program, programArgs] =
    host === undefined ? ['iperf3', args] : ['nsenter', HostPair.within(host, 'iperf3', ...args)];
  const server = spawn(program, programArgs, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes('Server listening')) break;
  }
  server.stdout.resume();
  return server;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  if (child.kill('SIGTERM')) await ended;
}

useTestFolder();

describe.skipIf(!isRoot)('the payload is what iperf3 counted', () => {
  let pair: HostPair;
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    pair = new HostPair('cli');
    servers.push(await serveIperf3(undefined, 5299), await serveIperf3(pair.far, 5299));
  });

  afterAll(async () => {
    await Promise.all(servers.map(end));
    pair.dispose();
  });

  const amount: Record<string, string[]> = {
    // Not at full speed: the receiving iperf3 leaves unread what is still queued when the other says that it is done.
    tcp: ['-b', '200M', '-l', '8K', '-n', '10M'],
    // Slow enough that no datagram is lost, so that both ends must agree.
    udp: ['-u', '-b', '40M', '-n', '4M', '-l', '1200'],
  };
  const cases = ['loopback', 'namespaces'].flatMap((place) =>
    ['ipv4', 'ipv6'].flatMap((family) =>
      ['tcp', 'udp'].flatMap((protocol) =>
        ['sent', 'received'].map((direction) => ({ place, family, protocol, direction })),
      ),
    ),
  );

  it.each(cases)('$place, $family, $protocol, $direction', async ({ place, family, protocol, direction }) => {
    const loopback = family === 'ipv4' ? '127.0.0.1' : '::1';
    const far = family === 'ipv4' ? pair.far.ipv4 : pair.far.ipv6;
    const output = path.join(folder, 'lines.jsonl');
    const client = [
      ...['iperf3', '-c', place === 'loopback' ? loopback : far, '-p', '5299', '-J'],
      ...(amount[protocol] ?? []),
      ...(direction === 'received' ? ['-R'] : []),
    ];
    const command =
      place === 'loopback'
        ? client
        : ['nsenter', ...HostPair.within(pair.near, 'iperf3', ...client.slice(1))];
    const finished = await runToEnd(helperPath, ['run', '--format', 'json', '-o', output, '--', ...command]);
    expect(finished).toMatchObject({ status: 0, stderr: '' });
    const report = JSON.parse(finished.stdout) as Iperf3Report;
    const { sum_sent: sent, sum_received: received, sum } = report.end;

    const summary = summaryOf(parseLines(readFileSync(output, 'utf8')));
    expect(summary.processes).toHaveLength(1);
    const [measured] = summary.processes;
    const ours = direction === 'sent' ? measured?.payload.txBytes : measured?.payload.rxBytes;
    // Both ends count; what the kernel acknowledged lies between, should the reader have stopped early.
    const counts = protocol === 'udp' ? [sum.bytes] : [sent.bytes, received.bytes];
    expect(Math.min(...counts)).toBeGreaterThan(3_900_000);
    expect(ours).toBeGreaterThan(Math.min(...counts) * 0.999);
    expect(ours).toBeLessThan(Math.max(...counts) * 1.001);

    const [busiest] = [...(measured?.flows ?? [])].sort(
      (a, b) => b.payload.txBytes + b.payload.rxBytes - a.payload.txBytes - a.payload.rxBytes,
    );
    const address =
      family === 'ipv6' ? `[${place === 'loopback' ? '::1' : far}]` : place === 'loopback' ? loopback : far;
    expect(busiest).toMatchObject({ protocol, remote: `${address}:5299` });
    // The end that closes first stays in TIME_WAIT for a while after the program.
    expect(measured?.flows.every(({ state }) => ['closed', 'time-wait'].includes(state))).toBe(true);
    expect(summary.dropped).toMatchObject({ events: 0, flows: 0, processes: 0, summaryFlows: 0 });
  });
});

/** Opens a connection to itself and sends as many bytes as its argument says. */
const talker = `
  const net = require('node:net');
  const server = net.createServer((socket) => socket.resume().on('end', () => socket.end()));
  server.listen(0, '127.0.0.1', () => {
    const socket = net.connect(server.address().port, '127.0.0.1');
    socket.end(Buffer.alloc(Number(process.argv[1])));
    socket.resume().on('close', () => server.close());
  });`;

describe.skipIf(!isRoot)('what the command does not notice', () => {
  const procnetmon = (...args: string[]) => runToEnd(helperPath, args);

  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -TERM $$', 143],
    ['kill -SEGV $$', 139],
  ])('%s: exits with %d', async (script, status) => {
    expect((await procnetmon('run', '--', 'sh', '-c', script)).status).toBe(status);
  });

  it('standard input and output are its own; the table goes to standard error', async () => {
    const finished = await runToEnd(helperPath, ['run', '--', 'cat'], 'words\n');
    expect(finished).toMatchObject({ status: 0, stdout: 'words\n' });
    expect(finished.stderr).toMatch(/on the wire · in .* · 1 process · 0 connections\n/);
    expect(finished.stderr).not.toContain('\u001b');
  });

  it('with JSON lines on standard output, what it prints goes to standard error', async () => {
    const { stdout, stderr, status } = await procnetmon('run', '--format', 'json', '--', 'echo', 'words');
    expect(status).toBe(0);
    expect(stderr).toBe('words\n');
    expect(parseLines(stdout).at(-1)?.type).toBe('summary');
  });

  it('its environment and folder are those of the caller', async () => {
    const here = await runToEnd('sh', ['-c', 'env | sort; pwd']);
    const watched = await procnetmon('run', '--', 'sh', '-c', 'env | sort; pwd');
    expect(watched.stdout).toBe(here.stdout);
  });
});

describe.skipIf(!isRoot)('processes and events', () => {
  it('counts a child that outlives the command, and waits for it', async () => {
    const script = `${process.execPath} -e "$0" 300000 & exit 4`;
    const finished = await runToEnd(helperPath, [
      'run',
      '--format',
      'json',
      '--',
      'sh',
      '-c',
      script,
      talker,
    ]);
    expect(finished.status).toBe(4);
    const lines = parseLines(finished.stdout);
    const [shell, child] = summaryOf(lines).processes;
    expect(shell?.payload.txBytes).toBe(0);
    expect(child?.name).not.toBe(shell?.name);
    // Both ends are its own: what one sends the other receives.
    expect(child?.payload).toEqual({ txBytes: 300_000, rxBytes: 300_000 });
  });

  it('leaves children out where asked to', async () => {
    const script = `${process.execPath} -e "$0" 1000; exit 0`;
    const args = ['run', '--format', 'json', '--no-children', '--', 'sh', '-c', script, talker];
    const finished = await runToEnd(helperPath, args);
    expect(summaryOf(parseLines(finished.stdout)).processes).toHaveLength(1);
  });

  it('tells of the life of sockets and processes, in order', async () => {
    const script = `${process.execPath} -e "$0" 1000; exit 3`;
    const finished = await runToEnd(helperPath, [
      'run',
      '--format',
      'json',
      '--',
      'sh',
      '-c',
      script,
      talker,
    ]);
    const lines = parseLines(finished.stdout);
    const events = lines.filter((line) => line.type === 'event');
    const root = lines.find((line) => line.type === 'sample')?.watchedPid ?? 0;
    const fork = events.find(({ kind }) => kind === 'fork');
    expect(fork).toMatchObject({ pid: root, childPid: expect.any(Number) as number });
    const ofChild = events.filter(({ pid }) => pid === fork?.childPid);
    expect(ofChild.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['exec', 'listening', 'opened', 'established', 'closed', 'exit']),
    );
    expect(ofChild.at(-1)).toMatchObject({ kind: 'exit', exitStatus: 0 });
    expect(events.at(-1)).toMatchObject({ kind: 'exit', pid: root, exitStatus: 3 });
    const directions = ofChild.filter(({ kind }) => kind === 'established').map(({ direction }) => direction);
    expect(directions.sort()).toEqual(['incoming', 'outgoing']);
  });

  it('numbers its samples without gaps', async () => {
    const args = ['run', '--format', 'json', '--interval', '100ms', '--', 'sleep', '0.5'];
    const lines = parseLines((await runToEnd(helperPath, args)).stdout);
    const sequence = lines.flatMap((line) => (line.type === 'sample' ? [line.sequence] : []));
    expect(sequence.length).toBeGreaterThan(2);
    expect(sequence).toEqual(sequence.map((_, index) => index));
  });

  it('counts on the interfaces that are named, and on no other', async () => {
    const talk = [process.execPath, '-e', talker, '1000'];
    const totals = async (name: string) => {
      const args = ['run', '--format', 'json', '--interface', name, '--', ...talk];
      return summaryOf(parseLines((await runToEnd(helperPath, args)).stdout)).processes[0]?.payload.txBytes;
    };
    const pair = new HostPair('filter');
    try {
      expect(await totals('lo')).toBe(1_000);
      expect(await totals('eth0')).toBe(0);
    } finally {
      pair.dispose();
    }
  });

  it('counts under "ip netns exec", which hides the control groups', async () => {
    const namespace = new NetworkNamespace('run');
    try {
      const conversation = `
        const server = require('node:net').createServer((socket) => socket.resume().on('end', () => server.close()));
        server.listen(0, '127.0.0.1', () =>
          require('node:net').connect(server.address().port, '127.0.0.1').end(Buffer.alloc(100_000)));`;
      const finished = await runToEnd('ip', [
        ...['netns', 'exec', namespace.name, helperPath, 'run', '--format', 'json'],
        ...['--', process.execPath, '-e', conversation],
      ]);
      expect(finished).toMatchObject({ status: 0, stderr: '' });
      const [program] = summaryOf(parseLines(finished.stdout)).processes;
      expect(program?.payload).toEqual({ txBytes: 100_000, rxBytes: 100_000 });
    } finally {
      namespace.dispose();
    }
  });

  it('ends the measurement after --samples and lets the command go on', async () => {
    const file = path.join(folder, 'done');
    const output = path.join(folder, 'lines.jsonl');
    const args = ['run', '--format', 'json', '-o', output, '--interval', '100ms', '--samples', '2'];
    const finished = await runToEnd(helperPath, [
      ...args,
      '--',
      'sh',
      '-c',
      'sleep 0.5; echo late; echo > "$0"; exit 6',
      file,
    ]);
    expect(finished).toMatchObject({ status: 6, stdout: 'late\n' });
    const lines = parseLines(readFileSync(output, 'utf8'));
    expect(lines.filter(({ type }) => type === 'sample')).toHaveLength(2);
    expect(lines.at(-1)?.type).toBe('summary');
    expect(readFileSync(file, 'utf8')).toBe('\n');
  });
});

describe.skipIf(!isRoot)('signals', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s reaches the command, whose status is kept', async (signal) => {
    const script = `trap 'echo got it; exit 9' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
    const child = spawn(helperPath, ['run', '--', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await once(child.stdout, 'data');
    const closed = once(child, 'close');
    child.kill(signal);
    expect(await closed).toEqual([9, null]);
    expect(stdout).toBe('ready\ngot it\n');
    expect(stderr).toContain('on the wire');
  });

  it('ends the wait for children that the command left behind', async () => {
    const child = spawn(helperPath, ['run', '--', 'sh', '-c', 'sleep 60 >&- 2>&- & echo $!; exit 5'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [pid] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    try {
      const closed = once(child, 'close');
      // The command has to be gone first, or the signal is passed on to it.
      await expect.poll(() => runToEnd('pgrep', ['-P', String(child.pid)])).toMatchObject({ stdout: '' });
      child.kill('SIGINT');
      expect(await closed).toEqual([5, null]);
    } finally {
      process.kill(Number(pid), 'SIGTERM');
    }
  });
});
