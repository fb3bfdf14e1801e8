// The view "Network Usage" in the panel area. What it shows is drawn by src/webview.
//
// Commands, in the view's context menu: `CopyPanelValue` and `CopyPanelConnection`.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { parsePanelContext } from '../shared/panel-messages';
import { Command, View } from './contributions';
import { PanelConversation, type PanelActions, type PanelSource } from './panel-conversation';
import { panelPage } from './panel-page';

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
