// Export, comparison and saved sessions: what the editor has to know of them from the beginning. The work itself is in
// a bundle of its own. Commands: `procnetmon.export`, `procnetmon.compareRuns`. Editor: `procnetmon.savedSession`.
import * as vscode from 'vscode';
import { formatCount } from '../../shared/format';
import { Command, CustomEditor } from '../contributions';
import { PanelConversation, type PanelView } from '../panel-conversation';
import { panelPageOf } from '../network-panel';
import type { SessionStore } from '../session-store';
import type { WatchedSession } from '../sessions';
import { texts } from '../texts';
import type { TreeNode } from '../tree-nodes';

export function registerSavedSessions(
  context: vscode.ExtensionContext,
  store: SessionStore,
): vscode.Disposable {
  const { version } = context.extension.packageJSON as { version: string };
  return vscode.Disposable.from(
    vscode.commands.registerCommand(Command.Export, async (node?: TreeNode) =>
      (await import('../load-on-demand')).exportSession(store, node?.session, version),
    ),
    vscode.commands.registerCommand(Command.CompareRuns, async () =>
      (await import('../load-on-demand')).compareSessions(store),
    ),
    vscode.window.registerCustomEditorProvider(CustomEditor.SavedSession, new SavedSessionEditor(context), {
      webviewOptions: { retainContextWhenHidden: false },
      supportsMultipleEditorsPerDocument: true,
    }),
  );
}

class SavedSessionDocument implements vscode.CustomDocument {
  constructor(
    readonly uri: vscode.Uri,
    readonly session: WatchedSession,
  ) {}

  dispose(): void {
    // Nothing is held but memory.
  }
}

/** Shows a saved session as the panel shows a live one, and changes nothing. */
class SavedSessionEditor implements vscode.CustomReadonlyEditorProvider<SavedSessionDocument> {
  readonly #context: vscode.ExtensionContext;

  constructor(context: vscode.ExtensionContext) {
    this.#context = context;
  }

  async openCustomDocument(uri: vscode.Uri): Promise<SavedSessionDocument> {
    const { loadSession, maximumFileBytes } = await import('../load-on-demand');
    const { size } = await vscode.workspace.fs.stat(uri);
    const name = vscode.workspace.asRelativePath(uri);
    if (size > maximumFileBytes) {
      throw new Error(
        vscode.l10n.t(
          '{0} is too large: at most {1} MB are read.',
          name,
          formatCount(maximumFileBytes / 1_048_576),
        ),
      );
    }
    const content = Buffer.from(await vscode.workspace.fs.readFile(uri)).toString('utf8');
    try {
      return new SavedSessionDocument(uri, loadSession(content, 'saved'));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(vscode.l10n.t('{0} cannot be opened: {1}. Export the session again.', name, reason), {
        cause: error,
      });
    }
  }

  resolveCustomEditor({ session }: SavedSessionDocument, panel: vscode.WebviewPanel): void {
    const nothing = (): void => undefined;
    const view: PanelView = {
      get visible() {
        return panel.visible;
      },
      onDidChangeVisibility: (listener: () => unknown) => panel.onDidChangeViewState(() => void listener()),
      webview: panel.webview,
    };
    const source = { sessions: [session], onDidChange: new vscode.EventEmitter<never>().event };
    const conversation = new PanelConversation(view, source, {
      actions: { startDebugging: nothing, monitorProcess: nothing, retry: nothing, showLog: nothing },
      copy: (text) => vscode.env.clipboard.writeText(text),
      remember: nothing,
      queryChanged: nothing,
      texts,
    });
    panel.onDidDispose(() => conversation.dispose());
    panel.webview.html = panelPageOf(panel.webview, this.#context, 'editor');
  }
}
