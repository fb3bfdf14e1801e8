// Fuzzes one target for a time: `node main.mjs TARGET SECONDS SEED CORPUS [--keep]`. scripts/fuzz.mjs bundles and starts it.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCorpus, writeCorpus } from './corpus';
import { Coverage } from './coverage';
import { Random } from './random';
import { targets } from './targets';

/** Inputs between two looks at what ran. */
const batchSize = 48;
/** Work that a byte, and an input, may cause: blocks of code executed. */
const stepsPerByte = 40;
const stepsPerInput = 10_000;
/** What is held on to for the memory to be measured, and what each may take. */
const heldCount = 512;
const heldBytes = 128 * 1_024;
const keptPerTarget = 160;
const longestKept = 3_000;

const [name = '', seconds = '600', seed = '1', corpusFolder = '.', keep] = process.argv.slice(2);
const target = targets[name];
if (target === undefined)
  throw new Error(`There is no target ${name}. There are ${Object.keys(targets).join(', ')}.`);

const random = new Random(Number(seed));
const coverage = new Coverage('subject.mjs');
const kept = readCorpus(corpusFolder, name);
const pool = [...target.seeds(), ...kept];
const found: Uint8Array[] = [];
const held: unknown[] = [];
let worst = 0;
let runs = 0;

function fail(reason: string, input: Uint8Array): never {
  mkdirSync('test-results/fuzz', { recursive: true });
  const file = path.join('test-results', 'fuzz', `${name}-${String(Date.now())}.txt`);
  writeFileSync(file, `${Buffer.from(input).toString('hex')}\n`);
  console.error(
    `${name}: ${reason}\nThe input is in ${file}; put it into ${corpusFolder}/${name}.txt once it is mended.`,
  );
  process.exit(1);
}

function run(input: Uint8Array): void {
  runs += 1;
  try {
    held[runs % heldCount] = target?.run(input);
  } catch (error) {
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error), input);
  }
}

/** Bytes are taken to be at least one, so that an empty input may cost something. */
function checkSteps(steps: number, inputs: readonly Uint8Array[]): void {
  const bytes = inputs.reduce((sum, { length }) => sum + length, 0);
  const allowed = inputs.length * stepsPerInput + bytes * stepsPerByte;
  worst = Math.max(worst, steps / (bytes + inputs.length));
  if (steps > allowed) {
    const longest = [...inputs].sort((a, b) => b.length - a.length)[0] ?? new Uint8Array(0);
    fail(`${String(steps)} steps for ${String(bytes)} bytes`, longest);
  }
}

function checkMemory(): void {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const allowed = memoryBefore + heldCount * heldBytes;
  if (heapUsed + arrayBuffers > allowed)
    fail(
      `${String(heapUsed + arrayBuffers)} bytes are held for ${String(heldCount)} inputs`,
      pool[0] ?? new Uint8Array(0),
    );
}

for (const input of pool) {
  run(input);
  coverage.takeSingle();
}
for (const input of pool) run(input);
checkSteps(coverage.take().steps, pool);
globalThis.gc?.();
const memoryBefore = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

const end = performance.now() + Number(seconds) * 1_000;
let nextReport = performance.now() + 1_000;
for (let batch = 0; performance.now() < end; batch += 1) {
  const inputs = Array.from({ length: batchSize }, () =>
    target.mutate(random.of(pool), random, random.of(pool)),
  );
  for (const input of inputs) run(input);
  const { steps, fresh } = coverage.take();
  checkSteps(steps, inputs);
  if (fresh) {
    const reaching = inputs.filter(reaches);
    found.push(...reaching);
    pool.push(...reaching);
  }
  if (batch % 200 === 199) checkMemory();
  if (performance.now() > nextReport) {
    nextReport += 10_000;
    console.log(
      `${name}: ${String(runs)} inputs, ${String(coverage.blocks)} blocks, ${worst.toFixed(0)} steps a byte at most`,
    );
  }
}
checkMemory();
console.log(
  `${name}: done, ${String(runs)} inputs, ${String(coverage.blocks)} blocks, ${worst.toFixed(0)} steps a byte at most`,
);

/** Whether an input alone runs code that nothing before ran. */
function reaches(input: Uint8Array): boolean {
  run(input);
  return coverage.takeSingle();
}

if (keep === '--keep') {
  const small = [...kept, ...found].filter((input) => input.length <= longestKept);
  writeCorpus(corpusFolder, name, small.slice(-keptPerTarget));
}
