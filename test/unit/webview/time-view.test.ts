import { describe, expect, it } from 'vitest';
import { followLive, pan, reveal, shortestSpan, visibleRange, zoom } from '../../../src/webview/time-view';

const minute = 60_000;
const bounds = { firstMillis: 0, lastMillis: 60 * minute };

describe('the stretch of time on show', () => {
  it('follows the newest point', () => {
    const view = { spanMillis: 5 * minute };
    expect(visibleRange(view, bounds)).toEqual({ fromMillis: 55 * minute, toMillis: 60 * minute });
  });

  it('grows with a young session', () => {
    const young = { firstMillis: 0, lastMillis: 90_000 };
    expect(visibleRange({ spanMillis: 5 * minute }, young)).toEqual({ fromMillis: 0, toMillis: 90_000 });
  });

  it('is zoomed around a moment, which stays where it is', () => {
    const held = pan({ spanMillis: 10 * minute }, -20 * minute, bounds);
    const before = visibleRange(held, bounds);
    const at = before.fromMillis + 0.3 * 10 * minute;
    const after = visibleRange(zoom(held, 0.5, at, bounds), bounds);
    expect(after.toMillis - after.fromMillis).toBe(5 * minute);
    expect((at - after.fromMillis) / (5 * minute)).toBeCloseTo(0.3);
  });

  it('is held when it moves away from the newest point, and follows again when it comes back', () => {
    const held = pan({ spanMillis: 5 * minute }, -minute, bounds);
    expect(held.endMillis).toBe(59 * minute);
    const later = { firstMillis: 0, lastMillis: 61 * minute };
    expect(visibleRange(held, later).toMillis).toBe(59 * minute);
    expect(pan(held, 5 * minute, later).endMillis).toBeUndefined();
    expect(followLive(held)).toEqual({ spanMillis: 5 * minute });
  });

  it('stays where a range is in it, and else moves to one, with room around', () => {
    const view = { spanMillis: 5 * minute };
    expect(reveal(view, { fromMillis: 56 * minute, toMillis: 60 * minute }, bounds)).toBe(view);
    const short = { fromMillis: 10 * minute, toMillis: 11 * minute };
    expect(visibleRange(reveal(view, short, bounds), bounds)).toEqual({
      fromMillis: 8 * minute,
      toMillis: 13 * minute,
    });
    const long = { fromMillis: 20 * minute, toMillis: 40 * minute };
    expect(visibleRange(reveal(view, long, bounds), bounds)).toEqual({
      fromMillis: 10 * minute,
      toMillis: 50 * minute,
    });
  });

  it('does not leave what is known', () => {
    const held = pan({ spanMillis: 5 * minute }, -1_000 * minute, bounds);
    expect(visibleRange(held, bounds)).toEqual({ fromMillis: 0, toMillis: 5 * minute });
    expect(zoom(held, 1e-9, minute, bounds).spanMillis).toBe(shortestSpan);
    expect(zoom(held, 1e9, minute, bounds).endMillis).toBeUndefined();
  });
});
