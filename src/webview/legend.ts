// What the chart's colours, numbers and directions mean, with the figures of now or of the chosen range.
import { formatBytes, formatRate } from '../shared/format';
import { layerTotal } from './chart-table';
import { layerName } from './chart-readout';
import type { Layer } from './chart-series';
import { element, setText } from './dom';
import { t } from './l10n';

export interface LegendFigures {
  sentRate: number;
  receivedRate: number;
  sentBytes: number;
  receivedBytes: number;
  /** Whether the bytes are those of a chosen range. */
  inRange: boolean;
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
    this.#sent.update(figures.sentRate, figures.sentBytes, figures.inRange);
    this.#received.update(figures.receivedRate, figures.receivedBytes, figures.inRange);
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
): { element: HTMLElement; update: (rate: number, bytes: number, inRange: boolean) => void } {
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
    update: (bytesPerSecond, bytes, inRange) => {
      setText(rate, formatRate(bytesPerSecond));
      setText(total, inRange ? t('{0} in range', formatBytes(bytes)) : t('{0} total', formatBytes(bytes)));
    },
  };
}
