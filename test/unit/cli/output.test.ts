// Whether to colour, by what the user, the environment and the output say.
import { describe, expect, it } from 'vitest';
import { wantsColours } from '../../../helper/src/cli/output';

describe('wantsColours', () => {
  const terminal = { isTerminal: true };
  const pipe = { isTerminal: false };
  it.each([
    [terminal, { TERM: 'xterm' }, true],
    [terminal, { TERM: 'dumb' }, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [pipe, {}, false],
    [pipe, { FORCE_COLOR: '1' }, true],
    [pipe, { FORCE_COLOR: '' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
    [terminal, { FORCE_COLOR: 'false' }, false],
    [terminal, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('%j %j: %s', (output, environment, expected) => {
    expect(wantsColours(output, environment)).toBe(expected);
  });

  it('obeys --no-color before all', () => {
    expect(wantsColours(terminal, { FORCE_COLOR: '1' }, false)).toBe(false);
  });
});
