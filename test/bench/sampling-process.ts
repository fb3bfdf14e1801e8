// Runs in a process of its own, with the options of the engine that the helper has: how long one sample takes, from
// reading the counters to the bytes that go to the client. Prints one line of JSON.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { monotonicNanos } from '../../helper/src/clock';
import { flowColumns, type Kernel } from '../../helper/src/kernel';
import { MonitorEngine } from '../../helper/src/monitoring';
import { encodeFrame } from '../../helper/src/rpc/framing';
import { encodeWithin } from '../../helper/src/rpc/message-writer';
import { loadAddon, openKernel } from '../../helper/src/startup';
import { maximumFrameBytes, Method, type MonitorSample } from '../../src/shared/protocol';
import { addonPath } from '../kernel/support/addon-process';
import { beforeOthers } from './priority';
import { percentile } from './statistics';
import { ScriptedKernel } from './scripted-kernel';

export interface SamplingTimes {
  name: string;
  flows: number;
  medianMicros: number;
  p99Micros: number;
  bytes: number;
  /** Share of the rounds in which no other program ran in between; the times are of those. 0: of all rounds. */
  undisturbed: number;
}

/** As the server has it. */
const maximumFlowsPerSample = 2_000;
const warmUpRounds = 60;
const minimumRounds = 20;

/** Times of rounds, in microseconds; those apart in which the kernel gave the processor to another program meanwhile. */
class RoundTimes {
  readonly #all: number[] = [];
  readonly #undisturbed: number[] = [];

  time(action: () => void, counts: boolean): void {
    const switches = process.resourceUsage().involuntaryContextSwitches;
    const began = process.hrtime.bigint();
    action();
    const micros = Number(process.hrtime.bigint() - began) / 1000;
    if (!counts) return;
    this.#all.push(micros);
    if (process.resourceUsage().involuntaryContextSwitches === switches) this.#undisturbed.push(micros);
  }

  /** Of the undisturbed rounds, or of all where those are too few: a 99th percentile measures the neighbours then. */
  summary(): Pick<SamplingTimes, 'medianMicros' | 'p99Micros' | 'undisturbed'> {
    const enough = this.#undisturbed.length >= minimumRounds;
    const micros = enough ? this.#undisturbed : this.#all;
    return {
      medianMicros: percentile(micros, 0.5),
      p99Micros: percentile(micros, 0.99),
      undisturbed: enough ? micros.length / this.#all.length : 0,
    };
  }
}

function encode(sample: MonitorSample): number {
  let bytes = 0;
  for (let from = 0; from === 0 || from < sample.flows.length; from += maximumFlowsPerSample) {
    const params = { ...sample, flows: sample.flows.slice(from, from + maximumFlowsPerSample) };
    const content = encodeWithin({ jsonrpc: '2.0', method: Method.MonitorSample, params }, maximumFrameBytes);
    if (content === undefined) throw new Error('A sample is too large for a frame.');
    bytes += encodeFrame(content).length;
  }
  return bytes;
}

function engineOn(kernel: Kernel): { engine: MonitorEngine; monitor: string } {
  const engine = new MonitorEngine({
    kernel,
    caller: { uid: 0, gid: 0 },
    onSample: () => undefined,
    onEvent: () => undefined,
    // The schedule is to stay out of the way of `sampleNow`.
    readyForSample: () => false,
  });
  const { monitor } = engine.start({ pid: process.pid, children: false, intervalMillis: 60_000 });
  return { engine, monitor };
}

async function time(
  name: string,
  kernel: Kernel,
  rounds: number,
  move: (now: number) => void | Promise<void>,
): Promise<SamplingTimes> {
  const { engine, monitor } = engineOn(kernel);
  const times = new RoundTimes();
  let flows = 0;
  let bytes = 0;
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    await move(monotonicNanos());
    times.time(() => {
      const sample = engine.sampleNow(monitor);
      const length = encode(sample);
      // The first sample has every flow in it, whether or not it moves.
      if (round < 0) return;
      bytes = Math.max(bytes, length);
      flows = Math.max(flows, sample.flows.length);
    }, round >= 0);
  }
  engine.close();
  return { name, flows, bytes, ...times.summary() };
}

/** Reading alone, through the real addon. */
function timeReading(kernel: Kernel, flows: number, rounds: number): SamplingTimes {
  const rows = new Float64Array(16_384 * flowColumns);
  const times = new RoundTimes();
  let count = 0;
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    times.time(() => (count = kernel.readFlows(rows)), round >= 0);
  }
  if (count < flows) throw new Error(`Only ${String(count)} of ${String(flows)} flows are in the pool.`);
  return { name: 'readFlows alone', flows: count, bytes: 0, ...times.summary() };
}

/** A datagram to each of many loopback addresses: each is a flow. Nobody listens there. */
async function realFlows(kernel: Kernel, flows: number, rounds: number): Promise<SamplingTimes[]> {
  const socket = createSocket('udp4');
  socket.bind(0);
  await once(socket, 'listening');
  const message = Buffer.from('x');
  const sendToAll = (): Promise<unknown> =>
    Promise.all(
      Array.from(
        { length: flows },
        (_, flow) =>
          new Promise((resolve) => {
            const address = `127.${String(1 + (flow >> 14))}.${String((flow >> 7) & 0x7f)}.${String(1 + (flow & 0x7f))}`;
            socket.send(message, 9, address, resolve);
          }),
      ),
    );
  const engineTimes = await time('real kernel, every flow moves', kernel, rounds, async () => {
    await sendToAll();
  });
  const reading = timeReading(kernel, flows, 500);
  socket.close();
  return [engineTimes, reading];
}

async function main(): Promise<void> {
  const flows = Number(process.argv[2]);
  const results: SamplingTimes[] = [];
  const rounds = flows > 1_000 ? 200 : 2_000;
  const all = new ScriptedKernel(flows, process.pid, monotonicNanos());
  results.push(await time('every flow moves', all, rounds, (now) => all.move(now)));
  const tenth = new ScriptedKernel(flows, process.pid, monotonicNanos());
  results.push(await time('one flow in ten moves', tenth, rounds, (now) => tenth.move(now, 10)));
  const none = new ScriptedKernel(flows, process.pid, monotonicNanos());
  results.push(await time('no flow moves', none, rounds, () => undefined));
  const { kernel } = openKernel(loadAddon(addonPath));
  try {
    results.push(...(await realFlows(kernel, flows, flows > 1_000 ? 60 : 1_000)));
  } finally {
    kernel.close();
  }
  process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
}

void beforeOthers(main);
