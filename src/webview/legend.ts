// What the chart's colours, numbers and directions mean, with the figures of now or of the chosen range.
import { estimateNotes, marked, markedSent } from '../shared/estimate';
import type { EstimateMarks } from '../shared/flow';
import { formatBytes, formatRate } from '../shared/format';
import { layerTotal } from './chart-table';
import { layerName } from './chart-readout';
import type { Layer } from './chart-series';
import { element, setAttribute, setText } from './dom';
import { t, texts } from './l10n';

export interface LegendFigures {
  sentRate: number;
  receivedRate: number;
  sentBytes: number;
  receivedBytes: number;
  /** Whether the bytes are those of a chosen range. */
  inRange: boolean;
  /** Of the bytes. */
  marks: EstimateMarks;
}

export class Legend {
  readonly element = element('div', { class: 'legend' });
  readonly #sent = makeEntry('sent', '↑', t('Sent'));
  readonly #received = makeEntry('received', '↓', t('Received'));
  readonly #layers = element('ul', { class: 'legend-layers', attributes: { 'aria-label': t('Layers') } });
  #drawn = '';

  constructor() {
    this.element.append(this.#sent.element, this.#received.element);
    this.#layers.hidden = true;
  }

  /** The layers of the chart; it belongs beside the chart, not into the toolbar. */
  get layers(): HTMLElement {
    return this.#layers;
  }

  update(figures: LegendFigures): void {
    const { inRange, marks } = figures;
    this.#sent.update(figures.sentRate, markedSent(formatBytes(figures.sentBytes), marks), inRange);
    this.#received.update(figures.receivedRate, marked(formatBytes(figures.receivedBytes), marks), inRange);
    setAttribute(this.element, 'title', estimateNotes(marks, texts).join('\n') || undefined);
  }

  updateLayers(layers: readonly Layer[], colourOf: (layer: number, name: string) => string): void {
    this.element.classList.toggle('layered', layers.length > 0);
    this.#layers.hidden = layers.length === 0;
    const entries = layers.map((layer, index) => ({
      colour: colourOf(index, layer.name),
      text: `${index + 1} ${layerName(layer)}`,
      total: layerTotal(layer),
    }));
    const drawn = JSON.stringify(entries);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#layers.replaceChildren(
      ...entries.map(({ colour, text, total }) => {
        const mark = element('span', { class: 'legend-mark', attributes: { 'aria-hidden': 'true' } });
        mark.style.background = colour;
        return element('li', {
          class: 'legend-entry',
          attributes: { title: `${text}: ${total}` },
          children: [
            mark,
            element('span', { text }),
            element('span', { class: 'legend-total', text: total }),
          ],
        });
      }),
    );
  }
}

function makeEntry(
  kind: 'sent' | 'received',
  arrow: string,
  name: string,
): { element: HTMLElement; update: (rate: number, amount: string, inRange: boolean) => void } {
  const rate = element('span', { class: 'legend-rate' });
  const total = element('span', { class: 'legend-total' });
  const entry = element('span', {
    class: 'legend-entry',
    children: [
      element('span', { class: `legend-mark ${kind}`, attributes: { 'aria-hidden': 'true' } }),
      element('span', { class: 'legend-name', children: [arrow, element('span', { text: ` ${name}` })] }),
      rate,
      total,
    ],
  });
  return {
    element: entry,
    update: (bytesPerSecond, amount, inRange) => {
      setText(rate, formatRate(bytesPerSecond));
      setText(total, inRange ? t('{0} in range', amount) : t('{0} total', amount));
    },
  };
}
