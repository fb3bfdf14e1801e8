// A chart without axes, for the details of one connection: sent above the middle, received below it.
import type { Stretch } from '../shared/traffic-history';

const namespace = 'http://www.w3.org/2000/svg';
/** Units of the drawing; it is stretched to its box. */
const width = 600;
const height = 64;

type Rates = Stretch & { tx: number; rx: number };

/** The outline of one direction: steps, down to nothing where the connection was at rest. */
function outline(
  rates: readonly Rates[],
  direction: 'tx' | 'rx',
  peak: number,
  span: { fromMillis: number; toMillis: number },
): string {
  const middle = height / 2;
  const sign = direction === 'tx' ? -1 : 1;
  const x = (millis: number): number =>
    ((millis - span.fromMillis) / Math.max(1, span.toMillis - span.fromMillis)) * width;
  const parts = [`M0 ${middle}`];
  for (const each of rates) {
    const y = middle + (sign * each[direction] * (middle - 2)) / Math.max(1, peak);
    const [left, right] = [x(each.timeMillis - each.spanMillis), x(each.timeMillis)];
    parts.push(`L${left.toFixed(1)} ${middle}V${y.toFixed(1)}H${right.toFixed(1)}V${middle}`);
  }
  parts.push(`H${width}Z`);
  return parts.join('');
}

/** The drawing. What it shows has to stand in words beside it. */
export function smallChart(rates: readonly Rates[]): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  const [first, last] = [rates[0], rates.at(-1)];
  const span = {
    fromMillis: (first?.timeMillis ?? 0) - (first?.spanMillis ?? 0),
    toMillis: last?.timeMillis ?? 1,
  };
  const peak = Math.max(...rates.map(({ tx, rx }) => Math.max(tx, rx)), 1);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'small-chart');
  for (const direction of ['tx', 'rx'] as const) {
    const path = document.createElementNS(namespace, 'path');
    path.setAttribute('d', outline(rates, direction, peak, span));
    path.setAttribute('class', direction === 'tx' ? 'small-chart-sent' : 'small-chart-received');
    svg.append(path);
  }
  return svg;
}
