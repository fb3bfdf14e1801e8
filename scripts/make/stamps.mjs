// Which parts of the build are up to date: a hash over everything that went into a part, kept from the last
// time it was built.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inProject } from '../lib/paths.mjs';

/** Hash over the names and contents of files and of all files in folders, and over plain values. */
export async function hashOf({ files = [], values = [] }) {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const name of files) {
    for (const file of await filesIn(inProject(name))) {
      const content = await readFile(file);
      hash.update(`\0${path.relative(inProject(), file)}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

async function filesIn(file) {
  const entries = await readdir(file, { withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!entries) return [file];
  const nested = entries
    .filter((entry) => entry.name !== 'build')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((entry) => filesIn(path.join(file, entry.name)));
  return (await Promise.all(nested)).flat();
}

/**
 * Runs `action` unless `outputs` exist and were made from the same inputs. Resolves to whether it ran.
 * @param {string} name of the part
 * @param {{ inputs: string, outputs: string[], force: boolean }} what `inputs` is a hash
 */
export async function unlessUpToDate(name, { inputs, outputs, force }, action) {
  const stamp = inProject('build', 'stamps', name);
  const last = await readFile(stamp, 'utf8').catch(() => '');
  if (!force && last === inputs && outputs.every((file) => existsSync(file))) return false;
  await action();
  await mkdir(path.dirname(stamp), { recursive: true });
  await writeFile(stamp, inputs);
  return true;
}
