// The results of a kernel's tests, kept in a file as they come: a run of hours that was interrupted can be carried on.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inProject } from '../../scripts/lib/paths.mjs';
import { hashOf } from '../../scripts/make/stamps.mjs';

/** Whatever a result may depend on, beside the kernel and this machine's tools. */
const sources = ['bpf', 'helper', 'src/shared', 'test/kernel', 'test/kernels', 'package-lock.json'];

/** Of results that are as good as new ones: those of failed tests are not. */
const lasting = ['passed', 'skipped'];

/**
 * Opens the file of a kernel. Whatever was found there with other sources is forgotten.
 * @param {string} kernel its name
 * @param {string} image path of its image, which tells its exact version
 * @returns {Promise<{ known: object[], add(result: object): void }>} what need not be found again, and the way to add
 * to it
 */
export async function keptResults(kernel, image) {
  const file = inProject('build', 'kernels', `${kernel}.jsonl`);
  const inputs = await hashOf({ files: sources, values: [path.basename(image)] });
  const [last, ...results] = existsSync(file) ? readLines(file) : [];
  const latest = new Map();
  if (last?.inputs === inputs)
    for (const result of results) latest.set(JSON.stringify([result.file, result.test]), result);
  mkdirSync(path.dirname(file), { recursive: true });
  const add = (result) => appendFileSync(file, `${JSON.stringify(result)}\n`);
  writeFileSync(file, `${JSON.stringify({ inputs })}\n`);
  for (const result of latest.values()) add(result);
  // What is told without a file is of the machine, not of a test.
  const isKnown = ({ file, state }) => file && lasting.includes(state);
  return { known: [...latest.values()].filter(isKnown), add };
}

/** Without what stands after the last end of a line: it was cut off. */
function readLines(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
