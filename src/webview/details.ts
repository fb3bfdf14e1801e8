// Everything about one connection, beside the table: its figures, its own small chart, what happened to it.
import { addressText, ownFilter, packetFilter, socketFilter } from '../shared/copy-texts';
import { estimateNotes } from '../shared/estimate';
import { formatBytes, formatRate } from '../shared/format';
import type { PanelFlowEvent, PanelInspection } from '../shared/panel-messages';
import { reasonText } from '../shared/reason-text';
import { sanitise } from '../shared/sanitise';
import { iconButton, textButton } from './buttons';
import { timeOfDay } from './chart-paint';
import { columns } from './columns';
import type { Connection } from './connections';
import { element, setText } from './dom';
import { t, texts } from './l10n';
import { smallChart } from './small-chart';

export interface DetailsEvents {
  close: () => void;
  copy: (text: string) => void;
  filter: (text: string) => void;
}

export class ConnectionDetails {
  readonly element: HTMLElement;
  readonly #title = element('h2', { class: 'details-title' });
  readonly #content = element('div', { class: 'details-content' });
  readonly #list = element('dl', { class: 'details-list' });
  readonly #notes = element('p', { class: 'details-notes' });
  readonly #chart = element('div', { class: 'details-chart' });
  readonly #events = element('ul', { class: 'details-events' });
  readonly #saidHeading = element('h3', { text: t('Requests and handshakes') });
  readonly #said = element('ul', { class: 'details-events' });
  #connection: Connection | undefined;
  #drawn = '';

  constructor(events: DetailsEvents) {
    const ends = (text: (flow: Connection['flow']) => string) => () => {
      if (this.#connection !== undefined) events.copy(text(this.#connection.flow));
    };
    const actions = element('div', {
      class: 'details-actions',
      children: [
        textButton(t('Show Only Its Like'), () => {
          if (this.#connection !== undefined) events.filter(ownFilter(this.#connection.flow));
        }),
        textButton(t('Copy Address'), ends(addressText)),
        textButton(t('Copy as Filter'), ends(ownFilter)),
        textButton(t('Copy as ss Command'), ends(socketFilter)),
        textButton(t('Copy as tcpdump Filter'), ends(packetFilter)),
      ],
    });
    this.#content.append(
      this.#list,
      this.#notes,
      element('h3', { text: t('Over time') }),
      this.#chart,
      this.#saidHeading,
      this.#said,
      element('h3', { text: t('Events') }),
      this.#events,
      actions,
    );
    this.element = element('aside', {
      class: 'details',
      attributes: { 'aria-label': t('Details of the connection') },
      children: [
        element('div', {
          class: 'details-header',
          children: [this.#title, iconButton('close', t('Close Details'), () => events.close())],
        }),
        this.#content,
      ],
    });
    this.#content.tabIndex = 0;
    this.#content.setAttribute('role', 'group');
    this.#content.setAttribute('aria-label', t('Details of the connection'));
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') events.close();
    });
    this.element.hidden = true;
  }

  /** Shows a connection, or nothing. `nowMillis`: Unix time of the host. */
  show(connection: Connection | undefined, inspection: PanelInspection | undefined, nowMillis: number): void {
    this.#connection = connection;
    this.element.hidden = connection === undefined;
    if (connection === undefined) return;
    setText(this.#title, connection.remoteText);
    const entries = columns.map(({ name, text, tooltip, numeric, id }): [string, string] => {
      const value = text(connection, nowMillis);
      // What there is to say of estimates stands once, below.
      const more = numeric || id === 'remote' ? tooltip?.(connection).split('\n')[0] : undefined;
      if (more === undefined || more === '') return [name, value];
      return [name, more.startsWith(value) ? more : `${value} (${more})`];
    });
    this.#drawList(entries.filter(([, value]) => value !== ''));
    const notes = estimateNotes(connection.flow, texts);
    this.#notes.hidden = notes.length === 0;
    setText(this.#notes, notes.join('\n'));
    const known = inspection?.flow === connection.flow.id ? inspection : undefined;
    const drawn = JSON.stringify([connection.key, known]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#drawChart(known);
    const said = known?.said ?? [];
    this.#saidHeading.hidden = said.length === 0;
    this.#said.replaceChildren(...said.map((line) => element('li', { text: sanitise(line, 512) })));
    this.#drawEvents(known?.events ?? []);
  }

  #drawList(entries: readonly (readonly [string, string])[]): void {
    const names = [...this.#list.querySelectorAll('dt')];
    if (names.map(({ textContent }) => textContent).join('\n') !== entries.map(([name]) => name).join('\n')) {
      this.#list.replaceChildren(
        ...entries.flatMap(([name]) => [element('dt', { text: name }), element('dd')]),
      );
    }
    for (const [index, value] of [...this.#list.querySelectorAll('dd')].entries()) {
      setText(value, entries[index]?.[1] ?? '');
    }
  }

  #drawChart(inspection: PanelInspection | undefined): void {
    const series = inspection?.series ?? [];
    if (series.length === 0) {
      this.#chart.replaceChildren(element('p', { text: t('Nothing was transferred since it is watched.') }));
      return;
    }
    const rates = series.map(({ timeMillis, spanMillis, tx, rx }) => {
      const seconds = Math.max(1, spanMillis) / 1000;
      return { timeMillis, spanMillis, tx: tx / seconds, rx: rx / seconds };
    });
    const sum = (direction: 'tx' | 'rx'): number =>
      series.reduce((total, each) => total + each[direction], 0);
    const peak = (direction: 'tx' | 'rx'): number => Math.max(...rates.map((each) => each[direction]));
    const first = series[0];
    const last = series.at(-1);
    const text = t(
      'From {0} to {1}: {2} sent, at most {3}; {4} received, at most {5}.',
      timeOfDay((first?.timeMillis ?? 0) - (first?.spanMillis ?? 0)),
      timeOfDay(last?.timeMillis ?? 0),
      formatBytes(sum('tx')),
      formatRate(peak('tx')),
      formatBytes(sum('rx')),
      formatRate(peak('rx')),
    );
    this.#chart.replaceChildren(smallChart(rates), element('p', { text }));
  }

  #drawEvents(events: readonly PanelFlowEvent[]): void {
    const items = events.map(({ timeMillis, kind, detail }) =>
      element('li', {
        children: [
          element('span', { class: 'details-time', text: timeOfDay(timeMillis) }),
          ` ${eventText(kind)}${detail === '' ? '' : ` (${detailText(detail)})`}`,
        ],
      }),
    );
    this.#events.replaceChildren(
      ...(items.length > 0 ? items : [element('li', { text: t('None since it is watched.') })]),
    );
  }
}

function eventText(kind: PanelFlowEvent['kind']): string {
  switch (kind) {
    case 'opened':
      return t('opened');
    case 'established':
      return t('established');
    case 'closed':
      return t('closed');
    case 'failed':
      return t('failed');
    case 'listening':
      return t('listening');
    default:
      return kind;
  }
}

function detailText(detail: string): string {
  if (detail === 'outgoing') return t('outgoing');
  if (detail === 'incoming') return t('incoming');
  return reasonText(detail, texts);
}
