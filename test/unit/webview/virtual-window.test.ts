import fastCheck from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsPerPage, scrollToShow, visibleRows } from '../../../src/webview/virtual-window';

const rowHeight = 22;

describe('the rows that are made', () => {
  it('cover what is seen, whatever the scroll position, and stay few', () => {
    fastCheck.assert(
      fastCheck.property(
        fastCheck.nat(20_000),
        fastCheck.integer({ min: -500, max: 600_000 }),
        fastCheck.nat(2_000),
        (rowCount, scrollTop, height) => {
          const { first, end } = visibleRows({ rowCount, rowHeight, scrollTop, height });
          expect(first).toBeGreaterThanOrEqual(0);
          expect(end).toBeLessThanOrEqual(rowCount);
          expect(end - first).toBeLessThanOrEqual(Math.ceil(height / rowHeight) + 10);
          const top = Math.min(Math.max(0, scrollTop), Math.max(0, rowCount * rowHeight - height));
          const lastSeen = Math.min(rowCount - 1, Math.floor((top + height - 1) / rowHeight));
          if (rowCount > 0 && height > 0) {
            expect(first).toBeLessThanOrEqual(Math.floor(top / rowHeight));
            expect(end).toBeGreaterThan(lastSeen);
          }
        },
      ),
    );
  });

  it('are none where there are none', () => {
    expect(visibleRows({ rowCount: 0, rowHeight, scrollTop: 0, height: 300 })).toEqual({ first: 0, end: 0 });
  });

  it('are the last ones after a list shrank below the scroll position', () => {
    const { first, end } = visibleRows({ rowCount: 20, rowHeight, scrollTop: 100_000, height: 220 });
    expect(end).toBe(20);
    expect(first).toBeLessThanOrEqual(10);
  });
});

describe('scrolling to a row', () => {
  it.each([
    ['above', 3, 66],
    ['within', 15, 220],
    ['below', 40, 41 * rowHeight - 220],
  ])('moves as little as needed for a row %s', (_where, row, expected) => {
    expect(scrollToShow(row * rowHeight, rowHeight, 220, 220)).toBe(expected);
  });
});

it('a page has the rows that fit in whole, and one at least', () => {
  expect(rowsPerPage({ rowHeight, height: 230 })).toBe(10);
  expect(rowsPerPage({ rowHeight, height: 5 })).toBe(1);
});
