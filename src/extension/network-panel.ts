// The view "Network Usage" in the panel area, and the conversation with the script in it. What it shows is
// drawn by src/webview.
//
// Commands, in the view's context menu: `CopyPanelValue` and `CopyPanelConnection`.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import {
  parsePanelContext,
  parseWebviewMessage,
  type HostMessage,
  type PanelAction,
  type PanelSelection,
} from '../shared/panel-messages';
import { Command, View } from './contributions';
import { PanelFeed } from './panel-feed';
import { panelPage } from './panel-page';
import type { SessionStore } from './session-store';

/** Messages to the view are at least this far apart, in milliseconds: several sessions sample at once. */
const minimumPauseMillis = 100;

/** What the panel needs of the session store. */
export type PanelSource = Pick<SessionStore, 'sessions' | 'onDidChange'>;

/** What the buttons of the panel do; given by the extension, which owns the commands. */
export type PanelActions = Readonly<Record<PanelAction, (session?: string) => unknown>>;

/** Registers the view and the commands of its context menu. */
export function registerNetworkPanel(
  extensionUri: vscode.Uri,
  source: PanelSource,
  actions: PanelActions,
): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.window.registerWebviewViewProvider(View.Panel, new NetworkPanel(extensionUri, source, actions)),
    vscode.commands.registerCommand(Command.CopyPanelValue, (context: unknown) =>
      copyToClipboard(parsePanelContext(context)?.value),
    ),
    vscode.commands.registerCommand(Command.CopyPanelConnection, (context: unknown) =>
      copyToClipboard(parsePanelContext(context)?.row),
    ),
  );
}

async function copyToClipboard(text: string | undefined): Promise<void> {
  if (text !== undefined) await vscode.env.clipboard.writeText(text);
}

class NetworkPanel implements vscode.WebviewViewProvider {
  readonly #extensionUri: vscode.Uri;
  readonly #source: PanelSource;
  readonly #actions: PanelActions;

  constructor(extensionUri: vscode.Uri, source: PanelSource, actions: PanelActions) {
    this.#extensionUri = extensionUri;
    this.#source = source;
    this.#actions = actions;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const folder = vscode.Uri.joinPath(this.#extensionUri, 'dist', 'webview');
    view.webview.options = { enableScripts: true, localResourceRoots: [folder] };
    const conversation = new PanelConversation(view, this.#source, this.#actions);
    view.onDidDispose(() => conversation.dispose());
    view.webview.html = panelPage({
      script: view.webview.asWebviewUri(vscode.Uri.joinPath(folder, 'panel.js')).toString(),
      style: view.webview.asWebviewUri(vscode.Uri.joinPath(folder, 'panel.css')).toString(),
      styleSource: view.webview.cspSource,
      nonce: randomBytes(18).toString('base64'),
    });
  }
}

/** The conversation with one view, from its making until it is disposed. */
class PanelConversation implements vscode.Disposable {
  readonly #view: vscode.WebviewView;
  readonly #source: PanelSource;
  readonly #actions: PanelActions;
  readonly #feed = new PanelFeed();
  readonly #subscriptions: vscode.Disposable[];
  #selection: PanelSelection = { kind: 'newest' };
  /** Whether a script has asked for data. */
  #ready = false;
  /** Sequence of the message that the view has not acknowledged. */
  #unacknowledged: number | undefined;
  /** Whether something changed since the last message. */
  #changed = false;
  #lastSentAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(view: vscode.WebviewView, source: PanelSource, actions: PanelActions) {
    this.#view = view;
    this.#source = source;
    this.#actions = actions;
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
        this.#selection = message.selection;
        this.#ready = true;
        this.#sendSnapshot();
        break;
      case 'acknowledge':
        if (message.sequence !== this.#unacknowledged) break;
        this.#unacknowledged = undefined;
        if (this.#changed) this.#sendSoon();
        break;
      case 'select':
        this.#selection = message.selection;
        this.#sendSoon();
        break;
      case 'action':
        void this.#actions[message.action](message.session);
        break;
      case undefined:
        break;
    }
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
      this.#send(this.#feed.update(this.#source.sessions, this.#selection));
    }, pause);
  }

  #sendSnapshot(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#send(this.#feed.snapshot(this.#source.sessions, this.#selection));
  }

  #send(message: HostMessage): void {
    this.#changed = false;
    this.#unacknowledged = message.sequence;
    this.#lastSentAt = performance.now();
    void this.#view.webview.postMessage(message);
  }
}
