// Bringing values of a settings file, which may hold anything, within the protocol's bounds.
import { limits } from '../shared/protocol';
import { recordBytes } from './history/flow-log';
import type { SessionLimits } from './watched-session';

interface Range {
  minimum: number;
  maximum: number;
  default: number;
}

/** Bounds of what a session keeps. */
export const sessionLimitRanges = {
  closedConnections: { minimum: 0, maximum: 10_000, default: 500 },
  historyMegabytes: { minimum: 1, maximum: 64, default: 6 },
} as const;

export function toSessionLimits(closedConnections: unknown, historyMegabytes: unknown): SessionLimits {
  const ranges = sessionLimitRanges;
  const bytes = clampToLimits(historyMegabytes, ranges.historyMegabytes) * 1024 * 1024;
  return {
    closedConnections: clampToLimits(closedConnections, ranges.closedConnections),
    historyRecords: Math.floor(bytes / recordBytes),
  };
}

/** A whole number within the range; the range's default for what is not a number. */
export function clampToLimits(value: unknown, range: Range): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return range.default;
  }
  return Math.round(Math.min(range.maximum, Math.max(range.minimum, value)));
}

/** The names in a list, each once, no more than one request may hold; empty for what is not a list. */
export function toInterfaceNames(value: unknown): string[] {
  if (!Array.isArray(value)) {
    return [];
  }
  const names = value.filter((name): name is string => typeof name === 'string' && name.trim() !== '');
  return [...new Set(names.map((name) => name.trim()))].slice(0, limits.interfaces);
}
