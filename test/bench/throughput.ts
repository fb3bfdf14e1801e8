// What counting costs the traffic itself: an unthrottled transfer with everything attached against one without, one
// after the other, and how long each program of ours runs for a packet.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { HostPair, run } from '../kernel/support/namespaces';
import { HelperSession } from './helper-session';
import { beforeOthers } from './priority';
import { programIds } from './process-resources';
import { atLeast, type Figure, type Measurement } from './results';
import { median, percentile } from './statistics';

const pairs = 20;
const transferSeconds = 2;
const port = 5201;
const statisticsSwitch = '/proc/sys/kernel/bpf_stats_enabled';

interface Transfer {
  end: { sum_received: { bits_per_second: number } };
}

interface ProgramStatistics {
  name: string;
  run_time_ns?: number;
  run_cnt?: number;
}

/** One transfer, with a server of its own in the far host: one that serves again is busy for a while in between. */
async function transfer(pair: HostPair): Promise<Transfer> {
  const serve = ['iperf3', '--server', '--one-off', '--forceflush', '--port', String(port)] as const;
  const server = spawn('nsenter', HostPair.within(pair.far, ...serve), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const served = once(server, 'close');
  try {
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stdout }).on('line', (line) => {
        if (line.includes('listening')) resolve();
      });
      served.then(() => reject(new Error('The server of iperf3 ended early.')), reject);
    });
    const command = ['iperf3', '--json', '--client', pair.far.ipv4, '--port', String(port)] as const;
    const args = HostPair.within(pair.near, ...command, '--time', String(transferSeconds));
    // Does not block: the helper's samples are to be taken off its hands meanwhile.
    const client = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    client.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(client, 'close');
    const result = JSON.parse(output) as Transfer & { error?: string };
    if (result.error !== undefined) throw new Error(`iperf3: ${result.error}`);
    await served;
    return result;
  } catch (error) {
    server.kill();
    await served;
    throw error;
  }
}

/** Everything attached, and whatever this process starts is watched, as one debugged program would be. */
async function withHelper<Result>(
  pair: HostPair,
  action: (session: HelperSession, monitor: string) => Promise<Result>,
): Promise<Result> {
  const session = await HelperSession.start(pair.near.namespace);
  try {
    const monitor = await session.monitor({ pid: process.pid });
    return await action(session, monitor);
  } finally {
    await session.end();
  }
}

async function compare(pair: HostPair): Promise<Figure[]> {
  const without: number[] = [];
  const attached: number[] = [];
  const plain = async (): Promise<void> => {
    without.push((await transfer(pair)).end.sum_received.bits_per_second);
  };
  const counted = (): Promise<void> =>
    withHelper(pair, async () => {
      attached.push((await transfer(pair)).end.sum_received.bits_per_second);
    });
  await transfer(pair);
  for (let index = 0; index < pairs; index += 1) {
    // In turns first and second, so that a drift of the machine's speed favours neither.
    for (const one of index % 2 === 0 ? [plain, counted] : [counted, plain]) await one();
  }
  const ratios = attached.map((speed, index) => speed / (without[index] ?? NaN));
  const quarter = (share: number): string => percentile(ratios, share).toFixed(3);
  return [
    {
      what: 'Unthrottled TCP, with everything attached ÷ without',
      value: median(ratios),
      unit: '×',
      bound: atLeast(0.95),
      note:
        `median of ${String(pairs)} pairs of ${String(transferSeconds)} s, quartiles ${quarter(0.25)} and ${quarter(0.75)}; ` +
        `${(median(without) / 1e9).toFixed(1)} Gbit/s without`,
    },
  ];
}

/** Counting time costs time itself, so this is a transfer of its own. */
async function costOfPrograms(pair: HostPair): Promise<Figure[]> {
  const before = readFileSync(statisticsSwitch, 'utf8');
  writeFileSync(statisticsSwitch, '1');
  try {
    return await withHelper(pair, async (session, monitor) => {
      await transfer(pair);
      await session.nextSample();
      const programs = programIds(session.pid).map(
        (id) => JSON.parse(run('bpftool', '--json', 'prog', 'show', 'id', String(id))) as ProgramStatistics,
      );
      const packets = session.samples.get(monitor)?.total.wire;
      const ran = programs.filter(({ run_cnt = 0 }) => run_cnt > 100);
      const nanos = ran.reduce((sum, { run_time_ns = 0 }) => sum + run_time_ns, 0);
      return [
        {
          what: 'All programs together, for a packet on the wire',
          value: nanos / Math.max(1, (packets?.txPackets ?? 0) + (packets?.rxPackets ?? 0)),
          unit: 'ns',
          note: 'both ends of the transfer are on this machine, and both are counted',
        },
        {
          what: '… share of a core during the transfer',
          value: (100 * nanos) / (transferSeconds * 1e9),
          unit: '%',
        },
        ...ran.map(({ name, run_time_ns = 0, run_cnt = 1 }): Figure => ({
          what: `… ${name}, for a call`,
          value: run_time_ns / run_cnt,
          unit: 'ns',
          note: `${run_cnt.toLocaleString('en')} calls`,
        })),
      ];
    });
  } finally {
    writeFileSync(statisticsSwitch, before);
  }
}

async function measure(): Promise<Figure[]> {
  const pair = new HostPair('t');
  try {
    return [...(await compare(pair)), ...(await costOfPrograms(pair))];
  } finally {
    pair.dispose();
  }
}

export const throughput: Measurement = {
  name: 'throughput',
  title: 'Cost for the traffic',
  run: () => beforeOthers(measure),
};
