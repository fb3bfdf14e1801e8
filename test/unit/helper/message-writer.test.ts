// Messages that would be longer than the other side takes.
import { describe, expect, it } from 'vitest';
import { encodeWithin } from '../../../helper/src/rpc/message-writer';

describe('messages', () => {
  const message = {
    result: { processes: [{ pid: 1, command: 'x'.repeat(5_000), exe: '/'.repeat(3_000), name: 'n' }] },
  };

  it('are shortened where people only read, as far as is needed', () => {
    expect(encodeWithin(message, 10_000)).toBe(JSON.stringify(message));
    const shortened = encodeWithin(message, 1_000);
    expect(shortened?.length).toBeLessThanOrEqual(1_000);
    expect(JSON.parse(shortened ?? '')).toMatchObject({
      result: { processes: [{ pid: 1, name: 'n', command: `${'x'.repeat(256)}…` }] },
    });
    expect(JSON.parse(encodeWithin(message, 100) ?? '')).toMatchObject({
      result: { processes: [{ command: '…' }] },
    });
    expect(encodeWithin(message, 20)).toBeUndefined();
  });
});
