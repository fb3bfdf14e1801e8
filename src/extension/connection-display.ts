// Which connections the tree shows and what they are put together by: by host, by protocol, or by words.
// Commands: `procnetmon.groupConnections`, `procnetmon.filterConnections`, `procnetmon.showAllConnections`.
import * as vscode from 'vscode';
import type { FlowGrouping } from '../shared/flow-filter';
import { Command, ContextKey } from './contributions';
import type { NetworkTree } from './network-tree';
import type { TreeNode } from './tree-nodes';

/** Registers the commands. */
export function registerConnectionDisplay(
  tree: NetworkTree,
  view: vscode.TreeView<TreeNode>,
): vscode.Disposable[] {
  const filter = (words: string): void => {
    tree.setDisplay({ ...tree.display, words });
    view.description = words;
    void vscode.commands.executeCommand('setContext', ContextKey.IsFiltered, words !== '');
  };
  return [
    vscode.commands.registerCommand(Command.GroupConnections, () => chooseGrouping(tree)),
    vscode.commands.registerCommand(Command.FilterConnections, async () => {
      const words = await vscode.window.showInputBox({
        title: vscode.l10n.t('Filter Connections'),
        prompt: vscode.l10n.t('Words that stand in the host, the address, the protocol or the state'),
        placeHolder: vscode.l10n.t('such as example.org, h2, postgresql or established'),
        value: tree.display.words,
      });
      if (words !== undefined) {
        filter(words.trim());
      }
    }),
    vscode.commands.registerCommand(Command.ShowAllConnections, () => filter('')),
  ];
}

async function chooseGrouping(tree: NetworkTree): Promise<void> {
  const current = tree.display.grouping;
  const choices: { label: string; grouping: FlowGrouping | undefined }[] = [
    { label: vscode.l10n.t('No Grouping'), grouping: undefined },
    { label: vscode.l10n.t('By Host'), grouping: 'host' },
    { label: vscode.l10n.t('By Protocol'), grouping: 'protocol' },
  ];
  const chosen = await vscode.window.showQuickPick(
    choices.map((choice) => ({ ...choice, picked: choice.grouping === current })),
    { title: vscode.l10n.t('Group Connections') },
  );
  if (chosen !== undefined) {
    tree.setDisplay({ ...tree.display, grouping: chosen.grouping });
  }
}
