// The values at one moment of the chart: beside the pointer, and in words.
import { formatDuration, formatRate } from '../shared/format';
import type { SessionMark } from '../shared/panel-messages';
import { reasonText } from '../shared/reason-text';
import { sanitise } from '../shared/sanitise';
import type { HistoryPoint } from '../shared/traffic-history';
import { timeOfDay } from './chart-paint';
import type { Layer } from './chart-series';
import { element, setText } from './dom';
import { plural, t, texts } from './l10n';

/** Marks that are named beside the pointer; the rest are counted. */
const maximumMarks = 4;
/** A point that spans more than this says so, in milliseconds. */
const longSpan = 5_000;

export interface ReadoutContent {
  millis: number;
  /** `undefined` in a gap. */
  point: HistoryPoint | undefined;
  marks: readonly SessionMark[];
  layers: readonly Layer[];
  /** Place of the point among those of the layers. */
  index: number;
  /** Pixels from the left edge of the plot, and its width. */
  left: number;
  width: number;
}

export class ChartReadout {
  readonly element = element('div', { class: 'chart-readout', attributes: { 'aria-hidden': 'true' } });
  #lines = '';

  constructor() {
    this.element.hidden = true;
  }

  hide(): void {
    this.element.hidden = true;
  }

  show({ millis, point, marks, layers, index, left, width }: ReadoutContent): void {
    this.element.hidden = false;
    const span = point === undefined ? 0 : point.spanMillis;
    const time = timeOfDay(millis);
    const lines = [
      span > longSpan ? t('{0}, mean of {1}', time, formatDuration(span)) : time,
      ...(point === undefined ? [t('no data')] : [`↑ ${formatRate(point.tx)}`, `↓ ${formatRate(point.rx)}`]),
      ...layers.map(
        (layer, number) =>
          `${number + 1} ${layerName(layer)} ↑ ${formatRate(layer.tx[index] ?? 0)} ↓ ${formatRate(layer.rx[index] ?? 0)}`,
      ),
      ...marks.slice(0, maximumMarks).map(markText),
      ...(marks.length > maximumMarks
        ? [plural(marks.length - maximumMarks, '{0} more mark', '{0} more marks')]
        : []),
    ];
    const text = lines.join('\n');
    if (text !== this.#lines) {
      this.#lines = text;
      this.element.replaceChildren(
        ...lines.map((line, place) => {
          const row = element('div', place === 0 ? { class: 'chart-readout-time' } : {});
          setText(row, line);
          return row;
        }),
      );
    }
    // On the side of the cursor that has room.
    const offset = left > width / 2 ? left - this.element.offsetWidth - 8 : left + 8;
    this.element.style.transform = `translateX(${Math.round(offset)}px)`;
  }
}

export function layerName({ name }: Layer): string {
  return name === '' ? t('Other') : sanitise(name);
}

/** The values at a moment, in words. */
export function describePoint({ timeMillis, tx, rx }: HistoryPoint): string {
  return t('{0}: sent {1}, received {2}', timeOfDay(timeMillis), formatRate(tx), formatRate(rx));
}

/** What happened, in words. */
export function markText({ kind, detail, timeMillis }: SessionMark): string {
  const [first = '', second = ''] = detail.map((part) => sanitise(part));
  const time = timeOfDay(timeMillis);
  const words = {
    stopped: () => [t('{0} debugger stopped', time), first, second],
    stepped: () => [t('{0} stepped', time), first, second],
    restarted: () => [t('{0} restarted', time)],
    exited: () => [
      second === ''
        ? t('{0} process {1} ended', time, first)
        : t('{0} process {1} ended with {2}', time, first, second),
    ],
    failed: () => [t('{0} connection to {1} failed', time, first), reasonText(second, texts)],
  };
  return words[kind]()
    .filter((part) => part !== '')
    .join(', ');
}
