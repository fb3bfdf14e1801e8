import { expect, test } from 'vitest';
import { sparkline } from '../../../src/shared/sparkline';

test.each([
  [[], 10, ''],
  [[0, 0], 10, '▁▁'],
  [[0, 1, 2, 4, 8], 10, '▁▂▃▅█'],
  [[1, 1_000_000], 10, '▂█'],
  [[0, 9, 0, 0, 3, 0], 3, '█▁▃'],
])('%j in %i characters is %j', (values, width, expected) => {
  expect(sparkline(values, width)).toBe(expected);
});
