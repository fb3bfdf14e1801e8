// The kept corpus, and a few inputs made from it that are the same in every run. `npm run fuzz` goes on from there.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { targetNames } from '../../../../scripts/fuzz.mjs';
import { readCorpus } from '../../../fuzz/corpus';
import { Random } from '../../../fuzz/random';
import { targets } from '../../../fuzz/targets';

const corpus = path.join(import.meta.dirname, '../../../fuzz/corpus');
const made = 400;

it('offers every target to the command', () => {
  expect(Object.keys(targets).sort()).toEqual([...targetNames].sort());
});

describe.each(Object.entries(targets))('%s', (name, target) => {
  const inputs = [...target.seeds(), ...readCorpus(corpus, name)];

  it('keeps its promises for what is known', () => {
    expect(inputs.length).toBeGreaterThan(0);
    for (const input of inputs) target.run(input);
  });

  it('keeps its promises for what is made of it', () => {
    const random = new Random(1);
    for (let index = 0; index < made; index += 1)
      target.run(target.mutate(random.of(inputs), random, random.of(inputs)));
  });
});
