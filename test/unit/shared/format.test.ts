// The written form of every kind of figure, at the edges where the unit or the number of digits changes.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { parseBytes } from '../../../src/extension/insight/amounts';
import {
  decimalMark,
  inEnglish,
  writeNumbersIn,
  fixedRateWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatEndpoint,
  formatMicroseconds,
  formatQuantity,
  formatRate,
  formatRateFixed,
} from '../../../src/shared/format';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [999, '999 B'],
    [999.5, '1.00 kB'],
    [1_000, '1.00 kB'],
    [1_234, '1.23 kB'],
    [9_994, '9.99 kB'],
    [9_995, '10.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [375_000_000, '375 MB'],
    [1.5e12, '1.50 TB'],
    [2 ** 53, '9.01 PB'],
    [-1, '0 B'],
    [Number.NaN, '0 B'],
    [Number.POSITIVE_INFINITY, '0 B'],
  ])('%d is written %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('stays within one half of the last of three digits', () => {
    const factors: Record<string, number> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        const [digits, unit] = formatBytes(bytes).split(' ');
        const written = Number(digits) * (factors[unit ?? ''] ?? Number.NaN);
        expect(Math.abs(written - bytes) / bytes).toBeLessThanOrEqual(0.00501);
      }),
    );
  });
});

describe('formatRate', () => {
  it('states bytes per second', () => {
    expect(formatRate(0)).toBe('0 B/s');
    expect(formatRate(1_200_000)).toBe('1.20 MB/s');
  });
});

describe('formatRateFixed', () => {
  it.each([
    [0, '0.00 kB/s'],
    [12, '0.01 kB/s'],
    [1_234, '1.23 kB/s'],
    [12_345_678, '12.3 MB/s'],
    [123_456_789, '\u2008123 MB/s'],
  ])('%d is written %s', (rate, text) => {
    expect(formatRateFixed(rate)).toBe(text);
  });

  it('always takes the same number of characters', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e17, noNaN: true }), (rate) => {
        expect(formatRateFixed(rate)).toHaveLength(fixedRateWidth);
      }),
    );
  });
});

describe('formatMicroseconds', () => {
  it.each([
    [0, '–'],
    [85, '85 µs'],
    [999.6, '1.00 ms'],
    [1_234, '1.23 ms'],
    [250_000, '250 ms'],
    [2_500_000, '2.50 s'],
  ])('%d is written %s', (microseconds, text) => {
    expect(formatMicroseconds(microseconds)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [999.7, '1.0 s'],
    [12_340, '12.3 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_599_600, '1 h 00 min'],
    [3_725_000, '1 h 02 min'],
    [273_600_000, '3 d 04 h'],
    [-5, '0 ms'],
  ])('%d ms is written %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('formatCount and formatQuantity', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1,000'],
    [1_234_567, '1,234,567'],
    [-1_234, '-1,234'],
  ])('%d is written %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it('agrees the noun with the number', () => {
    expect(formatQuantity(1, 'connection')).toBe('1 connection');
    expect(formatQuantity(0, 'connection')).toBe('0 connections');
    expect(formatQuantity(2_000, 'process', 'processes')).toBe('2,000 processes');
  });
});

describe('formatEndpoint', () => {
  it('sets IPv6 addresses in brackets', () => {
    expect(formatEndpoint({ address: '192.0.2.1', port: 443 })).toBe('192.0.2.1:443');
    expect(formatEndpoint({ address: '2001:db8::1', port: 443 })).toBe('[2001:db8::1]:443');
    expect(formatEndpoint(undefined)).toBe('*');
  });

  it('gives the address alone where the protocol has no ports', () => {
    expect(formatEndpoint({ address: '192.0.2.1', port: 0 })).toBe('192.0.2.1');
    expect(formatEndpoint({ address: '2001:db8::1', port: 0 })).toBe('2001:db8::1');
    expect(formatEndpoint({ address: '', port: 0 })).toBe('*');
  });
});

describe('in the language of the texts', () => {
  afterEach(() => writeNumbersIn('en'));

  it.each([
    { language: 'en', count: '1,234,567', bytes: '1.23 kB', duration: '1.5 s', rate: '1.23 MB/s', mark: '.' },
    { language: 'de', count: '1.234.567', bytes: '1,23 kB', duration: '1,5 s', rate: '1,23 MB/s', mark: ',' },
    {
      language: 'zh-cn',
      count: '1,234,567',
      bytes: '1.23 kB',
      duration: '1.5 s',
      rate: '1.23 MB/s',
      mark: '.',
    },
  ])('$language', ({ language, count, bytes, duration, rate, mark }) => {
    writeNumbersIn(language);
    expect(formatCount(1_234_567)).toBe(count);
    expect(formatBytes(1_234)).toBe(bytes);
    expect(formatDuration(1_500)).toBe(duration);
    expect(formatRateFixed(1_234_000)).toBe(rate);
    expect(decimalMark()).toBe(mark);
    for (const [one, other] of [
      [1_234, 12_345],
      [123_456, 999_499],
    ] as const) {
      expect(formatRateFixed(one)).toHaveLength(fixedRateWidth);
      expect(formatRateFixed(other)).toHaveLength(fixedRateWidth);
    }
    expect(inEnglish(() => formatBytes(1_234))).toBe('1.23 kB');
    expect(formatBytes(1_234)).toBe(bytes);
  });

  it('amounts of data are typed as they are written', () => {
    writeNumbersIn('de');
    expect(parseBytes('1,5 MB')).toBe(1_500_000);
    writeNumbersIn('en');
    expect(parseBytes('1.5 MB')).toBe(1_500_000);
    expect(parseBytes('1,500')).toBeUndefined();
  });
});
