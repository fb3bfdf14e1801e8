// A chart of one line of text, for places that take nothing else, such as tooltips.

const levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * Draws values as bars, the largest as high as the line.
 * @param values none below 0, in the order of time
 * @param width characters; where there are more values, each character is the largest of several
 */
export function sparkline(values: readonly number[], width: number): string {
  const count = Math.min(values.length, width);
  const bars = Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * values.length) / count);
    const end = Math.floor(((index + 1) * values.length) / count);
    return Math.max(0, ...values.slice(from, end));
  });
  const largest = Math.max(0, ...bars);
  return bars
    .map((bar) => {
      if (bar === 0 || largest === 0) return levels[0];
      return levels[Math.max(1, Math.round((bar / largest) * (levels.length - 1)))] ?? levels[0];
    })
    .join('');
}
