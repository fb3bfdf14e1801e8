// The conversation between the host and one view of the panel: who says what, and when. A view that is slow
// gets fewer and larger messages, a hidden one none.
import type * as vscode from 'vscode';
import {
  parseWebviewMessage,
  type PanelAction,
  type PanelData,
  type PanelQuery,
} from '../shared/panel-messages';
import type { PanelPreferences } from '../shared/panel-preferences';
import type { Texts } from '../shared/texts';
import { PanelFeed } from './panel-feed';
import type { SessionStore } from './session-store';

/** Messages to the view are at least this far apart, in milliseconds: several sessions sample at once. */
export const minimumPauseMillis = 100;

/** What the panel needs of the session store. */
export type PanelSource = Pick<SessionStore, 'sessions' | 'onDidChange'>;

/** What the buttons of the panel do; given by the extension, which owns the commands. */
export type PanelActions = Readonly<Record<PanelAction, (session?: string) => unknown>>;

/** What the panel has done for it, and tells. */
export interface PanelServices {
  actions: PanelActions;
  copy: (text: string) => unknown;
  remember: (preferences: PanelPreferences) => unknown;
  /** Absent: English. */
  texts?: Texts;
  /** A page asks for its first data. */
  ready?: () => unknown;
  /** The view asks about something else, such as another range. */
  queryChanged: (query: PanelQuery) => unknown;
}

/** What the conversation needs of a view. */
export type PanelView = Pick<vscode.WebviewView, 'visible' | 'onDidChangeVisibility'> & {
  readonly webview: Pick<vscode.Webview, 'onDidReceiveMessage' | 'postMessage'>;
};

/** The conversation with one view, from its making until it is disposed. */
export class PanelConversation implements vscode.Disposable {
  readonly #view: PanelView;
  readonly #source: PanelSource;
  readonly #services: PanelServices;
  readonly #feed: PanelFeed;
  readonly #subscriptions: vscode.Disposable[];
  #query: PanelQuery = { selection: { kind: 'newest' }, grouping: 'direction' };
  /** Whether a script has asked for data. */
  #ready = false;
  /** Sequence of the message that the view has not acknowledged. */
  #unacknowledged: number | undefined;
  /** Whether something changed since the last message. */
  #changed = false;
  #lastSentAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(view: PanelView, source: PanelSource, services: PanelServices) {
    this.#view = view;
    this.#source = source;
    this.#services = services;
    this.#feed = new PanelFeed(services.texts);
    this.#subscriptions = [
      view.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)),
      view.onDidChangeVisibility(() => this.#visibilityChanged()),
      source.onDidChange(() => this.#sendSoon()),
    ];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #receive(received: unknown): void {
    const message = parseWebviewMessage(received);
    switch (message?.type) {
      case 'ready':
        this.#ask(message.query);
        this.#ready = true;
        this.#sendSnapshot();
        this.#services.ready?.();
        break;
      case 'acknowledge':
        if (message.sequence !== this.#unacknowledged) break;
        this.#unacknowledged = undefined;
        if (this.#changed) this.#sendSoon();
        break;
      case 'query':
        this.#ask(message.query);
        this.#sendSoon();
        break;
      case 'action':
        void this.#services.actions[message.action](message.session);
        break;
      case 'copy':
        this.#services.copy(message.text);
        break;
      case 'preferences':
        this.#services.remember(message.preferences);
        break;
      case undefined:
        break;
    }
  }

  #ask(query: PanelQuery): void {
    this.#query = query;
    this.#services.queryChanged(query);
  }

  #visibilityChanged(): void {
    if (!this.#view.visible) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (this.#ready) {
      // A page that outlived being hidden has missed updates. One that is loaded anew asks by itself.
      this.#sendSnapshot();
    }
  }

  #sendSoon(): void {
    this.#changed = true;
    if (!this.#ready || !this.#view.visible) return;
    if (this.#unacknowledged !== undefined || this.#timer !== undefined) return;
    const pause = Math.max(0, this.#lastSentAt + minimumPauseMillis - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send(this.#feed.update(this.#source.sessions, this.#query));
    }, pause);
  }

  #sendSnapshot(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#send(this.#feed.snapshot(this.#source.sessions, this.#query));
  }

  #send(message: PanelData): void {
    this.#changed = false;
    this.#unacknowledged = message.sequence;
    this.#lastSentAt = performance.now();
    void this.#view.webview.postMessage(message);
  }
}
