// The cost of the last stop, at the end of the line where the program stands. Setting: `procnetmon.showStopCost`.
import * as vscode from 'vscode';
import { stopCostSetting } from '../settings';
import type { DebuggerStop, DebuggerStops } from './debugger-stops';
import { costText, costTooltip } from './stop-texts';

export class StopDecoration implements vscode.Disposable {
  readonly #type = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 3em' },
    isWholeLine: true,
  });
  readonly #subscriptions: vscode.Disposable[];
  #shown: DebuggerStop | undefined;

  constructor(stops: DebuggerStops) {
    this.#subscriptions = [
      stops.onDidChange(({ kind, stop }) => {
        this.#shown = kind === 'stopped' ? stop : undefined;
        this.#draw();
      }),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#draw()),
      vscode.workspace.onDidChangeConfiguration(() => this.#draw()),
    ];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#type.dispose();
  }

  #draw(): void {
    const stop = stopCostSetting() ? this.#shown : undefined;
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.#type, stop === undefined ? [] : decorationsFor(editor, stop));
    }
  }
}

function decorationsFor({ document }: vscode.TextEditor, stop: DebuggerStop): vscode.DecorationOptions[] {
  if (stop.place === undefined) return [];
  const { path, line } = stop.place;
  return document.uri.fsPath === path && line <= document.lineCount ? [decorate(document, stop, line)] : [];
}

function decorate(document: vscode.TextDocument, stop: DebuggerStop, line: number): vscode.DecorationOptions {
  const { range } = document.lineAt(line - 1);
  // Plain text: names of hosts are other people's bytes.
  const hoverMessage = new vscode.MarkdownString();
  hoverMessage.appendText(costTooltip(stop));
  return { range, hoverMessage, renderOptions: { after: { contentText: costText(stop) } } };
}
