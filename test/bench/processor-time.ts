// What watching a busy program costs: processor time of the helper, and whether its figures agree with those of the
// program.
import { HostPair } from '../kernel/support/namespaces';
import { HelperSession } from './helper-session';
import { LineProcess } from './line-process';
import { programPath } from './paths';
import { readProcessorMillis, readTickMillis } from './process-resources';
import { atMost, type Figure, type Measurement } from './results';

const connections = 100;
const bytesPerSecond = 125_000_000;
const seconds = 30;
/** Code that runs once a second is compiled by and by; what it costs for good shows after some time. */
const warmUpSeconds = 10;

const program = programPath('steady-traffic.mjs');

async function measure(): Promise<Figure[]> {
  const pair = new HostPair('c');
  const running: LineProcess[] = [];
  const start = (host: HostPair['near'], ...args: string[]): LineProcess => {
    const process_ = new LineProcess('nsenter', HostPair.within(host, process.execPath, program, ...args));
    running.push(process_);
    return process_;
  };
  let session: HelperSession | undefined;
  try {
    session = await HelperSession.start(pair.near.namespace);
    const receiver = start(pair.far, 'receive', pair.far.ipv4);
    const { port } = await receiver.nextLine<{ port: number }>();
    const figures = [connections, bytesPerSecond, warmUpSeconds + seconds];
    const sender = start(pair.near, 'send', pair.far.ipv4, String(port), ...figures.map(String));
    const monitor = await session.monitor({ pid: sender.pid });
    await sender.nextLine();
    sender.say('begin');
    await samples(session, warmUpSeconds);
    const before = { exact: readProcessorMillis(session.pid), ticks: readTickMillis(session.pid) };
    const began = performance.now();
    await samples(session, seconds);
    const wall = performance.now() - began;
    const exact = readProcessorMillis(session.pid) - before.exact;
    const ticks = readTickMillis(session.pid) - before.ticks;
    const { sent, seconds: sending } = await sender.nextLine<{ sent: number; seconds: number }>();
    // The last acknowledgements, and a sample that has them.
    await samples(session, 2);
    const process_ = session.samples.get(monitor)?.processes.find(({ pid }) => pid === sender.pid);
    sender.endInput();
    await sender.ended();
    return [
      {
        what: 'Processor time of the helper at 1 Hz',
        value: (100 * exact) / wall,
        unit: '% of a core',
        bound: atMost(1),
        note: `${String(connections)} connections, ${((8 * sent) / sending / 1e9).toFixed(2)} Gbit/s, ${String(seconds)} s`,
      },
      {
        what: '… the same from /proc/PID/stat',
        value: (100 * ticks) / wall,
        unit: '% of a core',
        note: 'to the nearest tick of 10 ms',
      },
      {
        what: 'Payload told, off what the program sent',
        value: (100 * Math.abs((process_?.payload.txBytes ?? 0) - sent)) / sent,
        unit: '%',
        bound: atMost(0.1),
        note: 'the tests in test/kernel hold every scenario against this',
      },
    ];
  } finally {
    await session?.end();
    for (const process_ of running) await process_.kill();
    pair.dispose();
  }
}

async function samples(session: HelperSession, count: number): Promise<void> {
  for (let sample = 0; sample < count; sample += 1) await session.nextSample();
}

export const processorTime: Measurement = {
  name: 'cpu',
  title: 'Processor time of the helper',
  run: measure,
};
