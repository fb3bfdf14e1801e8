import { afterEach, describe, expect, it } from 'vitest';
import { writeNumbersIn } from '../../../src/shared/format';
import { axisRate } from '../../../src/webview/chart-paint';

afterEach(() => writeNumbersIn('en'));

describe('a rate on the axis', () => {
  it.each([
    ['en', 10_000, '10 kB/s'],
    ['en', -1_500_000, '1.5 MB/s'],
    ['en', 100, '100 B/s'],
    ['de', 10_000, '10 kB/s'],
    ['de', 1_500_000, '1,5 MB/s'],
    ['de', 0, '0 B/s'],
  ])('says only digits that tell something, in %s: %d', (language, rate, text) => {
    writeNumbersIn(language);
    expect(axisRate(rate)).toBe(text);
  });
});
