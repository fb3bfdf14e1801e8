// Resident memory of an idle helper, and what each further watched process adds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { helperPath } from '../kernel/support/helper';
import { run } from '../kernel/support/namespaces';
import { HelperSession } from './helper-session';
import { type Memory, readMemory } from './process-resources';
import { atMost, type Figure, type Measurement } from './results';

const idleSeconds = 60;
const furtherProcesses = 100;
const furtherSeconds = 30;

/** Largest of each figure over a time, looked at with every sample. */
async function peakMemory(session: HelperSession, seconds: number): Promise<Memory> {
  const peak = readMemory(session.pid);
  for (let sample = 0; sample < seconds; sample += 1) {
    await session.nextSample();
    const now = readMemory(session.pid);
    for (const key of Object.keys(peak) as (keyof Memory)[]) peak[key] = Math.max(peak[key], now[key]);
  }
  return peak;
}

/**
 * Lets go of what the page cache holds of the executable, so that it is read from disk as after a restart of the machine.
 * Right after it was built, the resident set of the same helper is larger by a third.
 */
function readFromDisk(): void {
  run('sync', helperPath);
  run('dd', `if=${helperPath}`, 'iflag=nocache', 'count=0', 'status=none');
}

async function measure(): Promise<Figure[]> {
  readFromDisk();
  const idle = spawn('sleep', ['600'], { stdio: 'ignore' });
  const script = `for i in $(seq ${String(furtherProcesses)}); do sleep 600 & done; echo ready; wait`;
  const family = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  try {
    await once(family.stdout, 'data');
    const session = await HelperSession.start();
    try {
      const started = readMemory(session.pid);
      await session.monitor({ pid: idle.pid ?? 0 });
      const one = await peakMemory(session, idleSeconds);
      const monitor = await session.monitor({ pid: family.pid ?? 0 });
      const many = await peakMemory(session, furtherSeconds * 2);
      const watched = session.samples.get(monitor)?.processes.length ?? 0;
      if (watched < furtherProcesses) throw new Error(`Only ${String(watched)} processes were watched.`);
      return [
        {
          what: 'Resident memory, one idle process watched',
          value: one.residentMegabytes,
          unit: 'MB',
          bound: atMost(50),
          note: `VmRSS, peak of ${String(idleSeconds)} s at 1 Hz`,
        },
        { what: '… of it not shared, proportionally (Pss)', value: one.proportionalMegabytes, unit: 'MB' },
        { what: '… of it not of a file (RssAnon)', value: one.anonymousMegabytes, unit: 'MB' },
        { what: '… before the first monitor', value: started.residentMegabytes, unit: 'MB', note: 'VmRSS' },
        {
          what: 'Each further watched process',
          value: Math.max(0, many.residentMegabytes - one.residentMegabytes) / furtherProcesses,
          unit: 'MB',
          bound: atMost(1),
          note: `${String(furtherProcesses)} of them, peak of ${String(furtherSeconds)} s`,
        },
      ];
    } finally {
      await session.end();
    }
  } finally {
    idle.kill();
    // The shell and everything it started.
    if (family.pid !== undefined) process.kill(-family.pid, 'SIGTERM');
  }
}

export const memory: Measurement = { name: 'memory', title: 'Memory of the helper', run: measure };
