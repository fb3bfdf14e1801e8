// How figures are written for people, in one way everywhere: command line, tree, status bar and panel.
// Units are decimal (1 kB = 1,000 B), as network rates are stated; three significant digits. Points and commas are
// those of the language that the texts around are in, `writeNumbersIn`; without being told, English.
import type { Endpoint } from './protocol';

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** Shown where a figure or a name is not known. */
export const unknownMark = '–';

/** How a language writes numbers. */
interface Numbers {
  /** Whole, with the thousands set apart. */
  readonly whole: Intl.NumberFormat;
  /** By the number of digits behind the point: 0, 1, 2; for numbers below a thousand. */
  readonly fixed: readonly Intl.NumberFormat[];
}

function numbersOf(language: string): Numbers {
  return {
    whole: new Intl.NumberFormat(language, { maximumFractionDigits: 0 }),
    fixed: [0, 1, 2].map(
      (digits) =>
        new Intl.NumberFormat(language, {
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
          useGrouping: false,
        }),
    ),
  };
}

let writtenIn = 'en';
/** Made when the first number is written: it takes its time, which is not to be that of starting. */
let known: Numbers | undefined;

/**
 * Says how this program writes numbers from now on: to be called once, before anything is shown.
 * @param language that of the texts, such as `de`
 */
export function writeNumbersIn(language: string): void {
  writtenIn = language;
  known = undefined;
}

/** What is written in English whatever the language, such as what programs read. */
export function inEnglish(write: () => string): string {
  const language = writtenIn;
  writeNumbersIn('en');
  try {
    return write();
  } finally {
    writeNumbersIn(language);
  }
}

function numbers(): Numbers {
  known ??= numbersOf(writtenIn);
  return known;
}

/** What stands between whole and broken numbers: `.` or `,`. */
export function decimalMark(): string {
  return fixed(0.5, 1).replace(/\d/g, '');
}

function fixed(value: number, digits: 0 | 1 | 2): string {
  return numbers().fixed[digits]?.format(value) ?? value.toFixed(digits);
}

/** As wide as a digit, in proportional fonts too. */
const figureSpace = '\u2007';
/** As wide as a full stop or a comma, in proportional fonts too. */
const punctuationSpace = '\u2008';

interface Scaled {
  /** Three significant digits, unless they are whole bytes. */
  digits: string;
  isWhole: boolean;
  unit: (typeof byteUnits)[number];
}

/** How many digits stand behind the point where three are significant, of a number in 0..999.5: `1.23`, `12.3`, `123`. */
function brokenDigits(value: number): 0 | 1 | 2 {
  if (value < 9.995) return 2;
  return value < 99.95 ? 1 : 0;
}

function threeDigits(value: number): string {
  return fixed(value, brokenDigits(value));
}

/** Scales to the unit in which fewer than four digits stand before the point, `smallest` or above. */
function scale(bytes: number, smallest: 0 | 1): Scaled {
  let value = Number.isFinite(bytes) && bytes > 0 ? bytes / 1000 ** smallest : 0;
  let index: number = smallest;
  while (value >= 999.5 && index < byteUnits.length - 1) {
    value /= 1000;
    index += 1;
  }
  const broken = index === 0 ? 0 : brokenDigits(value);
  return { digits: fixed(value, broken), isWhole: broken === 0, unit: byteUnits[index] ?? 'B' };
}

/**
 * Writes an amount of data: `0 B`, `999 B`, `1.23 kB`, `12.3 MB`, `123 GB`.
 * @param bytes bytes; what is negative or not a number counts as 0
 */
export function formatBytes(bytes: number): string {
  const { digits, unit } = scale(bytes, 0);
  return `${digits} ${unit}`;
}

/**
 * Writes a rate: `0 B/s`, `1.23 MB/s`.
 * @param bytesPerSecond bytes per second; what is negative or not a number counts as 0
 */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Characters in the answer of `formatRateFixed`, for rates below 1 EB/s. */
export const fixedRateWidth = 9;

/**
 * Writes a rate that takes the same room whatever its size, also in a proportional font: always
 * three digits, a point or a space as wide as one, and a unit of two letters, so `0.00 kB/s`, `1.23 MB/s`,
 * ` 123 MB/s`. For places where text beside it must not jump, such as the status bar.
 * @param bytesPerSecond bytes per second; what is negative or not a number counts as 0
 */
export function formatRateFixed(bytesPerSecond: number): string {
  const { digits, isWhole, unit } = scale(bytesPerSecond, 1);
  const padded = isWhole ? punctuationSpace + digits : digits;
  return `${padded.padStart(4, figureSpace)} ${unit}/s`;
}

/**
 * Writes a short time such as a round trip: `85 µs`, `1.23 ms`, `2.50 s`; the mark for "not known" when 0.
 * @param microseconds microseconds, 0 where unknown
 */
export function formatMicroseconds(microseconds: number): string {
  if (!Number.isFinite(microseconds) || microseconds <= 0) return unknownMark;
  if (microseconds < 999.5) return `${fixed(microseconds, 0)} µs`;
  if (microseconds < 999_500) return `${threeDigits(microseconds / 1000)} ms`;
  return `${threeDigits(microseconds / 1_000_000)} s`;
}

/**
 * Writes how long something took, in the two largest units: `850 ms`, `12.3 s`, `2 min 05 s`, `1 h 02 min`,
 * `3 d 04 h`.
 * @param milliseconds milliseconds; what is negative or not a number counts as 0
 */
export function formatDuration(milliseconds: number): string {
  const known = Number.isFinite(milliseconds) && milliseconds > 0 ? milliseconds : 0;
  if (known < 999.5) return `${fixed(known, 0)} ms`;
  if (known < 59_950) return `${fixed(known / 1000, 1)} s`;
  const seconds = Math.round(known / 1000);
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${String(large)} ${largeUnit} ${String(small).padStart(2, '0')} ${smallUnit}`;
}

/**
 * Writes a whole number with its thousands set apart: `1,234,567`.
 * @param count a whole number, exact up to 2^53
 */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? numbers().whole.format(Math.trunc(count)) : unknownMark;
}

/** Writes a number and its noun: `1 connection`, `1,234 connections`. */
export function formatQuantity(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/**
 * Writes an address and port so that they can be told apart: `192.0.2.1:443`, `[2001:db8::1]:443`; the address alone
 * where there is no port, as with ICMP; `*` where there is no address.
 */
export function formatEndpoint(endpoint: Endpoint | undefined): string {
  if (endpoint === undefined || endpoint.address === '') return '*';
  const { address, port } = endpoint;
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${String(port)}` : `${address}:${String(port)}`;
}
