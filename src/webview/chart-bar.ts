// The line below the toolbar that says when the chart does not show all there is: a chosen range, a held stretch.
import { formatBytes, formatDuration } from '../shared/format';
import type { TimeRange } from '../shared/traffic-history';
import { textButton } from './buttons';
import { timeOfDay } from './chart-paint';
import { element, setText } from './dom';
import { t } from './l10n';

export interface ChartBarState {
  range: (TimeRange & { txBytes: number; rxBytes: number; forgottenBytes: number }) | undefined;
  /** End of the stretch on show, in Unix milliseconds; `undefined` while it follows the newest. */
  heldAtMillis: number | undefined;
}

export class ChartBar {
  readonly element: HTMLElement;
  readonly #range = element('span', { class: 'chart-bar-part' });
  readonly #rangeText = element('span');
  readonly #held = element('span', { class: 'chart-bar-part' });
  readonly #heldText = element('span');

  constructor(clearRange: () => void, live: () => void) {
    this.#range.append(this.#rangeText, textButton(t('Clear Range'), clearRange, 'link-button'));
    this.#held.append(this.#heldText, textButton(t('Follow Newest'), live, 'link-button'));
    this.element = element('div', {
      class: 'chart-bar',
      attributes: { role: 'status' },
      children: [this.#range, this.#held],
    });
    this.element.hidden = true;
  }

  update({ range, heldAtMillis }: ChartBarState): void {
    this.#range.hidden = range === undefined;
    this.#held.hidden = heldAtMillis === undefined;
    this.element.hidden = range === undefined && heldAtMillis === undefined;
    if (range !== undefined) {
      const { fromMillis, toMillis, txBytes, rxBytes, forgottenBytes } = range;
      const parts = [
        t(
          '{0} to {1} ({2}): {3} sent, {4} received',
          timeOfDay(fromMillis),
          timeOfDay(toMillis),
          formatDuration(toMillis - fromMillis),
          formatBytes(txBytes),
          formatBytes(rxBytes),
        ),
      ];
      if (forgottenBytes > 0) {
        parts.push(t('{0} of it by connections that are no longer listed', formatBytes(forgottenBytes)));
      }
      setText(this.#rangeText, parts.join('; '));
    }
    if (heldAtMillis !== undefined) setText(this.#heldText, t('Held at {0}', timeOfDay(heldAtMillis)));
  }
}
