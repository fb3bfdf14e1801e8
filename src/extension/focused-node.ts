// Which node of a tree view a command is meant for. The editor hands none over from a key, and from a menu only while
// it knows the node: each time the node or what is above it is drawn anew, it does not for a moment.
import * as vscode from 'vscode';

/** How long a node that is drawn anew may stay unknown on a busy machine, in milliseconds. */
const refreshMillis = 2_000;
const lookAgainMillis = 50;

/** The node that the keys are on, which need not be a selected one; it is selected then. To be called for a key. */
export async function focusedNode<T>(view: vscode.TreeView<T>): Promise<T | undefined> {
  // Extensions are told what is selected, not what has the focus.
  await vscode.commands.executeCommand('list.selectAndPreserveFocus');
  for (let waited = 0; view.selection.length === 0 && waited < refreshMillis; waited += lookAgainMillis) {
    await new Promise((resolve) => setTimeout(resolve, lookAgainMillis));
  }
  return view.selection[0];
}

/** A command for the node that a menu was opened on, which has the focus then, or that the keys are on. */
export function registerNodeCommand<T extends object>(
  view: vscode.TreeView<T>,
  command: string,
  action: (node: T) => unknown,
): vscode.Disposable {
  return vscode.commands.registerCommand(command, async (given?: T) => {
    const node = given ?? (await focusedNode(view));
    return node && action(node);
  });
}

/** A command that is a button in the row of the node, too: that is clicked while the focus is elsewhere. */
export function registerRowCommand<T extends object>(
  view: vscode.TreeView<T>,
  command: string,
  action: (node: T) => unknown,
): vscode.Disposable {
  return vscode.commands.registerCommand(command, async (...given: [T?]) => {
    // A key hands over nothing, a button at least that it does not know the node.
    const node = given.length === 0 ? await focusedNode(view) : given[0];
    return node && action(node);
  });
}
