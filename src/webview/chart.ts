// The chart: rates over time. It follows the newest point or holds a stretch, in the editor's theme, as large as its
// box; a pointer, a wheel or keys read values, choose a range, zoom and pan.
import uPlot from 'uplot';
import type { PanelGroupPoint, SessionMark } from '../shared/panel-messages';
import type { ChartStyle } from '../shared/panel-preferences';
import type { HistoryPoint, TimeRange } from '../shared/traffic-history';
import { listenToChart } from './chart-input';
import {
  axisRate,
  drawMarks,
  drawRange,
  drawZeroLine,
  labelDirections,
  labelLayers,
  timeLabel,
} from './chart-paint';
import { ChartReadout, describePoint, markText } from './chart-readout';
import {
  comparedLines,
  directionSeries,
  groupingOf,
  layeredSeries,
  layersOf,
  peakOf,
  type ChartSeries,
  type Layer,
} from './chart-series';
import { element, setAttribute, setText } from './dom';
import { formatDuration, formatRate } from '../shared/format';
import { cutRange, snapToPoints, summarise, verticalRange, verticalRangeAbove } from './history';
import { t } from './l10n';
import { onThemeChange, readTheme, type ChartTheme } from './theme';
import { followLive, pan, reveal, visibleRange, zoom, type TimeBounds, type TimeView } from './time-view';

const verticalAxisWidth = 72;
const horizontalAxisHeight = 22;

/** What the chart is told to draw. */
export interface ChartData {
  style: ChartStyle;
  history: readonly HistoryPoint[];
  /** What each session on show told of its groups. */
  groups: readonly (readonly PanelGroupPoint[])[];
  marks: readonly SessionMark[];
  range: TimeRange | undefined;
  /** Rates of another run, to be laid over these, and how much later this one began in milliseconds. */
  compared: { history: readonly HistoryPoint[]; shiftMillis: number } | undefined;
}

export interface ChartEvents {
  view: (view: TimeView) => void;
  range: (range: TimeRange | undefined) => void;
}

/** What is on show now, for the legend and for the table that says the same. */
export interface ChartContent {
  points: readonly HistoryPoint[];
  layers: readonly Layer[];
  visible: TimeRange;
}

export class RateChart {
  readonly element: HTMLElement;
  readonly #box = element('div', { class: 'chart-box' });
  readonly #readout = new ChartReadout();
  readonly #summaryText = element('p', { class: 'visually-hidden', attributes: { id: 'chart-summary' } });
  readonly #events: ChartEvents;
  #plot: uPlot | undefined;
  #theme: ChartTheme = readTheme();
  #data: ChartData = {
    style: 'mirrored',
    history: [],
    groups: [],
    marks: [],
    range: undefined,
    compared: undefined,
  };
  #view: TimeView;
  #content: ChartContent = { points: [], layers: [], visible: { fromMillis: 0, toMillis: 1 } };
  #series: ChartSeries = { times: [], lines: [] };
  /** Which lines the plot was made for. */
  #shape = '';
  /** Unix milliseconds of the moment chosen by key; `undefined` while no key has chosen one. */
  #chosen: number | undefined;
  /** The range that is being drawn by a drag or by keys. */
  #draft: TimeRange | undefined;

  constructor(view: TimeView, events: ChartEvents) {
    this.#view = view;
    this.#events = events;
    this.element = element('div', { class: 'chart', children: [this.#box, this.#summaryText] });
    listenToChart(this.#box, {
      timeAt: (x) => this.#timeAt(x),
      zoom: (factor, at) => this.#setView(zoom(this.#view, factor, at ?? this.#focusTime, this.#bounds)),
      pan: (millis) => this.#setView(pan(this.#view, millis, this.#bounds)),
      live: () => this.setView(followLive(this.#view)),
      span: () => this.#content.visible.toMillis - this.#content.visible.fromMillis,
      draft: (range) => this.#setDraft(range),
      select: (range) => this.#select(range),
      step: (target, extend) => this.#step(target, extend),
      clear: () => this.#clear(),
    });
    this.#describeForReaders();
    this.#box.addEventListener('blur', () => this.#choose(undefined));
    this.#box.addEventListener('pointerenter', () => (this.#chosen = undefined));
    onThemeChange(() => this.#rebuild());
    new ResizeObserver(() => this.#resize()).observe(this.#box);
  }

  focus(): void {
    this.#box.focus();
  }

  get content(): ChartContent {
    return this.#content;
  }

  get isLive(): boolean {
    return this.#view.endMillis === undefined;
  }

  /** The colour of a layer of the chart, for the legend. */
  layerColour(layer: number, name: string): string {
    return layerColour(this.#theme, layer, name);
  }

  setData(data: ChartData): void {
    this.#data = data;
    this.#draw();
  }

  setView(view: TimeView): void {
    this.#setView(view);
  }

  /** Moves the view so that a range of time is in sight. */
  reveal(range: TimeRange): void {
    this.#setView(reveal(this.#view, range, this.#bounds));
  }

  #setView(view: TimeView): void {
    this.#view = view;
    this.#draw();
    this.#events.view(view);
  }

  get #bounds(): TimeBounds {
    const { history } = this.#data;
    const lastMillis = history.at(-1)?.timeMillis ?? Date.now();
    return { firstMillis: history[0]?.timeMillis ?? lastMillis, lastMillis };
  }

  get #focusTime(): number {
    const { fromMillis, toMillis } = this.#content.visible;
    return this.#chosen ?? (this.isLive ? toMillis : (fromMillis + toMillis) / 2);
  }

  #draw(): void {
    const { history, style, groups, compared } = this.#data;
    const visible = visibleRange(this.#view, this.#bounds);
    const points = cutRange(history, visible);
    const layered = groupingOf(style) !== 'direction';
    const layers = layered ? layersOf(points, groups) : [];
    this.#content = { points, layers, visible };
    this.#series = layered ? layeredSeries(points, layers) : directionSeries(points, style === 'overlaid');
    const other =
      compared === undefined || layered
        ? []
        : comparedLines(this.#series, compared.history, compared.shiftMillis, style === 'overlaid');
    this.#series = { ...this.#series, lines: [...this.#series.lines, ...other] };
    const shape = `${style} ${other.length} ${layers.map(({ name }) => name).join('\n')}`;
    if (this.#plot === undefined || shape !== this.#shape) this.#rebuild();
    else this.#plot.setData(this.#plotData());
    this.#shape = shape;
    if (this.#chosen !== undefined) this.#choose(this.#chosen);
    this.#describeForReaders();
  }

  #plotData(): uPlot.AlignedData {
    return [this.#series.times, ...this.#series.lines.map(({ values }) => values)];
  }

  /** Colours and fonts are fixed when a plot is made, so a new theme is a new plot. */
  #rebuild(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#theme = readTheme();
    if (width === 0 || height === 0) return;
    this.#plot = new uPlot(this.#options(width, height), this.#plotData(), this.#box);
    this.#plot.over.append(this.#readout.element);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (this.#plot === undefined) this.#rebuild();
    else if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  #options(width: number, height: number): uPlot.Options {
    const theme = this.#theme;
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
        x: {
          time: true,
          range: () => {
            const { fromMillis, toMillis } = this.#content.visible;
            return [fromMillis / 1000, toMillis / 1000];
          },
        },
        y: { range: () => this.#verticalRange() },
      },
      series: [{}, ...this.#lineOptions(theme)],
      axes: [
        {
          ...axis,
          size: horizontalAxisHeight,
          space: 56,
          values: (plot, times, _axis, _space, step) =>
            times.map((time) => timeLabel(plot, time, step, verticalAxisWidth)),
        },
        {
          ...axis,
          size: verticalAxisWidth,
          space: 22,
          values: (_plot, rates) => rates.map((rate) => axisRate(rate)),
        },
      ],
      hooks: {
        drawAxes: [
          (plot) => drawRange(plot, theme, this.#draft ?? this.#data.range),
          (plot) => drawZeroLine(plot, theme),
        ],
        draw: [
          (plot) => {
            drawMarks(plot, theme, this.#data.marks);
            if (this.#data.style !== 'overlaid') labelDirections(plot, theme);
            labelLayers(plot, theme, this.#series, this.#content.layers);
            this.#showReadout();
          },
        ],
        setCursor: [() => this.#showReadout()],
      },
    };
  }

  #lineOptions(theme: ChartTheme): uPlot.Series[] {
    const lineWidth = theme.highContrast ? 2 : 1;
    const { layers } = this.#content;
    return this.#series.lines.map(({ layer, direction, isCompared }): uPlot.Series => {
      if (layers.length === 0) {
        const colour = direction === 'sent' ? theme.sent : theme.received;
        if (isCompared === true) {
          return { stroke: theme.text, width: lineWidth + 0.5, dash: [3, 3], points: { show: false } };
        }
        return {
          stroke: colour,
          fill: `color-mix(in srgb, ${colour} 30%, transparent)`,
          fillTo: 0,
          width: lineWidth,
          points: { show: false },
          // Where both lie upon each other, the dashes tell them apart.
          ...(this.#data.style === 'overlaid' && direction === 'received' ? { dash: [6, 3] } : {}),
        };
      }
      const colour = layerColour(theme, layer, layers[layer]?.name ?? '');
      return {
        stroke: theme.background,
        fill: `color-mix(in srgb, ${colour} 75%, ${theme.background})`,
        fillTo: 0,
        width: 1,
        points: { show: false },
      };
    });
  }

  #verticalRange(): [number, number] {
    const peak = peakOf(this.#series);
    return this.#data.style === 'overlaid' ? verticalRangeAbove(peak.tx) : verticalRange(peak);
  }

  #timeAt(clientX: number): number | undefined {
    const plot = this.#plot;
    if (plot === undefined) return undefined;
    const { left, width } = plot.over.getBoundingClientRect();
    return plot.posToVal(Math.min(width, Math.max(0, clientX - left)), 'x') * 1000;
  }

  #pointAt(millis: number): HistoryPoint | undefined {
    const { points } = this.#content;
    return points.find(({ timeMillis }) => timeMillis >= millis - 1) ?? points.at(-1);
  }

  #showReadout(): void {
    const plot = this.#plot;
    const left = plot?.cursor.left ?? -1;
    if (plot === undefined || left < 0 || this.#series.times.length === 0) {
      this.#readout.hide();
      return;
    }
    const index = plot.cursor.idx;
    const seconds = index == null ? undefined : this.#series.times[index];
    const isGap = index == null || this.#series.lines[0]?.values[index] === null;
    const millis = (seconds ?? plot.posToVal(left, 'x')) * 1000;
    const point = isGap ? undefined : this.#pointAt(millis);
    const nearby = (plot.posToVal(6, 'x') - plot.posToVal(0, 'x')) * 1000;
    const marks = this.#data.marks.filter(({ timeMillis }) => Math.abs(timeMillis - millis) <= nearby);
    this.#readout.show({
      millis,
      point,
      marks,
      layers: this.#content.layers,
      index: point === undefined ? -1 : this.#content.points.indexOf(point),
      left,
      width: plot.over.clientWidth,
    });
  }

  /** Moves the moment chosen by key. `extend`: the range grows along. */
  #step(target: 'first' | 'last' | 'mark-before' | 'mark-after' | number, extend: boolean): void {
    const { points } = this.#content;
    if (points.length === 0) return;
    const times = points.map(({ timeMillis }) => timeMillis);
    const current = this.#chosen === undefined ? times.length : this.#indexOf(this.#chosen);
    const anchor = this.#chosen;
    if (target === 'mark-before' || target === 'mark-after') {
      const now = this.#chosen ?? times.at(-1) ?? 0;
      const marks = this.#data.marks.map(({ timeMillis }) => timeMillis);
      const next =
        target === 'mark-before'
          ? marks.findLast((each) => each < now - 1)
          : marks.find((each) => each > now + 1);
      if (next !== undefined) this.#choose(next);
      return;
    }
    const index = target === 'first' ? 0 : target === 'last' ? times.length - 1 : current + target;
    const chosen = times[Math.min(Math.max(0, index), times.length - 1)];
    this.#choose(chosen);
    if (extend && chosen !== undefined) {
      const range = this.#data.range;
      // The end that the keys are on moves, the other one stays.
      const fixed =
        range === undefined
          ? (anchor ?? chosen)
          : Math.abs(range.toMillis - (anchor ?? range.toMillis)) < 1
            ? range.fromMillis
            : range.toMillis;
      this.#select({ fromMillis: Math.min(fixed, chosen), toMillis: Math.max(fixed, chosen) });
    }
  }

  #indexOf(millis: number): number {
    const { points } = this.#content;
    return Math.max(
      0,
      points.findLastIndex(({ timeMillis }) => timeMillis <= millis),
    );
  }

  #setDraft(range: TimeRange | undefined): void {
    this.#draft = range;
    this.#plot?.redraw(false);
  }

  #select(range: TimeRange): void {
    this.#draft = undefined;
    const snapped = snapToPoints(this.#data.history, range);
    if (snapped !== undefined) this.#events.range(snapped);
    this.#plot?.redraw(false);
  }

  /** Escape takes away one thing at a time: the cursor, the range, the hold. */
  #clear(): void {
    if (this.#draft !== undefined) this.#setDraft(undefined);
    else if (this.#chosen !== undefined) this.#choose(undefined);
    else if (this.#data.range !== undefined) this.#events.range(undefined);
    else if (!this.isLive) this.#setView(followLive(this.#view));
  }

  /** Puts the cursor on a moment, or takes it away. */
  #choose(millis: number | undefined): void {
    if (millis === undefined && this.#chosen === undefined) return;
    this.#chosen = millis;
    const plot = this.#plot;
    if (millis === undefined) plot?.setCursor({ left: -10, top: -10 });
    else plot?.setCursor({ left: plot.valToPos(millis / 1000, 'x'), top: plot.over.clientHeight / 2 });
    this.#describeForReaders();
  }

  /** The chart in words. It is not a live region: a reader asks for it by coming here. */
  #describeForReaders(): void {
    const { points, visible } = this.#content;
    const { now, peak } = summarise(points);
    setText(
      this.#summaryText,
      t(
        'Now: sent {0}, received {1}. Peak of the last {2}: sent {3}, received {4}.',
        formatRate(now.tx),
        formatRate(now.rx),
        formatDuration(visible.toMillis - visible.fromMillis),
        formatRate(peak.tx),
        formatRate(peak.rx),
      ) +
        ' ' +
        t(
          'Arrow keys read values, with Shift they choose a range, with Control they move along. Plus and minus zoom, M goes to the next mark, L follows the newest, Escape takes back.',
        ),
    );
    const index = this.#chosen === undefined ? points.length - 1 : this.#indexOf(this.#chosen);
    const point = points[index];
    const marks = this.#data.marks.filter(
      ({ timeMillis }) => this.#chosen !== undefined && Math.abs(timeMillis - this.#chosen) < 1_000,
    );
    const attributes = {
      tabindex: '0',
      role: 'slider',
      'aria-label': t('Rates over time'),
      'aria-describedby': 'chart-summary',
      'aria-orientation': 'horizontal',
      'aria-valuemin': '0',
      'aria-valuemax': String(Math.max(0, points.length - 1)),
      'aria-valuenow': String(Math.max(0, index)),
      'aria-valuetext': [
        point === undefined ? t('no data') : describePoint(point),
        ...marks.map(markText),
      ].join('. '),
    };
    for (const [name, value] of Object.entries(attributes)) setAttribute(this.#box, name, value);
  }
}

/** What is not told apart has a colour of its own, whatever its place. */
function layerColour(theme: ChartTheme, layer: number, name: string): string {
  const other = theme.layers.at(-1) ?? theme.text;
  return name === '' ? other : (theme.layers[layer] ?? other);
}
