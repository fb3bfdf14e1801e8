import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteValue, sanitise } from '../../../src/shared/sanitise';

describe('sanitise', () => {
  it.each([
    ['plain text', 'plain text'],
    ['größer 日本 🦊', 'größer 日本 🦊'],
    ['a\tb\nc\r\nd', 'a b c  d'],
    ['\u001b[31mred', '\ufffd[31mred'],
    ['nul\0 del\x7f c1\x9b', 'nul\ufffd del\ufffd c1\ufffd'],
    ['evil\u202egpj.exe', 'evil\ufffdgpj.exe'],
    ['\u2066isolate\u2069', '\ufffdisolate\ufffd'],
    ['zero\u200bwidth\ufeff', 'zero\ufffdwidth\ufffd'],
    ['line\u2028separator', 'line\ufffdseparator'],
    ['half \ud83e surrogate', 'half \ufffd surrogate'],
    ['tag \u{e0041}', 'tag \ufffd'],
  ])('writes %j as %j', (hostile, shown) => {
    expect(sanitise(hostile)).toBe(shown);
  });

  it('cuts what is too long and says so', () => {
    expect(sanitise('abcdef', 4)).toBe('abc…');
    expect(sanitise('abcd', 4)).toBe('abcd');
    expect(sanitise('abcd', 0)).toBe('');
  });

  it('lets nothing through that moves a cursor or reorders a line, whatever comes in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(300), (text, length) => {
        const shown = sanitise(text, length);
        expect(shown.length).toBeLessThanOrEqual(length);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u206f]/u);
        expect(sanitise(shown, length)).toBe(shown);
      }),
    );
  }, 30_000);
});

describe('quoteValue', () => {
  it.each([
    ['a"b\u001b', '"a\'b\ufffd"'],
    [12, '12'],
    [null, 'null'],
    [undefined, 'nothing'],
    [[1, 2], 'an array of 2'],
    [{}, 'a value of type object'],
  ])('names %j', (value, text) => {
    expect(quoteValue(value)).toBe(text);
  });

  it('bounds what it shows', () => {
    expect(quoteValue('x'.repeat(10_000)).length).toBeLessThanOrEqual(66);
  });
});
