// Who is whose child.
import { readFileSync, readdirSync } from 'node:fs';
import { errorCode } from './errors';
import { listProcessIds, readStat } from './processes';

/** Ids of the direct children that a process has now; empty when it is gone. */
export function childrenOf(pid: number): number[] {
  const tasks = `/proc/${String(pid)}/task`;
  try {
    const children: number[] = [];
    for (const thread of readdirSync(tasks))
      children.push(...childrenOfThread(`${tasks}/${thread}/children`));
    return children;
  } catch (error) {
    // Kernels without CONFIG_PROC_CHILDREN have no such file; the parent stands in every child's stat.
    return errorCode(error) === 'ENOENT' ? childrenByScan(pid) : [];
  }
}

/** Ids of everything below a process, parents before their children. */
export function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  const seen = new Set([pid]);
  for (let queue = [pid]; queue.length > 0;) {
    const next: number[] = [];
    for (const parent of queue) {
      for (const child of childrenOf(parent)) {
        if (seen.has(child)) continue;
        seen.add(child);
        next.push(child);
      }
    }
    found.push(...next);
    queue = next;
  }
  return found;
}

function childrenOfThread(path: string): number[] {
  const text = readFileSync(path, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function childrenByScan(pid: number): number[] {
  return listProcessIds().filter((id) => readStat(id)?.ppid === pid);
}
