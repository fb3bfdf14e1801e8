// The line above everything: which session, in which state, how fast, and how the chart shows it.
import { chartStyles, type ChartStyle } from '../shared/panel-preferences';
import type { PanelSelection, PanelSession, PanelSessionState } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import { iconButton, makeChoice, setIcon } from './buttons';
import { element, setAttribute, setText } from './dom';
import { windowChoices } from './editor-api';
import { t } from './l10n';

export interface ToolbarEvents {
  select: (selection: PanelSelection) => void;
  style: (style: ChartStyle) => void;
  /** Id of the session to compare with. */
  compare: (session: string | undefined) => void;
  window: (minutes: number) => void;
  pause: (paused: boolean) => void;
  asTable: (asTable: boolean) => void;
}

const newestValue = 'newest';
const allValue = 'all';
const sessionPrefix = 'session:';

export const stateTexts: Record<PanelSessionState, string> = {
  searching: t('looking for the process'),
  starting: t('starting'),
  watching: t('watching'),
  ended: t('ended'),
  failed: t('failed'),
};

const styleTexts: Record<ChartStyle, string> = {
  mirrored: t('Sent above, received below'),
  overlaid: t('Sent and received overlaid'),
  process: t('By process'),
  host: t('By host'),
  protocol: t('By protocol'),
};

/** Seconds for the smallest, hours for the largest. */
function windowText(minutes: number): string {
  if (minutes < 60) return t('{0} min', minutes);
  return minutes < 1_440 ? t('{0} h', minutes / 60) : t('{0} d', minutes / 1_440);
}

export class Toolbar {
  readonly element: HTMLElement;
  readonly #sessions = element('select', { attributes: { 'aria-label': t('Session') } });
  readonly #state = element('span', { class: 'session-state' });
  readonly #legend: HTMLElement;
  readonly #style: HTMLSelectElement;
  readonly #compare = element('select', {
    attributes: { 'aria-label': t('Compare with another run'), title: t('Compare with another run') },
  });
  readonly #window: HTMLSelectElement;
  readonly #pause: HTMLButtonElement;
  readonly #asTable: HTMLButtonElement;
  #paused = false;
  #isTable = false;
  /** The choices on offer, to leave an open list alone while nothing changed. */
  #offered = '';
  #comparable = '';

  constructor(
    choices: { windowMinutes: number; chartStyle: ChartStyle },
    legend: HTMLElement,
    events: ToolbarEvents,
  ) {
    this.#legend = legend;
    this.#sessions.addEventListener('change', () => events.select(parseChoice(this.#sessions.value)));
    this.#style = makeChoice(
      t('How the chart shows it'),
      chartStyles.map((style) => [style, styleTexts[style]]),
    );
    this.#style.value = choices.chartStyle;
    this.#style.addEventListener('change', () => {
      const style = chartStyles.find((each) => each === this.#style.value);
      if (style !== undefined) events.style(style);
    });
    this.#window = makeChoice(
      t('Time shown in the chart'),
      windowChoices.map((minutes) => [String(minutes), windowText(minutes)]),
    );
    this.#window.value = String(choices.windowMinutes);
    this.#window.addEventListener('change', () => events.window(Number(this.#window.value)));
    this.#compare.addEventListener('change', () => events.compare(this.#compare.value || undefined));
    this.#pause = iconButton('pause', t('Pause the View'), () => {
      this.#paused = !this.#paused;
      setIcon(
        this.#pause,
        this.#paused ? 'resume' : 'pause',
        this.#paused ? t('Resume the View') : t('Pause the View'),
      );
      events.pause(this.#paused);
    });
    this.#asTable = iconButton('table', t('Show the Chart as a Table'), () => {
      this.#isTable = !this.#isTable;
      setIcon(
        this.#asTable,
        this.#isTable ? 'chart' : 'table',
        this.#isTable ? t('Show the Chart') : t('Show the Chart as a Table'),
      );
      events.asTable(this.#isTable);
    });
    this.element = element('div', {
      class: 'toolbar',
      children: [
        this.#sessions,
        this.#state,
        this.#legend,
        element('span', { class: 'spring' }),
        this.#style,
        this.#compare,
        this.#window,
        this.#pause,
        this.#asTable,
      ],
    });
  }

  /** Another length of time is on show than any on offer, or one of them. */
  showWindow(minutes: number | undefined): void {
    this.#window.value = minutes === undefined ? '' : String(minutes);
  }

  /** `anyFigures`: whether there is anything to show. */
  update(
    sessions: readonly PanelSession[],
    shown: readonly PanelSession[],
    selection: PanelSelection,
    anyFigures: boolean,
  ): void {
    this.element.hidden = sessions.length === 0;
    for (const part of [this.#legend, this.#style, this.#window, this.#pause, this.#asTable]) {
      part.hidden = !anyFigures;
    }
    this.#offerSessions(sessions, selection);
    this.#offerComparison(sessions, shown, anyFigures);
    const [only] = shown;
    const state = shown.length === 1 && only !== undefined ? only.state : undefined;
    setText(this.#state, this.#paused ? t('paused') : state === undefined ? '' : stateTexts[state]);
    setAttribute(this.#state, 'data-state', this.#paused ? 'paused' : state);
  }

  #offerComparison(
    sessions: readonly PanelSession[],
    shown: readonly PanelSession[],
    anyFigures: boolean,
  ): void {
    const others = sessions.filter((session) => session !== shown[0]);
    this.#compare.hidden = !anyFigures || shown.length !== 1 || others.length === 0;
    const options: [value: string, text: string][] = [
      ['', t('No comparison')],
      ...others.map((session): [string, string] => [
        session.id,
        t('Compared with {0}', sessionText(session, sessions)),
      ]),
    ];
    const offered = JSON.stringify(options);
    if (offered === this.#comparable) return;
    this.#comparable = offered;
    const chosen = this.#compare.value;
    this.#compare.replaceChildren(
      ...options.map(([value, text]) => element('option', { text, attributes: { value } })),
    );
    this.#compare.value = options.some(([value]) => value === chosen) ? chosen : '';
  }

  #offerSessions(sessions: readonly PanelSession[], selection: PanelSelection): void {
    const newest =
      sessions.findLast(({ state }) => state !== 'ended' && state !== 'failed') ?? sessions.at(-1);
    const newestText = newest === undefined ? '' : sessionText(newest, sessions);
    const options: [value: string, text: string][] =
      sessions.length === 1
        ? [[newestValue, newestText]]
        : [
            [newestValue, t('Newest: {0}', newestText)],
            [allValue, t('All sessions')],
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
