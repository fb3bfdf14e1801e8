// What the connection that a menu or a key is on is elsewhere: text to copy, or the filter of a network breakpoint. In
// the tree as in the panel.
// Commands: `copyAddress`, `copyFilter`, `copySocketFilter`, `copyPacketFilter`, `breakOnConnection`; in the panel
// `panel.copyValue` and `panel.copyConnection`, in the tree `copyProcessId`.
import * as vscode from 'vscode';
import { addressText, ownFilter, packetFilter, socketFilter } from '../shared/copy-texts';
import { parsePanelContext, type ContextText } from '../shared/panel-messages';
import { Command } from './contributions';
import { registerNodeCommand, registerRowCommand } from './focused-node';
import { flowOf, isTreeNode, type TreeNode } from './tree-nodes';

/** Which text each command of menus copies. */
const copyCommands: readonly (readonly [command: string, text: ContextText])[] = [
  [Command.CopyFilter, 'filter'],
  [Command.CopySocketFilter, 'socketFilter'],
  [Command.CopyPacketFilter, 'packetFilter'],
  [Command.CopyPanelValue, 'value'],
  [Command.CopyPanelConnection, 'row'],
];

/** Texts of a connection: all of them in the panel, those that need no column in the tree. */
export type ConnectionTexts = Readonly<Partial<Record<ContextText, string>>>;

/**
 * @param target what the editor hands to a command: a node of the tree, or where in the panel the menu was opened
 * @returns `undefined` where it is no connection, or one that is gone
 */
export function connectionTexts(target: unknown): ConnectionTexts | undefined {
  if (!isTreeNode(target)) return parsePanelContext(target);
  const flow = target.kind === 'connection' ? flowOf(target) : undefined;
  if (flow === undefined) return undefined;
  const ends = { ...flow, host: flow.host?.name };
  return {
    address: addressText(ends),
    filter: ownFilter(ends),
    socketFilter: socketFilter(ends),
    packetFilter: packetFilter(ends),
  };
}

/** @param view the tree; its nodes and the panel's connections can be copied of */
export function registerConnectionCommands(view: vscode.TreeView<TreeNode>): vscode.Disposable {
  const copy = async (text: string | undefined): Promise<void> => {
    if (text !== undefined) await vscode.env.clipboard.writeText(text);
  };
  return vscode.Disposable.from(
    registerRowCommand(view, Command.CopyAddress, (target) => copy(connectionTexts(target)?.address)),
    ...copyCommands.map(([command, text]) =>
      registerNodeCommand(view, command, (target) => copy(connectionTexts(target)?.[text])),
    ),
    registerNodeCommand(view, Command.BreakOnConnection, (target) =>
      vscode.commands.executeCommand(Command.AddBreakpoint, { filter: connectionTexts(target)?.filter }),
    ),
    registerNodeCommand(view, Command.CopyProcessId, (node) =>
      copy(node.kind === 'process' ? String(node.pid) : undefined),
    ),
  );
}
