// What /proc says of processes on this machine, as far as finding the debuggee needs it.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessIdentity {
  pid: number;
  ppid: number;
  /** Start time in clock ticks since boot: with the pid it names one process for ever. */
  startTicks: number;
}

/** Parses the content of `/proc/PID/stat`; undefined for what does not look like it. */
export function parseStat(stat: string): ProcessIdentity | undefined {
  // The name stands in parentheses and may hold blanks and parentheses itself.
  const end = stat.lastIndexOf(')');
  const pid = Number.parseInt(stat, 10);
  const fields = stat.slice(end + 2).split(' ');
  const ppid = Number(fields[1]);
  const startTicks = Number(fields[19]);
  if (end < 0 || fields.length < 20 || ![pid, ppid, startTicks].every(Number.isSafeInteger)) {
    return undefined;
  }
  return { pid, ppid, startTicks };
}

/** The process with that id, or undefined when there is none or this user may not see it. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    return parseStat(await readFile(`/proc/${String(pid)}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The ids of the parent of a process, of its parent and so on, nearest first. */
export async function ancestorsOf(pid: number): Promise<number[]> {
  const ancestors: number[] = [];
  let current = await identifyProcess(pid);
  while (current !== undefined && current.ppid > 0 && !ancestors.includes(current.ppid)) {
    ancestors.push(current.ppid);
    current = await identifyProcess(current.ppid);
  }
  return ancestors;
}

/** The child of a process that started last; undefined when it has none. */
export async function newestChildOf(pid: number): Promise<ProcessIdentity | undefined> {
  const names = await readdir('/proc');
  const identities = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => identifyProcess(Number(name))),
  );
  return identities
    .filter((identity) => identity?.ppid === pid)
    .reduce(
      (newest, each) => (each !== undefined && each.startTicks >= (newest?.startTicks ?? 0) ? each : newest),
      undefined,
    );
}
