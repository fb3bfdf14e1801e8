// The view "Network Usage" in the panel area. What it shows is drawn by src/webview.
//
// Commands: `procnetmon.openPanel`, `procnetmon.clearRange`.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { PanelMessage, ShowMessage } from '../shared/panel-messages';
import { parsePreferences } from '../shared/panel-preferences';
import { Command, ContextKey, focusPanelCommand, View } from './contributions';
import {
  PanelConversation,
  type PanelActions,
  type PanelServices,
  type PanelSource,
} from './panel-conversation';
import { panelPage } from './panel-page';
import { language, texts } from './texts';
import type { TimeFocus } from './time-focus';

/** Key in the memory of all windows. */
const preferencesKey = 'panelPreferences';

/**
 * Registers the view and its commands.
 * @param opened called whenever the view is made
 */
export function registerNetworkPanel(
  context: vscode.ExtensionContext,
  source: PanelSource,
  actions: PanelActions,
  focus: TimeFocus,
  opened: () => unknown,
): { panel: NetworkPanel; registration: vscode.Disposable } {
  const memory = context.globalState;
  // Columns, chart and saved filters go along to the user's other machines.
  memory.setKeysForSync([preferencesKey]);
  const panel = new NetworkPanel(context, source, focus, {
    opened,
    actions,
    copy: (text) => vscode.env.clipboard.writeText(text),
    remember: (preferences) => memory.update(preferencesKey, preferences),
    queryChanged: ({ range }) => focus.set(range),
    texts,
  });
  const registration = vscode.Disposable.from(
    vscode.commands.registerCommand(Command.OpenPanel, () => panel.open()),
    vscode.commands.registerCommand(Command.ClearRange, () => focus.clear()),
    focus.onDidChange(
      (range) => void vscode.commands.executeCommand('setContext', ContextKey.HasRange, range !== undefined),
    ),
    vscode.window.registerWebviewViewProvider(View.Panel, panel),
  );
  return { panel, registration };
}

export class NetworkPanel implements vscode.WebviewViewProvider {
  readonly #context: vscode.ExtensionContext;
  readonly #source: PanelSource;
  readonly #focus: TimeFocus;
  readonly #services: PanelServices & { opened: () => unknown };
  #view: vscode.WebviewView | undefined;
  /** The user wants to be in the page that is being loaded. */
  #isOpening = false;
  /** The page is there and reads messages. */
  #isReady = false;
  /** What a page that is not there yet is to show. */
  #wanted: ShowMessage | undefined;

  constructor(
    context: vscode.ExtensionContext,
    source: PanelSource,
    focus: TimeFocus,
    services: PanelServices & { opened: () => unknown },
  ) {
    this.#context = context;
    this.#focus = focus;
    this.#source = source;
    this.#services = services;
  }

  /** Shows the view and puts the focus into it. */
  async open(): Promise<void> {
    this.#isOpening = this.#view?.visible !== true;
    await vscode.commands.executeCommand(focusPanelCommand);
  }

  /** Opens the view on something. */
  async show(message: ShowMessage): Promise<void> {
    this.#wanted = message;
    if (this.#isReady) this.#showWanted();
    await this.open();
  }

  #showWanted(): void {
    if (this.#wanted !== undefined) this.#tell(this.#wanted);
    this.#wanted = undefined;
  }

  #tell(message: PanelMessage): void {
    void this.#view?.webview.postMessage(message);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    this.#services.opened();
    const conversation = new PanelConversation(view, this.#source, {
      ...this.#services,
      ready: () => {
        // The editor cannot put the focus into a page that is not there yet.
        if (this.#isOpening) view.show(false);
        this.#isOpening = false;
        this.#isReady = true;
        this.#showWanted();
      },
    });
    const subscriptions = [
      this.#focus.onDidClear(() => this.#tell({ type: 'clear-range' })),
      // The page of a hidden view is thrown away.
      view.onDidChangeVisibility(() => {
        if (!view.visible) this.#isReady = false;
      }),
    ];
    view.onDidDispose(() => {
      this.#view = undefined;
      this.#isReady = false;
      for (const subscription of subscriptions) subscription.dispose();
      conversation.dispose();
    });
    view.webview.html = panelPageOf(view.webview, this.#context, 'panel');
  }
}

/** The page for a view or an editor, which may read from nowhere but the folder of the built webview. */
export function panelPageOf(
  webview: vscode.Webview,
  { extensionUri, globalState }: vscode.ExtensionContext,
  place: 'panel' | 'editor',
): string {
  const folder = vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [folder] };
  return panelPage({
    script: webview.asWebviewUri(vscode.Uri.joinPath(folder, 'panel.js')).toString(),
    style: webview.asWebviewUri(vscode.Uri.joinPath(folder, 'panel.css')).toString(),
    styleSource: webview.cspSource,
    nonce: randomBytes(18).toString('base64'),
    language,
    title: vscode.l10n.t('Network Usage'),
    translations: vscode.l10n.bundle ?? {},
    preferences: parsePreferences(globalState.get(preferencesKey)),
    place,
  });
}
