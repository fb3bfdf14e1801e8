// Bringing values of a settings file, which may hold anything, within the protocol's bounds.
import { limits } from '../shared/protocol';

interface Range {
  minimum: number;
  maximum: number;
  default: number;
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
