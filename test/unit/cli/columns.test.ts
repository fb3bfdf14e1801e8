// Cutting texts and leaving out columns, to fit a window.
import { describe, expect, it } from 'vitest';
import { fitColumns, truncate } from '../../../helper/src/cli/columns';

describe('truncate', () => {
  it('cuts between characters, never within one', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef');
    expect(truncate('abcdef', 4)).toBe('abc…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('👩‍👩‍👧x', 2)).toBe('…');
    expect(truncate('abc', 0)).toBe('');
  });
});

describe('fitColumns', () => {
  it('never loses a column when the window grows', () => {
    const columns = [9, 3, 11].map((width, index) => ({
      id: String(index),
      title: '',
      width,
      align: 'left' as const,
      leaves: 10,
    }));
    let before = 0;
    for (let width = 1; width < 60; width += 1) {
      const { shown } = fitColumns(columns, width);
      expect(shown.length).toBeGreaterThanOrEqual(before);
      before = shown.length;
    }
    expect(before).toBe(3);
  });
});
