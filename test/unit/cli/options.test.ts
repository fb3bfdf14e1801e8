// What options take, what they refuse, and what they say then.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseDuration,
  parseInterfaces,
  parseInterval,
  parsePids,
  parseSamples,
  parseWindow,
  writeDurationOption,
} from '../../../helper/src/cli/options';

const anyDuration = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['1s', 1_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0.1s', 100],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text, anyDuration)).toBe(milliseconds);
  });

  it.each([
    '',
    '5',
    's',
    '1 s',
    ' 1s',
    '1s ',
    '-1s',
    '+1s',
    '1S',
    '1sec',
    '1e3ms',
    '0x1s',
    '1,5s',
    '.5s',
    '1.s',
    '1m30s',
    'NaNs',
    '1s\n',
    '99999999999s',
  ])('refuses %j', (text) => {
    expect(() => parseDuration(text, anyDuration)).toThrow(/is not a duration/);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999_999 }), (milliseconds) => {
        expect(parseDuration(writeDurationOption(milliseconds), anyDuration)).toBe(milliseconds);
      }),
    );
  });
});

describe('errors name the value and the allowed range', () => {
  it.each([
    [() => parseInterval('99ms'), '"99ms" is out of range. Give a duration from 100ms to 60s.'],
    [() => parseInterval('2m'), '"2m" is out of range. Give a duration from 100ms to 60s.'],
    [() => parseWindow('11m'), '"11m" is out of range. Give a duration from 100ms to 10m.'],
    [
      () => parseInterval('fast'),
      '"fast" is not a duration. Give a number and its unit (ms, s, m or h), from 100ms to 60s, such as 2s.',
    ],
    [() => parseSamples('0'), '"0" is not a number of samples. Give a whole number from 1 to 1000000.'],
    [
      () => parsePids('4194305'),
      '"4194305" is not a process id. Give a whole number from 1 to 4194304; "ps" lists them.',
    ],
  ])('%s', (parse, message) => {
    expect(parse).toThrow(message);
  });

  it('lets no control character through', () => {
    expect(() => parseInterval('\u001b[2J1s')).toThrow(/^"\ufffd\[2J1s" is not/);
  });
});

describe('parsePids', () => {
  it('keeps each id once, in order', () => {
    expect(parsePids('12', [30, 12])).toEqual([30, 12]);
    expect(parsePids('7', [30, 12])).toEqual([30, 12, 7]);
  });

  it.each(['0', '-1', '1.5', 'init', '', '1 2', '0x10', '1e3'])('refuses %j', (text) => {
    expect(() => parsePids(text)).toThrow(/is not a process id/);
  });

  it('refuses more than a helper watches at once', () => {
    const many = Array.from({ length: 32 }, (_, index) => index + 1);
    expect(() => parsePids('33', many)).toThrow(/More than 32 processes/);
  });
});

describe('parseInterfaces', () => {
  it('takes names set apart by commas, also given several times', () => {
    expect(parseInterfaces('eth0,lo')).toEqual(['eth0', 'lo']);
    expect(parseInterfaces('lo,wlan0', ['eth0', 'lo'])).toEqual(['eth0', 'lo', 'wlan0']);
  });

  it.each(['', 'eth0,', ',eth0', 'a b', 'a/b', '..', 'a\u0007'])('refuses %j', (text) => {
    expect(() => parseInterfaces(text)).toThrow(/cannot be the name of an interface/);
  });

  it('refuses names longer than the kernel has them', () => {
    expect(parseInterfaces('a'.repeat(15))).toHaveLength(1);
    expect(() => parseInterfaces('a'.repeat(16))).toThrow(/too long/);
  });

  it('refuses more names than a filter holds', () => {
    const many = Array.from({ length: 65 }, (_, index) => `veth${String(index)}`).join(',');
    expect(() => parseInterfaces(many)).toThrow(/65 interfaces are too many. Give at most 64/);
  });
});

describe('parseSamples', () => {
  it('takes whole numbers only', () => {
    expect(parseSamples('1')).toBe(1);
    expect(parseSamples('1000000')).toBe(1_000_000);
    for (const text of ['1.5', '-3', 'many', '', '1000001']) {
      expect(() => parseSamples(text)).toThrow(/is not a number of samples/);
    }
  });
});
