// Runs in a process of its own, which does nothing else: how long a socket event takes from the kernel to the helper's
// callback. Prints one line of JSON.
import { monotonicNanos } from '../../helper/src/clock';
import type { SocketEvent } from '../../helper/src/kernel';
import { loadAddon, openKernel } from '../../helper/src/startup';
import { addonPath } from '../kernel/support/addon-process';
import { LineProcess } from './line-process';
import { programPath } from './paths';
import { beforeOthers } from './priority';
import { percentile } from './statistics';

export interface Latency {
  events: number;
  medianMicros: number;
  p99Micros: number;
}

async function main(): Promise<void> {
  const connections = Number(process.argv[2]);
  const { kernel } = openKernel(loadAddon(addonPath));
  const micros: number[] = [];
  const program = new LineProcess(process.execPath, [
    programPath('connect-now-and-then.mjs'),
    String(connections),
  ]);
  try {
    await program.nextLine();
    kernel.listen((events) => {
      const now = monotonicNanos();
      // Those after the first have waited for it, not for the way here.
      const first = events.find((event): event is SocketEvent => event.type === 'established');
      if (first !== undefined) micros.push((now - first.nanos) / 1000);
    });
    kernel.watch(program.pid, false);
    program.say('begin');
    await program.nextLine();
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    kernel.close();
    await program.kill();
  }
  const latency: Latency = {
    events: micros.length,
    medianMicros: percentile(micros, 0.5),
    p99Micros: percentile(micros, 0.99),
  };
  process.stdout.write(`${JSON.stringify(latency)}\n`, () => process.exit(0));
}

void beforeOthers(main);
