// What a process holds in the kernel, and whether it is still there.
import { readFileSync, readdirSync } from 'node:fs';
import { run } from './namespaces';

/** Kind as bpftool has it (`prog`, `map`, `link`), and the id. */
export type KernelObject = [kind: string, id: number];

function descriptorsOf(processId: number): string[] {
  const folder = `/proc/${String(processId)}/fdinfo`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      return [readFileSync(`${folder}/${descriptor}`, 'latin1')];
    } catch {
      return []; // closed in the meantime
    }
  });
}

/** Programs, maps and links that a process holds. */
export function objectsOf(processId: number): KernelObject[] {
  return descriptorsOf(processId).flatMap((text) =>
    [...text.matchAll(/^(prog|map|link)_id:\s*(\d+)$/gm)].map(([, kind, id]): KernelObject => [
      kind ?? '',
      Number(id),
    ]),
  );
}

/** How many links of a type (`tcx`, `cgroup`) a process holds. */
export function linksOf(processId: number, type: string): number {
  return descriptorsOf(processId).filter((text) => new RegExp(`^link_type:\\s*${type}$`, 'm').test(text))
    .length;
}

export function exists([kind, id]: KernelObject): boolean {
  try {
    run('bpftool', kind, 'show', 'id', String(id));
    return true;
  } catch {
    return false;
  }
}
