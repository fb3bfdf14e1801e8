// The chart: sent above the axis, received below it, over the last minutes. Follows the newest point, the
// theme and the size of its box; a pointer or the arrow keys read the values at a moment.
import uPlot from 'uplot';
import { formatDuration, formatRate } from '../shared/format';
import type { PanelHistoryPoint } from '../shared/panel-messages';
import { element, setAttribute, setText } from './dom';
import { cutWindow, summarise, toSeries, verticalRange, type ChartSeries, type RateSummary } from './history';
import { onThemeChange, readTheme, type ChartTheme } from './theme';

const verticalAxisWidth = 72;
const horizontalAxisHeight = 22;
/** The chart of a young session grows from this many seconds to the chosen window. */
const shortestSpanSeconds = 60;
/** Pixels: a direction gets its label where it has this much height. */
const heightForLabel = 24;
/** Pixels that half a time label takes; nearer to the edge it would be cut. */
const halfTimeLabel = 28;

export class RateChart {
  readonly element: HTMLElement;
  readonly #box = element('div', { class: 'chart-box' });
  readonly #readout = element('div', { class: 'chart-readout', attributes: { 'aria-hidden': 'true' } });
  readonly #readoutTime = element('div', { class: 'chart-readout-time' });
  readonly #readoutSent = element('div');
  readonly #readoutReceived = element('div');
  readonly #summaryText = element('p', { class: 'visually-hidden', attributes: { id: 'chart-summary' } });
  #plot: uPlot | undefined;
  #series: ChartSeries = { times: [], sent: [], received: [] };
  #summary: RateSummary = summarise([]);
  #windowMillis = 0;
  /** Unix seconds of the moment chosen by key; `undefined` while no key has chosen one. */
  #chosenTime: number | undefined;

  constructor() {
    this.#readout.append(this.#readoutTime, this.#readoutSent, this.#readoutReceived);
    this.#readout.hidden = true;
    this.element = element('div', { class: 'chart', children: [this.#box, this.#summaryText] });
    this.#describeForReaders();
    this.#box.addEventListener('keydown', (event) => this.#keyPressed(event));
    this.#box.addEventListener('blur', () => this.#choose(undefined));
    this.#box.addEventListener('pointerenter', () => (this.#chosenTime = undefined));
    onThemeChange(() => this.#rebuild());
    new ResizeObserver(() => this.#resize()).observe(this.#box);
  }

  /** Draws the last `windowMillis` of a history. */
  setHistory(history: readonly PanelHistoryPoint[], windowMillis: number): void {
    const points = cutWindow(history, windowMillis);
    this.#series = toSeries(points);
    this.#summary = summarise(points);
    this.#windowMillis = windowMillis;
    if (this.#plot === undefined) this.#rebuild();
    else this.#plot.setData(this.#data());
    if (this.#chosenTime !== undefined) this.#choose(this.#chosenTime);
    this.#describeForReaders();
  }

  #data(): uPlot.AlignedData {
    return [this.#series.times, this.#series.sent, this.#series.received];
  }

  /** Colours and fonts are fixed when a plot is made, so a new theme is a new plot. */
  #rebuild(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    this.#plot?.destroy();
    this.#plot = undefined;
    if (width === 0 || height === 0) return;
    this.#plot = new uPlot(this.#options(readTheme(), width, height), this.#data(), this.#box);
    this.#plot.over.append(this.#readout);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (this.#plot === undefined) this.#rebuild();
    else if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  #options(theme: ChartTheme, width: number, height: number): uPlot.Options {
    const lineWidth = theme.highContrast ? 2 : 1;
    const series = (label: string, colour: string): uPlot.Series => ({
      label,
      stroke: colour,
      fill: `color-mix(in srgb, ${colour} 30%, transparent)`,
      fillTo: 0,
      width: lineWidth,
      points: { show: false },
    });
    const axis: uPlot.Axis = {
      font: theme.font,
      stroke: theme.text,
      grid: { stroke: theme.grid, width: 1 },
      ticks: { show: false },
      gap: 6,
    };
    return {
      width,
      height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => this.#horizontalRange() },
        y: { range: () => verticalRange(this.#summary) },
      },
      series: [{}, series('Sent', theme.sent), series('Received', theme.received)],
      axes: [
        {
          ...axis,
          size: horizontalAxisHeight,
          space: 56,
          values: (plot, times, _axis, _space, step) => times.map((time) => timeLabel(plot, time, step)),
        },
        {
          ...axis,
          size: verticalAxisWidth,
          space: 22,
          values: (_plot, rates) => rates.map((rate) => axisRate(rate)),
        },
      ],
      hooks: {
        drawAxes: [(plot) => drawZeroLine(plot, theme)],
        draw: [
          (plot) => {
            labelDirections(plot, theme);
            this.#showReadout();
          },
        ],
        setCursor: [() => this.#showReadout()],
      },
    };
  }

  #horizontalRange(): [number, number] {
    const { times } = this.#series;
    const end = times.at(-1) ?? Date.now() / 1000;
    // A session that has just begun would be a sliver at the edge of a long window.
    const span = Math.max(end - (times[0] ?? end), shortestSpanSeconds);
    return [end - Math.min(span, this.#windowMillis / 1000), end];
  }

  #showReadout(): void {
    const plot = this.#plot;
    const index = plot?.cursor.idx;
    const left = plot?.cursor.left ?? -1;
    const time = index == null ? undefined : this.#series.times[index];
    const sent = index == null ? undefined : this.#series.sent[index];
    const received = index == null ? undefined : this.#series.received[index];
    const shown = plot !== undefined && left >= 0 && time !== undefined;
    this.#readout.hidden = !shown;
    if (!shown) return;
    setText(this.#readoutTime, timeOfDay(time));
    setText(this.#readoutSent, sent == null ? 'no data' : `↑ ${formatRate(sent)}`);
    setText(this.#readoutReceived, received == null ? '' : `↓ ${formatRate(-received)}`);
    // On the side of the cursor that has room.
    const plotWidth = plot.over.clientWidth;
    const offset = left > plotWidth / 2 ? left - this.#readout.offsetWidth - 8 : left + 8;
    this.#readout.style.transform = `translateX(${Math.round(offset)}px)`;
  }

  #keyPressed(event: KeyboardEvent): void {
    const { times } = this.#series;
    const current = this.#chosenTime === undefined ? times.length : this.#indexOf(this.#chosenTime);
    const targets: Record<string, number> = {
      ArrowLeft: current - 1,
      ArrowDown: current - 1,
      ArrowRight: current + 1,
      ArrowUp: current + 1,
      PageDown: current - 10,
      PageUp: current + 10,
      Home: 0,
      End: times.length - 1,
    };
    const target = targets[event.key];
    if (event.key === 'Escape') this.#choose(undefined);
    if (target === undefined || times.length === 0) return;
    event.preventDefault();
    this.#choose(times[Math.min(Math.max(0, target), times.length - 1)]);
  }

  #indexOf(time: number): number {
    return Math.max(
      0,
      this.#series.times.findLastIndex((each) => each <= time),
    );
  }

  /** Puts the cursor on a moment, or takes it away. */
  #choose(time: number | undefined): void {
    if (time === undefined && this.#chosenTime === undefined) return;
    this.#chosenTime = time;
    const plot = this.#plot;
    if (time === undefined) plot?.setCursor({ left: -10, top: -10 });
    else plot?.setCursor({ left: plot.valToPos(time, 'x'), top: plot.over.clientHeight / 2 });
    this.#describeForReaders();
  }

  /** The chart in words. It is not a live region: a reader asks for it by coming here. */
  #describeForReaders(): void {
    const { now, peak } = this.#summary;
    setText(
      this.#summaryText,
      `Now: sent ${formatRate(now.tx)}, received ${formatRate(now.rx)}. ` +
        `Peak of the last ${formatDuration(this.#windowMillis)}: sent ${formatRate(peak.tx)}, ` +
        `received ${formatRate(peak.rx)}.`,
    );
    const index =
      this.#chosenTime === undefined ? this.#series.times.length - 1 : this.#indexOf(this.#chosenTime);
    const time = this.#series.times[index];
    const sent = this.#series.sent[index];
    const received = this.#series.received[index];
    const spoken =
      time === undefined || sent == null || received == null
        ? 'no data'
        : `${timeOfDay(time)}: sent ${formatRate(sent)}, received ${formatRate(-received)}`;
    const attributes = {
      tabindex: '0',
      role: 'slider',
      'aria-label': 'Rates over time',
      'aria-describedby': 'chart-summary',
      'aria-orientation': 'horizontal',
      'aria-valuemin': '0',
      'aria-valuemax': String(Math.max(0, this.#series.times.length - 1)),
      'aria-valuenow': String(Math.max(0, index)),
      'aria-valuetext': spoken,
    };
    for (const [name, value] of Object.entries(attributes)) setAttribute(this.#box, name, value);
  }
}

/** Local time of day: `14:05:09`, or `14:05`. */
function timeOfDay(unixSeconds: number, withSeconds = true): string {
  const time = new Date(unixSeconds * 1000).toLocaleTimeString('en-GB');
  return withSeconds ? time : time.slice(0, 5);
}

/** A time on the axis; nothing where it would be cut off at the right edge. */
function timeLabel(plot: uPlot, time: number, stepSeconds: number): string {
  const room = plot.width - verticalAxisWidth;
  return plot.valToPos(time, 'x') + halfTimeLabel > room ? '' : timeOfDay(time, stepSeconds < 60);
}

/** A rate on the axis: no digits after the point that say nothing. */
function axisRate(rate: number): string {
  const [digits = '', unit = ''] = formatRate(Math.abs(rate)).split(' ');
  return `${digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits} ${unit}`;
}

function drawZeroLine(plot: uPlot, theme: ChartTheme): void {
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(0, 'y', true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = theme.axis;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** Says in the plot itself which half is which, so that nobody needs the colours. */
function labelDirections(plot: uPlot, theme: ChartTheme): void {
  const { ctx, bbox } = plot;
  const inset = 4 * uPlot.pxRatio;
  ctx.save();
  ctx.font = theme.font.replace(/^[\d.]+/, (size) => String(Number(size) * uPlot.pxRatio));
  ctx.fillStyle = theme.text;
  ctx.textAlign = 'left';
  const zero = plot.valToPos(0, 'y');
  if (zero >= heightForLabel) {
    ctx.textBaseline = 'top';
    ctx.fillText('↑ sent', bbox.left + inset, bbox.top + inset);
  }
  if (plot.over.clientHeight - zero >= heightForLabel) {
    ctx.textBaseline = 'bottom';
    ctx.fillText('↓ received', bbox.left + inset, bbox.top + bbox.height - inset);
  }
  ctx.restore();
}
