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

/** How many instructions the verifier followed before it accepted each program that a process holds, by name. */
export function verifiedInstructionsOf(processId: number): Map<string, number> {
  const verified = new Map<string, number>();
  for (const text of descriptorsOf(processId)) {
    const id = /^prog_id:\s*(\d+)$/m.exec(text)?.[1];
    const count = /^verified_insns:\s*(\d+)$/m.exec(text)?.[1];
    // A link names the program that it attaches, and not what it took to verify it.
    if (id === undefined || count === undefined) continue;
    const { name } = JSON.parse(run('bpftool', '--json', 'prog', 'show', 'id', id)) as { name: string };
    verified.set(name, Number(count));
  }
  return verified;
}

export function exists([kind, id]: KernelObject): boolean {
  try {
    run('bpftool', kind, 'show', 'id', String(id));
    return true;
  } catch {
    return false;
  }
}
