// Inputs that are kept: each once reached code that no other did, or broke something.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The kept inputs of a target, in hexadecimal, one a line. */
export function readCorpus(folder: string, target: string): Uint8Array[] {
  const file = path.join(folder, `${target}.txt`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => new Uint8Array(Buffer.from(line, 'hex')));
}

export function writeCorpus(folder: string, target: string, inputs: readonly Uint8Array[]): void {
  const lines = inputs.map((input) => `${Buffer.from(input).toString('hex')}\n`);
  writeFileSync(path.join(folder, `${target}.txt`), lines.join(''));
}
