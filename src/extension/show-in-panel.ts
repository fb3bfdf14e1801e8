// From a row of the side bar to the same thing in the panel. Command: `procnetmon.showInPanel`.
import * as vscode from 'vscode';
import type { ShowMessage } from '../shared/panel-messages';
import { connectionTexts } from './connection-texts';
import { Command } from './contributions';
import type { DebuggerStop } from './insight/debugger-stops';
import { isTreeNode, type TreeNode } from './tree-nodes';

/** @param show has the panel show it */
export function registerShowInPanel(show: (message: ShowMessage) => unknown): vscode.Disposable {
  return vscode.commands.registerCommand(
    Command.ShowInPanel,
    (target?: TreeNode | DebuggerStop) =>
      target && show(isTreeNode(target) ? viewOfNode(target) : viewOfStop(target)),
  );
}

function viewOfNode(node: TreeNode): ShowMessage {
  const view: ShowMessage = { type: 'show', session: node.session.id };
  switch (node.kind) {
    case 'session':
      return view;
    case 'connection': {
      const filter = connectionTexts(node)?.filter;
      return filter === undefined ? view : { ...view, filter, flow: node.flow };
    }
    case 'process':
    case 'closed':
    case 'group':
    case 'more':
      return { ...view, filter: `pid:${String(node.pid)}` };
  }
}

/** What the program did between going on and standing still. */
function viewOfStop({ session, timeMillis, millis }: DebuggerStop): ShowMessage {
  return { type: 'show', session, range: { fromMillis: timeMillis - millis, toMillis: timeMillis } };
}
