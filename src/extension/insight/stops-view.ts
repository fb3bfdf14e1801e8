// The view "Network per Stop": what each stop of the debugger cost, the newest first.
// View: `procnetmon.stops`. Commands: `procnetmon.clearStops`, `procnetmon.showStopInPanel`.
import * as vscode from 'vscode';
import { Command, ContextKey, TreeItemContext, View } from '../contributions';
import { placeText, type DebuggerStop, type DebuggerStops } from './debugger-stops';
import { costText, costTooltip, isQuiet } from './stop-texts';

export function registerStopsView(
  stops: DebuggerStops,
  showInPanel: (stop: DebuggerStop) => unknown,
): vscode.Disposable {
  const view = new StopsView(stops);
  return vscode.Disposable.from(
    view,
    vscode.window.registerTreeDataProvider(View.Stops, view),
    stops.onDidChange(
      () => void vscode.commands.executeCommand('setContext', ContextKey.HasStops, stops.stops.length > 0),
    ),
    vscode.commands.registerCommand(Command.ClearStops, () => stops.clear()),
    vscode.commands.registerCommand(
      Command.ShowStopInPanel,
      (stop?: DebuggerStop) => stop && showInPanel(stop),
    ),
  );
}

class StopsView implements vscode.TreeDataProvider<DebuggerStop>, vscode.Disposable {
  readonly #stops: DebuggerStops;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #subscription: vscode.Disposable;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(stops: DebuggerStops) {
    this.#stops = stops;
    this.#subscription = stops.onDidChange(({ kind }) => {
      if (kind !== 'continued') this.#changed.fire(undefined);
    });
  }

  getChildren(stop?: DebuggerStop): DebuggerStop[] {
    return stop === undefined ? [...this.#stops.stops].reverse() : [];
  }

  getTreeItem(stop: DebuggerStop): vscode.TreeItem {
    const place = placeText(stop.place);
    const time = new Date(stop.timeMillis).toLocaleTimeString('en-GB');
    const item = new vscode.TreeItem(place === '' ? time : place);
    item.id = String(stop.id);
    item.description = costText(stop);
    item.tooltip = costTooltip(stop);
    item.contextValue = TreeItemContext.Stop;
    item.iconPath = new vscode.ThemeIcon(
      stop.isStep ? 'debug-step-over' : 'debug-pause',
      isQuiet(stop) ? new vscode.ThemeColor('disabledForeground') : undefined,
    );
    item.accessibilityInformation = { label: `${time}, ${place}, ${stop.reason}, ${costText(stop)}` };
    if (stop.place !== undefined) {
      const { path, line } = stop.place;
      const start = new vscode.Position(line - 1, 0);
      item.command = {
        command: 'vscode.open',
        title: vscode.l10n.t('Go to Line'),
        arguments: [vscode.Uri.file(path), { selection: new vscode.Range(start, start) }],
      };
    }
    return item;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }
}
