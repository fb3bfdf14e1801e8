import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../../helper/src/rate-limit';

describe('RateLimit', () => {
  it('allows a burst, then as many as time brings', () => {
    let now = 0;
    const limit = new RateLimit(10, 3, () => now);
    const taken = (): number => Array.from({ length: 10 }, () => limit.take()).filter(Boolean).length;
    expect(taken()).toBe(3);
    expect(taken()).toBe(0);
    now += 0.2e9;
    expect(taken()).toBe(2);
    now += 3_600e9;
    expect(taken()).toBe(3);
  });
});
