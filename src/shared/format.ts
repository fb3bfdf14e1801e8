// How figures are written for people, in one way everywhere: command line, tree, status bar and panel.
// Units are decimal (1 kB = 1,000 B), as network rates are stated; three significant digits; no locale.
import type { Endpoint } from './protocol';

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** Shown where a figure or a name is not known. */
export const unknownMark = '–';

/** As wide as a digit, in proportional fonts too. */
const figureSpace = '\u2007';
/** As wide as a full stop, in proportional fonts too. */
const punctuationSpace = '\u2008';

interface Scaled {
  /** Digits with at most one point, three significant ones unless they are whole bytes. */
  digits: string;
  unit: (typeof byteUnits)[number];
}

/** Three significant digits of a number in 0..999.5: `1.23`, `12.3`, `123`. */
function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  if (value < 99.95) return value.toFixed(1);
  return value.toFixed(0);
}

/** Scales to the unit in which fewer than four digits stand before the point, `smallest` or above. */
function scale(bytes: number, smallest: 0 | 1): Scaled {
  let value = Number.isFinite(bytes) && bytes > 0 ? bytes / 1000 ** smallest : 0;
  let index: number = smallest;
  while (value >= 999.5 && index < byteUnits.length - 1) {
    value /= 1000;
    index += 1;
  }
  const digits = index === 0 ? value.toFixed(0) : threeDigits(value);
  return { digits, unit: byteUnits[index] ?? 'B' };
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
  const { digits, unit } = scale(bytesPerSecond, 1);
  const padded = digits.includes('.') ? digits : punctuationSpace + digits;
  return `${padded.padStart(4, figureSpace)} ${unit}/s`;
}

/**
 * Writes a short time such as a round trip: `85 µs`, `1.23 ms`, `2.50 s`; the mark for "not known" when 0.
 * @param microseconds microseconds, 0 where unknown
 */
export function formatMicroseconds(microseconds: number): string {
  if (!Number.isFinite(microseconds) || microseconds <= 0) return unknownMark;
  if (microseconds < 999.5) return `${microseconds.toFixed(0)} µs`;
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
  if (known < 999.5) return `${known.toFixed(0)} ms`;
  if (known < 59_950) return `${(known / 1000).toFixed(1)} s`;
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
  if (!Number.isFinite(count)) return unknownMark;
  return Math.trunc(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
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
