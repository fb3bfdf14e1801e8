// What a measurement hands back: figures, each beside the bound that it was promised to keep.

export interface Bound {
  /** The largest value, or the smallest, that keeps the promise. */
  kind: 'at most' | 'at least';
  value: number;
}

export interface Figure {
  /** What was measured, for people. */
  what: string;
  value: number;
  unit: string;
  /** Absent: the figure explains another one and promises nothing. */
  bound?: Bound;
  /** How it was come by, in a few words. */
  note?: string;
}

export type Verdict = 'kept' | 'missed' | 'reported';

/** A name for choosing it on the command line, and the work. */
export interface Measurement {
  name: string;
  title: string;
  run(): Promise<Figure[]>;
}

export const atMost = (value: number): Bound => ({ kind: 'at most', value });
export const atLeast = (value: number): Bound => ({ kind: 'at least', value });

export function verdict({ value, bound }: Figure): Verdict {
  if (bound === undefined) return 'reported';
  const kept = bound.kind === 'at most' ? value <= bound.value : value >= bound.value;
  return kept ? 'kept' : 'missed';
}

/** Three digits that matter, and no more than two behind the point. */
export function formatValue(value: number): string {
  if (value === 0) return '0';
  const digits = Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toFixed(digits);
}
