// The line above chart and table: which session, in which state, how fast, which filter.
import { formatBytes, formatRate } from '../shared/format';
import type { PanelSelection, PanelSession, PanelSessionState } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import { element, setAttribute, setText } from './dom';
import { windowChoices, type ViewChoices } from './editor-api';

export interface ToolbarEvents {
  select: (selection: PanelSelection) => void;
  filter: (text: string) => void;
  window: (minutes: number) => void;
}

const newestValue = 'newest';
const allValue = 'all';
const sessionPrefix = 'session:';

const stateTexts: Record<PanelSessionState, string> = {
  searching: 'looking for the process',
  starting: 'starting',
  watching: 'watching',
  ended: 'ended',
  failed: 'failed',
};

export class Toolbar {
  readonly element: HTMLElement;
  readonly #sessions = element('select', { attributes: { 'aria-label': 'Session' } });
  readonly #filter = element('input', {
    class: 'filter',
    attributes: {
      type: 'search',
      placeholder: 'Filter',
      'aria-label': 'Filter connections',
      title: 'Words in any order, such as: tcp 443 established',
      spellcheck: 'false',
    },
  });
  readonly #state = element('span', { class: 'session-state' });
  /** What the chart's colours and directions mean, with the rates of now. */
  readonly #legend = element('div', { class: 'legend' });
  readonly #windowChoice: HTMLElement;
  readonly #sent = makeLegend('sent', '↑', 'Sent');
  readonly #received = makeLegend('received', '↓', 'Received');
  /** The choices on offer, to leave an open list alone while nothing changed. */
  #offered = '';

  constructor(choices: ViewChoices, events: ToolbarEvents) {
    this.#sessions.addEventListener('change', () => events.select(parseChoice(this.#sessions.value)));
    this.#windowChoice = makeWindowChoice(choices.windowMinutes, events.window);
    this.#filter.value = choices.filter;
    this.#filter.addEventListener('input', () => events.filter(this.#filter.value));
    this.#legend.append(this.#sent.element, this.#received.element);
    this.element = element('div', {
      class: 'toolbar',
      children: [
        this.#sessions,
        this.#state,
        this.#legend,
        element('span', { class: 'spring' }),
        this.#windowChoice,
        this.#filter,
      ],
    });
  }

  /** `anyFigures`: whether there is anything to filter. */
  update(
    sessions: readonly PanelSession[],
    shown: readonly PanelSession[],
    selection: PanelSelection,
    anyFigures: boolean,
  ): void {
    this.element.hidden = sessions.length === 0;
    for (const part of [this.#legend, this.#windowChoice, this.#filter]) part.hidden = !anyFigures;
    this.#offerSessions(sessions, selection);
    const [only] = shown;
    const state = shown.length === 1 && only !== undefined ? only.state : undefined;
    setText(this.#state, state === undefined ? '' : stateTexts[state]);
    setAttribute(this.#state, 'data-state', state);
    const sum = (figure: (session: PanelSession) => number): number =>
      shown.reduce((total, session) => total + figure(session), 0);
    this.#sent.update(
      sum(({ total }) => total.rates.wire.tx),
      sum(({ total }) => total.wire.txBytes),
    );
    this.#received.update(
      sum(({ total }) => total.rates.wire.rx),
      sum(({ total }) => total.wire.rxBytes),
    );
  }

  #offerSessions(sessions: readonly PanelSession[], selection: PanelSelection): void {
    const newest =
      sessions.findLast(({ state }) => state !== 'ended' && state !== 'failed') ?? sessions.at(-1);
    const newestText = newest === undefined ? '' : sessionText(newest, sessions);
    const options: [value: string, text: string][] =
      sessions.length === 1
        ? [[newestValue, newestText]]
        : [
            [newestValue, `Newest: ${newestText}`],
            [allValue, 'All sessions'],
            ...sessions.map((session): [string, string] => [
              sessionPrefix + session.id,
              sessionText(session, sessions),
            ]),
          ];
    const offered = JSON.stringify(options);
    if (offered !== this.#offered) {
      this.#offered = offered;
      this.#sessions.replaceChildren(
        ...options.map(([value, text]) => element('option', { text, attributes: { value } })),
      );
    }
    const chosen = choiceValue(selection);
    this.#sessions.value = options.some(([value]) => value === chosen) ? chosen : newestValue;
  }
}

function choiceValue(selection: PanelSelection): string {
  return selection.kind === 'session' ? sessionPrefix + selection.id : selection.kind;
}

function parseChoice(value: string): PanelSelection {
  if (value.startsWith(sessionPrefix)) return { kind: 'session', id: value.slice(sessionPrefix.length) };
  return { kind: value === allValue ? 'all' : 'newest' };
}

/** The label; with the time of its start where several have the same. */
function sessionText(session: PanelSession, sessions: readonly PanelSession[]): string {
  const label = sanitise(session.label);
  const twin = sessions.some((other) => other !== session && other.label === session.label);
  return twin ? `${label} (${new Date(session.startedMillis).toLocaleTimeString('en-GB')})` : label;
}

function makeLegend(
  kind: 'sent' | 'received',
  arrow: string,
  name: string,
): { element: HTMLElement; update: (rate: number, total: number) => void } {
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
    update: (bytesPerSecond, bytes) => {
      setText(rate, formatRate(bytesPerSecond));
      setText(total, `${formatBytes(bytes)} total`);
    },
  };
}

function makeWindowChoice(minutes: number, chosen: (minutes: number) => void): HTMLElement {
  const choice = element('select', {
    class: 'window-choice',
    attributes: { 'aria-label': 'Time shown in the chart' },
  });
  for (const each of windowChoices) {
    choice.append(
      element('option', { text: each === 60 ? '1 h' : `${each} min`, attributes: { value: `${each}` } }),
    );
  }
  choice.value = `${minutes}`;
  choice.addEventListener('change', () => chosen(Number(choice.value)));
  return choice;
}
