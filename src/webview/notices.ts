// What the view says when there are no figures to show, or when they are not all: why, and what to do.
import type { PanelAction, PanelSession } from '../shared/panel-messages';
import { droppedTexts } from '../shared/limit-texts';
import { sanitise } from '../shared/sanitise';
import { element } from './dom';
import { t, texts } from './l10n';

/** Longest message and remedy that are shown in whole, in characters. */
const maximumText = 1_000;

export interface NoticeButton {
  text: string;
  action: PanelAction;
  session?: string;
}

export interface Notice {
  /** `welcome` takes the place of the figures; `banner` stands above them, `remark` too, where nothing failed. */
  kind: 'welcome' | 'banner' | 'remark';
  message: string;
  detail?: string;
  /** Whether something is under way. */
  busy: boolean;
  buttons: NoticeButton[];
}

const monitorButton: NoticeButton = { text: t('Monitor PID…'), action: 'monitorProcess' };

/**
 * What to say.
 * @param shown the sessions on show
 * @param anyFigures whether there is anything of them to draw
 */
export function chooseNotice(shown: readonly PanelSession[], anyFigures: boolean): Notice | undefined {
  if (shown.length === 0) {
    return {
      kind: 'welcome',
      message: t('Nothing is being watched.'),
      detail: t(
        'Start debugging (F5) to see what your program sends and receives, or watch a process that is already running.',
      ),
      busy: false,
      buttons: [{ text: t('Start Debugging'), action: 'startDebugging' }, monitorButton],
    };
  }
  const failed = shown.findLast(({ state }) => state === 'failed');
  if (failed !== undefined) return failureNotice(failed, anyFigures);
  if (anyFigures) return lackingNotice(shown);
  const live = shown.at(-1);
  const label = sanitise(live?.label ?? '');
  if (shown.some(({ state }) => state === 'starting')) {
    return {
      kind: 'welcome',
      message: t('Starting to watch “{0}”…', label),
      detail: t('Watching the network needs root rights. You may be asked for your password.'),
      busy: true,
      buttons: [],
    };
  }
  if (shown.some(({ state }) => state === 'searching')) {
    return {
      kind: 'welcome',
      message: t('Looking for the process of “{0}”…', label),
      detail: t(
        'The debugger has not told its process id yet. If it never does, choose the process yourself.',
      ),
      busy: true,
      buttons: [monitorButton],
    };
  }
  return undefined;
}

function lackingNotice(shown: readonly PanelSession[]): Notice | undefined {
  const lacking = [...new Set(shown.flatMap(({ dropped }) => droppedTexts(dropped, texts)))];
  if (lacking.length === 0) return undefined;
  return {
    kind: 'remark',
    message: t('Not everything is listed.'),
    detail: sanitise(lacking.join(' '), maximumText),
    busy: false,
    buttons: [],
  };
}

function failureNotice(session: PanelSession, anyFigures: boolean): Notice {
  const message = sanitise(session.failure?.message ?? t('The reason is not known.'), maximumText);
  const remedy = session.failure?.remedy;
  return {
    kind: anyFigures ? 'banner' : 'welcome',
    message: anyFigures
      ? t('No longer watching “{0}”: {1}', sanitise(session.label), message)
      : t('Cannot watch “{0}”: {1}', sanitise(session.label), message),
    ...(remedy === undefined ? {} : { detail: sanitise(remedy, maximumText) }),
    busy: false,
    buttons: [
      { text: t('Try Again'), action: 'retry', session: session.id },
      { text: t('Show Log'), action: 'showLog' },
    ],
  };
}

/** Shows one notice at a time, in one place. */
export class NoticeArea {
  readonly element = element('div', { class: 'notice' });
  readonly #act: (button: NoticeButton) => void;
  #shown = '';

  constructor(act: (button: NoticeButton) => void) {
    this.#act = act;
    this.element.hidden = true;
  }

  update(notice: Notice | undefined): void {
    // Made anew only when it says something else: a focused button must not be taken away.
    const key = JSON.stringify(notice ?? null);
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.hidden = notice === undefined;
    this.element.className = `notice ${notice?.kind ?? ''}`;
    this.element.replaceChildren(...(notice === undefined ? [] : this.#content(notice)));
  }

  #content(notice: Notice): HTMLElement[] {
    const parts: HTMLElement[] = [];
    if (notice.busy) parts.push(element('div', { class: 'progress', attributes: { 'aria-hidden': 'true' } }));
    const texts = element('div', { class: 'notice-text' });
    texts.append(element('p', { class: 'notice-message', text: notice.message }));
    if (notice.detail !== undefined) texts.append(element('p', { text: notice.detail }));
    parts.push(texts);
    const buttons = notice.buttons.map((button, index) => {
      const made = element('button', {
        class: index === 0 ? 'button' : 'button secondary',
        text: button.text,
        attributes: { type: 'button' },
      });
      made.addEventListener('click', () => this.#act(button));
      return made;
    });
    if (buttons.length > 0) parts.push(element('div', { class: 'notice-buttons', children: buttons }));
    return parts;
  }
}
