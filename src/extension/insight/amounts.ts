// Amounts of data as people type them.
import { decimalMark } from '../../shared/format';

/** A number of bytes, at least 1; `undefined` for what is none. With a point, or what the language has for it. */
export function parseBytes(text: string): number | undefined {
  const [, digits, unit = ''] =
    /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)b?\s*$/i.exec(text.replace(decimalMark(), '.')) ?? [];
  if (digits === undefined) return undefined;
  const bytes = Number(digits) * ({ k: 1e3, m: 1e6, g: 1e9 }[unit.toLowerCase()] ?? 1);
  return bytes >= 1 && Number.isFinite(bytes) ? Math.round(bytes) : undefined;
}
