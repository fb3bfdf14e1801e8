// What a process uses, as the kernel accounts it.
import { readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  /** Resident set, in MB of 1,000,000 bytes. */
  residentMegabytes: number;
  /** The same with each shared page divided by the number of its users. */
  proportionalMegabytes: number;
  /** The part of the resident set that is the process's own and not of a file. */
  anonymousMegabytes: number;
}

const kilobyte = 1024;

export function readMemory(pid: number): Memory {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const rollup = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  return {
    residentMegabytes: megabytes(status, 'VmRSS'),
    proportionalMegabytes: megabytes(rollup, 'Pss'),
    anonymousMegabytes: megabytes(status, 'RssAnon'),
  };
}

function megabytes(text: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  if (kilobytes === undefined) throw new Error(`The kernel does not tell ${field}.`);
  return (Number(kilobytes) * kilobyte) / 1e6;
}

/**
 * Processor time that the threads of a process have used so far, in milliseconds. From the scheduler's own sum, which
 * counts nanoseconds, where `/proc/PID/stat` counts ticks of 10 ms: too coarse for a helper that uses one a second.
 */
export function readProcessorMillis(pid: number): number {
  const tasks = `/proc/${String(pid)}/task`;
  let nanos = 0;
  for (const task of readdirSync(tasks)) {
    nanos += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanos / 1e6;
}

/** Processor time from `/proc/PID/stat` (utime + stime), in milliseconds, to the nearest tick. */
export function readTickMillis(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const millisPerTick = 10;
  return (Number(fields[11]) + Number(fields[12])) * millisPerTick;
}

/** Ids of the programs that a process holds or has linked. */
export function programIds(pid: number): number[] {
  const folder = `/proc/${String(pid)}/fdinfo`;
  const ids = new Set<number>();
  for (const descriptor of readdirSync(folder)) {
    let text: string;
    try {
      text = readFileSync(`${folder}/${descriptor}`, 'utf8');
    } catch {
      continue; // closed since
    }
    for (const [, id] of text.matchAll(/^prog_id:\s*(\d+)$/gm)) ids.add(Number(id));
  }
  return [...ids];
}
