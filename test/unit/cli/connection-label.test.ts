// A connection is named as fully as there is room, and its peer goes last.
import { describe, expect, it } from 'vitest';
import { connectionLabel } from '../../../helper/src/cli/connection-label';
import { flow } from './samples';

describe('connectionLabel', () => {
  const connection = flow({ id: 1 });
  it.each([
    [40, 'tcp 10.0.0.1:40000 → 192.0.2.1:443'],
    [33, 'tcp :40000 → 192.0.2.1:443'],
    [25, 'tcp → 192.0.2.1:443'],
    [15, '→ 192.0.2.1:443'],
    [12, '→ 192.0…:443'],
    [3, ':4…'],
  ])('in %d columns: %s', (width, text) => {
    expect(connectionLabel(connection, width)).toBe(text);
  });
});
