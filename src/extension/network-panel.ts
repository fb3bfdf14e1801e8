// The view "Network Usage" in the panel area. What it shows is drawn by src/webview.
//
// Commands: `procnetmon.openPanel`; in the view's context menu those of `panelCopyCommands`.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { parsePanelContext, type ClearRangeMessage, type ContextText } from '../shared/panel-messages';
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

/** Which text of a connection each command of the context menu copies. */
const panelCopyCommands: readonly (readonly [command: string, text: ContextText])[] = [
  [Command.CopyPanelValue, 'value'],
  [Command.CopyPanelConnection, 'row'],
  [Command.CopyPanelAddress, 'address'],
  [Command.CopyPanelFilter, 'filter'],
  [Command.CopyPanelSocketFilter, 'socketFilter'],
  [Command.CopyPanelPacketFilter, 'packetFilter'],
];

/**
 * Registers the view and the commands of its context menu.
 * @param opened called whenever the view is made
 */
export function registerNetworkPanel(
  context: vscode.ExtensionContext,
  source: PanelSource,
  actions: PanelActions,
  focus: TimeFocus,
  opened: () => unknown,
): vscode.Disposable {
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
  return vscode.Disposable.from(
    vscode.commands.registerCommand(Command.OpenPanel, () => panel.open()),
    vscode.commands.registerCommand(Command.ClearRange, () => focus.clear()),
    focus.onDidChange(
      (range) => void vscode.commands.executeCommand('setContext', ContextKey.HasRange, range !== undefined),
    ),
    vscode.window.registerWebviewViewProvider(View.Panel, panel),
    ...panelCopyCommands.map(([command, text]) =>
      vscode.commands.registerCommand(command, async (menu: unknown) => {
        const texts = parsePanelContext(menu);
        if (texts !== undefined) await vscode.env.clipboard.writeText(texts[text]);
      }),
    ),
  );
}

class NetworkPanel implements vscode.WebviewViewProvider {
  readonly #context: vscode.ExtensionContext;
  readonly #source: PanelSource;
  readonly #focus: TimeFocus;
  readonly #services: PanelServices & { opened: () => unknown };
  #view: vscode.WebviewView | undefined;
  /** The user wants to be in the page that is being loaded. */
  #isOpening = false;

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

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    this.#services.opened();
    const conversation = new PanelConversation(view, this.#source, {
      ...this.#services,
      ready: () => {
        // The editor cannot put the focus into a page that is not there yet.
        if (this.#isOpening) view.show(false);
        this.#isOpening = false;
      },
    });
    const clearing = this.#focus.onDidClear(() => {
      const message: ClearRangeMessage = { type: 'clear-range' };
      void view.webview.postMessage(message);
    });
    view.onDidDispose(() => {
      this.#view = undefined;
      clearing.dispose();
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
