// What may be written behind each option and argument, and what is said when it is something else.
import { InvalidArgumentError } from 'commander';
import type { FlowFilter, FlowGrouping } from '../../../src/shared/flow-filter';
import { limits } from '../../../src/shared/protocol';
import { quoteValue } from '../../../src/shared/sanitise';

/** Smallest and largest of what an option takes. */
export interface NumberRange {
  minimum: number;
  maximum: number;
}

/** The same of durations, in milliseconds. */
export type DurationRange = NumberRange;

/** How long `--duration` may be: 100 milliseconds to 7 days. */
const durationRange: DurationRange = { minimum: 100, maximum: 7 * 24 * 3_600_000 };

/** How many samples `--samples` may ask for. */
const samplesRange: NumberRange = { minimum: 1, maximum: 1_000_000 };

/** How many connections the summary may hold. */
export const historyRange = { minimum: 1, maximum: 1_000_000, default: 100_000 } as const;

/** Largest process id the kernel can give out (PID_MAX_LIMIT). */
const maximumPid = 4_194_304;

/** Longest name the kernel lets an interface have (IFNAMSIZ less the final zero). */
const maximumInterfaceName = 15;

const unitMillis = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

export type Format = 'table' | 'json';

/** The options that `watch` and `run` share. */
export interface MonitorOptions {
  format: Format;
  /** False with `--no-children`. */
  children: boolean;
  intervalMillis: number;
  windowMillis: number;
  /** Empty for all interfaces. */
  interfaces: string[];
  durationMillis?: number;
  samples?: number;
  /** Of `watch`: processes of other users too, where root's policy lets the caller see them. */
  allUsers?: boolean;
  /** Payload is looked at for protocols and names. False with `--no-inspect`. */
  inspect: boolean;
  /** The system's DNS servers are asked for names of addresses. */
  reverseLookup: boolean;
  /** Connections that are shown; totals are of all. */
  filter: FlowFilter;
  groupBy?: FlowGrouping;
  maximumProcesses: number;
  maximumConnections: number;
  eventsPerSecond: number;
  /** Connections that the summary holds. */
  maximumHistory: number;
  /** File for the output instead of the standard one. */
  output?: string;
}

/** Writes milliseconds as an option takes them: `500ms`, `1s`, `10m`, `168h`. */
export function writeDurationOption(milliseconds: number): string {
  if (milliseconds % unitMillis.h === 0) return `${String(milliseconds / unitMillis.h)}h`;
  if (milliseconds % unitMillis.m === 0 && milliseconds > unitMillis.m) {
    return `${String(milliseconds / unitMillis.m)}m`;
  }
  if (milliseconds % unitMillis.s === 0) return `${String(milliseconds / unitMillis.s)}s`;
  return `${String(milliseconds)}ms`;
}

/**
 * Reads a duration such as `500ms`, `1.5s`, `2m` or `1h`: a decimal number and its unit, nothing else.
 * @returns whole milliseconds
 * @throws InvalidArgumentError when it is none or lies outside the range; the message names both
 */
export function parseDuration(value: string, range: DurationRange): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(value);
  const allowed = `from ${writeDurationOption(range.minimum)} to ${writeDurationOption(range.maximum)}`;
  if (match === null) {
    throw new InvalidArgumentError(
      `${quoteValue(value)} is not a duration. Give a number and its unit (ms, s, m or h), ${allowed}, such as 2s.`,
    );
  }
  const unit = match[2] as keyof typeof unitMillis;
  const milliseconds = Math.round(Number(match[1]) * unitMillis[unit]);
  if (milliseconds < range.minimum || milliseconds > range.maximum) {
    throw new InvalidArgumentError(`${quoteValue(value)} is out of range. Give a duration ${allowed}.`);
  }
  return milliseconds;
}

/** Reads `--interval`. */
export function parseInterval(value: string): number {
  return parseDuration(value, limits.intervalMillis);
}

/** Reads `--window`. */
export function parseWindow(value: string): number {
  return parseDuration(value, limits.windowMillis);
}

/** Reads `--duration`. */
export function parseTotalDuration(value: string): number {
  return parseDuration(value, durationRange);
}

/** Reads `--samples`. */
export function parseSamples(value: string): number {
  return parseNumber(value, samplesRange, 'samples');
}

/**
 * Reads how many there may be of something: a whole number.
 * @param what in the plural, for the message
 * @throws InvalidArgumentError when it is none or out of range
 */
export function parseNumber(value: string, { minimum, maximum }: NumberRange, what: string): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= minimum && number <= maximum)) {
    throw new InvalidArgumentError(
      `${quoteValue(value)} is not a number of ${what}. Give a whole number from ${String(minimum)} to ${String(maximum)}.`,
    );
  }
  return number;
}

/**
 * Reads `--interface eth0,lo`; given again, it adds to what was given before.
 * @returns each name once, in the order given
 * @throws InvalidArgumentError for what cannot be the name of an interface, and for too many
 */
export function parseInterfaces(value: string, previous: readonly string[] = []): string[] {
  const names = [...previous];
  for (const name of value.split(',')) {
    if (!/^[^\s/:\p{Cc}]+$/u.test(name) || name === '.' || name === '..') {
      throw new InvalidArgumentError(
        `${quoteValue(name)} cannot be the name of an interface. Give names as "ip link" shows them, set apart by commas, such as eth0,lo.`,
      );
    }
    if (Buffer.byteLength(name) > maximumInterfaceName) {
      throw new InvalidArgumentError(
        `${quoteValue(name)} is too long for the name of an interface, which has at most ${String(maximumInterfaceName)} characters.`,
      );
    }
    if (!names.includes(name)) names.push(name);
  }
  if (names.length > limits.interfaces) {
    throw new InvalidArgumentError(
      `${String(names.length)} interfaces are too many. Give at most ${String(limits.interfaces)}, or leave the option out to count on all.`,
    );
  }
  return names;
}

const maximumPatterns = 64;
const maximumPatternLength = 253;

/**
 * Reads `--host` and `--protocol`: patterns set apart by commas; given again, the option adds to what was given before.
 * @throws InvalidArgumentError for an empty one, one that is too long, and for too many
 */
export function parsePatterns(value: string, previous: readonly string[] = []): string[] {
  const patterns = [...previous];
  for (const pattern of value.split(',').map((part) => part.trim())) {
    if (pattern === '' || pattern.length > maximumPatternLength) {
      throw new InvalidArgumentError(
        `${quoteValue(pattern)} cannot be looked for. Give names set apart by commas, such as example.org,*.internal.`,
      );
    }
    if (!patterns.includes(pattern)) patterns.push(pattern);
  }
  if (patterns.length > maximumPatterns) {
    throw new InvalidArgumentError(
      `${String(patterns.length)} patterns are too many. Give at most ${String(maximumPatterns)}.`,
    );
  }
  return patterns;
}

/**
 * Reads one process id of `watch PID...`.
 * @returns each id once, in the order given
 * @throws InvalidArgumentError for what cannot be a process id, and for too many
 */
export function parsePids(value: string, previous: readonly number[] = []): number[] {
  const pid = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(pid >= 1 && pid <= maximumPid)) {
    throw new InvalidArgumentError(
      `${quoteValue(value)} is not a process id. Give a whole number from 1 to ${String(maximumPid)}; "ps" lists them.`,
    );
  }
  const pids = previous.includes(pid) ? [...previous] : [...previous, pid];
  if (pids.length > limits.monitors) {
    throw new InvalidArgumentError(
      `More than ${String(limits.monitors)} processes cannot be watched at once. Watch their parent instead: its children are included.`,
    );
  }
  return pids;
}
