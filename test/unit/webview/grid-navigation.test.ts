import { describe, expect, it } from 'vitest';
import { headerRow, moveInGrid } from '../../../src/webview/grid-navigation';

const size = { rows: 100, columns: 12, page: 10 };

describe('keys in the grid', () => {
  it.each([
    ['ArrowDown', false, { row: 5, column: 3 }, { row: 6, column: 3 }],
    ['ArrowUp', false, { row: 5, column: 3 }, { row: 4, column: 3 }],
    ['ArrowLeft', false, { row: 5, column: 3 }, { row: 5, column: 2 }],
    ['ArrowRight', false, { row: 5, column: 3 }, { row: 5, column: 4 }],
    ['Home', false, { row: 5, column: 3 }, { row: 5, column: 0 }],
    ['End', false, { row: 5, column: 3 }, { row: 5, column: 11 }],
    ['Home', true, { row: 5, column: 3 }, { row: 0, column: 0 }],
    ['End', true, { row: 5, column: 3 }, { row: 99, column: 11 }],
    ['PageDown', false, { row: 5, column: 3 }, { row: 15, column: 3 }],
    ['PageUp', false, { row: 5, column: 3 }, { row: 0, column: 3 }],
    ['PageUp', false, { row: headerRow, column: 3 }, { row: headerRow, column: 3 }],
    ['ArrowUp', false, { row: 0, column: 3 }, { row: headerRow, column: 3 }],
    ['ArrowUp', false, { row: headerRow, column: 3 }, { row: headerRow, column: 3 }],
    ['ArrowDown', false, { row: headerRow, column: 3 }, { row: 0, column: 3 }],
    ['ArrowDown', false, { row: 99, column: 3 }, { row: 99, column: 3 }],
    ['ArrowRight', false, { row: 5, column: 11 }, { row: 5, column: 11 }],
  ])('%s (control: %s) leads from %o to %o', (key, control, from, to) => {
    expect(moveInGrid(from, key, control, size)).toEqual(to);
  });

  it('stay on the header of an empty grid', () => {
    const empty = { ...size, rows: 0 };
    for (const key of ['ArrowDown', 'PageDown', 'End', 'PageUp']) {
      expect(moveInGrid({ row: headerRow, column: 0 }, key, true, empty)?.row).toBe(headerRow);
    }
  });

  it('that mean nothing here are left to others', () => {
    expect(moveInGrid({ row: 0, column: 0 }, 'a', false, size)).toBeUndefined();
  });
});
