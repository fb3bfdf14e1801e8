// Which node of a tree view a keybinding means. The editor hands a node over from a menu, not from a key.
import * as vscode from 'vscode';

/** The node that the keys are on, which need not be a selected one; it is selected then. To be called for a key. */
export async function focusedNode<T>(view: vscode.TreeView<T>): Promise<T | undefined> {
  // Extensions are told what is selected, not what has the focus.
  await vscode.commands.executeCommand('list.selectAndPreserveFocus');
  return view.selection[0];
}
