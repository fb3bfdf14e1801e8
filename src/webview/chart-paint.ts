// What is painted on the chart's canvas besides its lines: the axis, the chosen range, marks, labels.
import uPlot from 'uplot';
import { decimalMark, formatRate } from '../shared/format';
import type { MarkKind, SessionMark } from '../shared/panel-messages';
import type { TimeRange } from '../shared/traffic-history';
import type { ChartSeries, Layer } from './chart-series';
import { t } from './l10n';
import type { ChartTheme } from './theme';

/** Pixels: a direction gets its label where it has this much height, a layer its number. */
const heightForLabel = 32;
const heightForNumber = 14;
/** Pixels that half a time label takes; nearer to the edge it would be cut. */
const halfTimeLabel = 28;
/** Half the size of a mark, in pixels. */
const markSize = 4;

/** Local time of day: `14:05:09`, or `14:05`. */
export function timeOfDay(millis: number, withSeconds = true): string {
  const time = new Date(millis).toLocaleTimeString('en-GB');
  return withSeconds ? time : time.slice(0, 5);
}

/** A time on the axis; nothing where it would be cut off at the right edge. */
export function timeLabel(plot: uPlot, seconds: number, step: number, axisWidth: number): string {
  const room = plot.width - axisWidth;
  return plot.valToPos(seconds, 'x') + halfTimeLabel > room ? '' : timeOfDay(seconds * 1000, step < 60);
}

/** A rate on the axis: no digits after the point that say nothing. */
export function axisRate(rate: number): string {
  const [digits = '', unit = ''] = formatRate(Math.abs(rate)).split(' ');
  const [whole = '', fraction] = digits.split(decimalMark());
  const told = fraction?.replace(/0+$/, '') ?? '';
  return `${whole}${told === '' ? '' : decimalMark() + told} ${unit}`;
}

function paint(plot: uPlot, painter: (context: CanvasRenderingContext2D) => void): void {
  plot.ctx.save();
  painter(plot.ctx);
  plot.ctx.restore();
}

export function drawZeroLine(plot: uPlot, theme: ChartTheme): void {
  const { bbox } = plot;
  const y = Math.round(plot.valToPos(0, 'y', true)) + 0.5;
  paint(plot, (context) => {
    context.strokeStyle = theme.axis;
    context.lineWidth = uPlot.pxRatio;
    context.beginPath();
    context.moveTo(bbox.left, y);
    context.lineTo(bbox.left + bbox.width, y);
    context.stroke();
  });
}

/** Shades the chosen range, with a line at both ends. */
export function drawRange(plot: uPlot, theme: ChartTheme, range: TimeRange | undefined): void {
  if (range === undefined) return;
  const { bbox } = plot;
  const place = (millis: number): number =>
    Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(millis / 1000, 'x', true)));
  const [from, to] = [place(range.fromMillis), place(range.toMillis)];
  paint(plot, (context) => {
    context.fillStyle = `color-mix(in srgb, ${theme.selection} 22%, transparent)`;
    context.fillRect(from, bbox.top, to - from, bbox.height);
    context.fillStyle = theme.selection;
    for (const edge of [from, to]) context.fillRect(edge - 1, bbox.top, 2, bbox.height);
  });
}

/** Each kind of mark has a shape of its own, so that nobody needs the colours. */
const shapes: Record<
  MarkKind,
  (context: CanvasRenderingContext2D, x: number, y: number, size: number) => void
> = {
  stopped: (context, x, y, size) => {
    context.rect(x - size, y - size, size * 0.75, size * 2);
    context.rect(x + size * 0.25, y - size, size * 0.75, size * 2);
  },
  stepped: (context, x, y, size) => {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x - size, y + size);
    context.closePath();
  },
  restarted: (context, x, y, size) => {
    context.arc(x, y, size, 0, Math.PI * 2);
    context.arc(x, y, size / 2, 0, Math.PI * 2, true);
  },
  exited: (context, x, y, size) => context.rect(x - size, y - size, size * 2, size * 2),
  failed: (context, x, y, size) => {
    context.moveTo(x, y - size);
    context.lineTo(x + size, y + size);
    context.lineTo(x - size, y + size);
    context.closePath();
  },
};

/** A line down the plot for each thing that happened, with its sign on top. */
export function drawMarks(plot: uPlot, theme: ChartTheme, marks: readonly SessionMark[]): void {
  const { bbox } = plot;
  const size = markSize * uPlot.pxRatio;
  paint(plot, (context) => {
    for (const { timeMillis, kind } of marks) {
      const x = Math.round(plot.valToPos(timeMillis / 1000, 'x', true)) + 0.5;
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const colour = kind === 'failed' ? theme.failure : theme.mark;
      context.globalAlpha = theme.highContrast ? 1 : 0.6;
      context.strokeStyle = colour;
      context.lineWidth = uPlot.pxRatio;
      context.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
      context.beginPath();
      context.moveTo(x, bbox.top + 2 * size);
      context.lineTo(x, bbox.top + bbox.height);
      context.stroke();
      context.globalAlpha = 1;
      context.fillStyle = colour;
      context.beginPath();
      shapes[kind](context, x, bbox.top + size, size);
      context.fill();
    }
  });
}

function textFont(theme: ChartTheme): string {
  return theme.font.replace(/^[\d.]+/, (size) => String(Number(size) * uPlot.pxRatio));
}

/** Says in the plot itself which half is which, so that nobody needs the colours. */
export function labelDirections(plot: uPlot, theme: ChartTheme): void {
  const { bbox } = plot;
  const inset = 4 * uPlot.pxRatio;
  paint(plot, (context) => {
    context.font = textFont(theme);
    context.fillStyle = theme.text;
    context.textAlign = 'left';
    const zero = plot.valToPos(0, 'y');
    if (zero >= heightForLabel) {
      context.textBaseline = 'top';
      // Below the marks.
      context.fillText(t('↑ sent'), bbox.left + inset, bbox.top + inset + 2 * markSize * uPlot.pxRatio);
    }
    if (plot.over.clientHeight - zero >= heightForLabel) {
      context.textBaseline = 'bottom';
      context.fillText(t('↓ received'), bbox.left + inset, bbox.top + bbox.height - inset);
    }
  });
}

/** Writes each layer's number where it is at its highest: the legend has the same numbers. */
export function labelLayers(
  plot: uPlot,
  theme: ChartTheme,
  { times, lines }: ChartSeries,
  layers: readonly Layer[],
): void {
  if (layers.length === 0) return;
  paint(plot, (context) => {
    context.font = `bold ${textFont(theme)}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const [place, { layer, direction, values }] of lines.entries()) {
      // The line of the same direction that lies beneath this one is drawn after it.
      const beneath = lines.slice(place + 1).find((line) => line.direction === direction)?.values;
      let highest = { height: 0, x: 0, y: 0 };
      for (const [index, value] of values.entries()) {
        if (value === null) continue;
        const [top, bottom] = [plot.valToPos(value, 'y'), plot.valToPos(beneath?.[index] ?? 0, 'y')];
        const height = Math.abs(top - bottom);
        const x = plot.valToPos(times[index] ?? 0, 'x');
        if (height > highest.height && x > 10 && x < plot.over.clientWidth - 10) {
          highest = { height, x, y: (top + bottom) / 2 };
        }
      }
      if (highest.height < heightForNumber) continue;
      const left = plot.bbox.left + highest.x * uPlot.pxRatio;
      const top = plot.bbox.top + highest.y * uPlot.pxRatio;
      const radius = 7 * uPlot.pxRatio;
      context.fillStyle = theme.background;
      context.beginPath();
      context.arc(left, top, radius, 0, Math.PI * 2);
      context.fill();
      context.fillStyle = theme.mark;
      context.fillText(String(layer + 1), left, top);
    }
  });
}
