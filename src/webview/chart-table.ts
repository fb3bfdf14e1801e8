// The chart as a table, for everybody who reads figures better than pictures.
import { formatBytes, formatRate } from '../shared/format';
import type { SessionMark } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import { timeOfDay } from './chart-paint';
import { layerName, markText } from './chart-readout';
import type { Layer } from './chart-series';
import type { ChartContent } from './chart';
import { element } from './dom';
import { t } from './l10n';

/** Lines of the table: what is more is put together. */
const maximumRows = 60;

interface TableRow {
  fromMillis: number;
  toMillis: number;
  /** Cells behind the time. */
  figures: string[];
  marks: string;
}

export class ChartTable {
  readonly element = element('div', {
    class: 'chart-table',
    attributes: { tabindex: '0', role: 'region', 'aria-label': t('Rates over time, as a table') },
  });
  #shown = '';

  update({ points, layers }: ChartContent, marks: readonly SessionMark[]): void {
    const size = Math.max(1, Math.ceil(points.length / maximumRows));
    const rows: TableRow[] = [];
    for (let start = 0; start < points.length; start += size) {
      const part = points.slice(start, start + size);
      const [first, last] = [part[0], part.at(-1)];
      if (first === undefined || last === undefined) break;
      const mean = (values: readonly number[]): number =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      const fromMillis = first.timeMillis - first.spanMillis;
      const within = marks.filter(
        ({ timeMillis }) => timeMillis > fromMillis && timeMillis <= last.timeMillis,
      );
      rows.push({
        fromMillis,
        toMillis: last.timeMillis,
        figures: [
          formatRate(mean(part.map(({ tx }) => tx))),
          formatRate(mean(part.map(({ rx }) => rx))),
          ...layers.map((layer) => layerRates(layer, start, part.length)),
        ],
        marks: within.map(markText).join('; '),
      });
    }
    rows.reverse();
    const key = JSON.stringify([layers.map(({ name }) => name), rows]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.replaceChildren(makeTable(layers, rows));
  }
}

function layerRates({ tx, rx }: Layer, start: number, length: number): string {
  const mean = (values: readonly number[]): number =>
    values.slice(start, start + length).reduce((sum, value) => sum + value, 0) / length;
  return `↑ ${formatRate(mean(tx))} ↓ ${formatRate(mean(rx))}`;
}

function makeTable(layers: readonly Layer[], rows: readonly TableRow[]): HTMLElement {
  const headers = [
    t('Time'),
    t('↑ Sent'),
    t('↓ Received'),
    ...layers.map((layer, index) => `${index + 1} ${layerName(layer)}`),
    t('What happened'),
  ];
  const cell = (text: string, tag: 'td' | 'th' = 'td', scope?: string): HTMLElement =>
    element(tag, { text, ...(scope === undefined ? {} : { attributes: { scope } }) });
  return element('table', {
    children: [
      element('thead', {
        children: [element('tr', { children: headers.map((text) => cell(text, 'th', 'col')) })],
      }),
      element('tbody', {
        children: rows.map(({ fromMillis, toMillis, figures, marks }) =>
          element('tr', {
            children: [
              cell(
                toMillis - fromMillis <= 1_500
                  ? timeOfDay(toMillis)
                  : `${timeOfDay(fromMillis)} – ${timeOfDay(toMillis)}`,
                'th',
                'row',
              ),
              ...figures.map((text) => cell(text)),
              cell(sanitise(marks, 512)),
            ],
          }),
        ),
      }),
    ],
  });
}

/** Bytes of each layer over what is on show, for the legend. */
export function layerTotal({ txBytes, rxBytes }: Layer): string {
  return `↑ ${formatBytes(txBytes)} ↓ ${formatBytes(rxBytes)}`;
}
