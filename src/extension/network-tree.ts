// The view "Network Usage" in the debug side bar: session → process → connection.
// View: `procnetmon.usage`. Command: `procnetmon.clearEnded`; on its items those of `connection-texts.ts`.
import * as vscode from 'vscode';
import { registerConnectionCommands } from './connection-texts';
import { Command, ContextKey, View } from './contributions';
import { registerConnectionDisplay } from './connection-display';
import { registerNodeCommand, registerRowCommand } from './focused-node';
import type { TimeRange } from '../shared/traffic-history';
import { RangeFigures } from './range-figures';
import { isOver, type SessionStore } from './session-store';
import type { TimeFocus } from './time-focus';
import { treeItem } from './tree-items';
import {
  closedNodes,
  type ConnectionDisplay,
  connectionNodes,
  groupedNodes,
  parentOf,
  plainDisplay,
  processNodes,
  sessionNode,
  type TreeNode,
} from './tree-nodes';

/** Changes of several sessions within this time are drawn together, in milliseconds. */
const drawTogetherMillis = 100;

/** Key in the workspace's memory: the view was unfolded for the user. */
const unfoldedKey = 'usageViewUnfolded';

type NodeActions = Readonly<Record<string, (node: TreeNode) => unknown>>;

/**
 * Registers the view and the commands of its items.
 * @param rowActions what further commands do with an item, by command, that are buttons in its row, too
 * @param menuActions the same of those that are in its menu only
 */
export function registerNetworkTree(
  store: SessionStore,
  memory: vscode.Memento,
  focus: TimeFocus,
  rowActions: NodeActions,
  menuActions: NodeActions,
): { tree: NetworkTree; registration: vscode.Disposable } {
  const tree = new NetworkTree(store);
  const view = vscode.window.createTreeView(View.Usage, { treeDataProvider: tree, showCollapseAll: true });
  tree.setVisible(view.visible);
  const showEnded = (): void => {
    const hasEnded = store.sessions.some(isOver);
    void vscode.commands.executeCommand('setContext', ContextKey.HasEndedSessions, hasEnded);
  };
  const showRange = (range: TimeRange | undefined): void => {
    tree.setRange(range);
    view.message = range === undefined ? '' : rangeMessage(range);
  };
  const registration = vscode.Disposable.from(
    tree,
    view,
    focus.onDidChange(showRange),
    view.onDidChangeVisibility(({ visible }) => tree.setVisible(visible)),
    store.onDidChange(showEnded),
    store.onDidChange(({ kind }) => {
      if (kind === 'added') void unfoldOnce(tree, view, memory);
    }),
    ...registerConnectionDisplay(tree, view),
    vscode.commands.registerCommand(Command.ClearEnded, () => store.clearEnded()),
    registerConnectionCommands(view),
    ...Object.entries(rowActions).map(([command, action]) => registerRowCommand(view, command, action)),
    ...Object.entries(menuActions).map(([command, action]) => registerNodeCommand(view, command, action)),
  );
  return { tree, registration };
}

function rangeMessage({ fromMillis, toMillis }: TimeRange): string {
  const time = (millis: number): string => new Date(millis).toLocaleTimeString('en-GB');
  return vscode.l10n.t(
    'Figures of {0} to {1}, as chosen in the panel’s chart.',
    time(fromMillis),
    time(toMillis),
  );
}

/**
 * The editor shows views of extensions folded in the debug side bar, where a newcomer does not look for them. So
 * the first session of a workspace unfolds it; after that it stays as the user leaves it.
 */
async function unfoldOnce(
  tree: NetworkTree,
  view: vscode.TreeView<TreeNode>,
  memory: vscode.Memento,
): Promise<void> {
  const newest = tree.newest;
  if (newest !== undefined && memory.get(unfoldedKey) !== true) {
    await memory.update(unfoldedKey, true);
    await view.reveal(newest, { select: false, focus: false });
  }
}

/** What was last drawn of a node. */
interface Drawn {
  readonly node: TreeNode;
  /** What the node looks like, as far as it can change. */
  look: string;
  /** Ids of the children in their order; undefined while the editor has not asked for them. */
  children: string | undefined;
}

export class NetworkTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #store: SessionStore;
  readonly #changed = new vscode.EventEmitter<TreeNode[] | undefined>();
  readonly #drawn = new Map<string, Drawn>();
  readonly #subscription: vscode.Disposable;
  #rootChildren: string | undefined;
  #visible = false;
  #display = plainDisplay;
  #timer: NodeJS.Timeout | undefined;
  #range: RangeFigures | undefined;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(store: SessionStore) {
    this.#store = store;
    this.#subscription = store.onDidChange(() => this.#drawSoon());
  }

  /** A view that is not seen is not kept up to date, and is drawn when it is seen again. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    if (visible) {
      this.#drawSoon();
    }
  }

  get display(): ConnectionDisplay {
    return this.#display;
  }

  /** Shows other connections, or puts them together otherwise. */
  setDisplay(display: ConnectionDisplay): void {
    this.#display = display;
    this.#drawn.clear();
    this.#changed.fire(undefined);
  }

  /** Shows what moved in a stretch of time; `undefined`: the figures of now. */
  setRange(range: TimeRange | undefined): void {
    this.#range = range === undefined ? undefined : new RangeFigures(range);
    this.#drawSoon();
  }

  /** The node of the newest session. */
  get newest(): TreeNode | undefined {
    const [newest] = this.#childrenOf(undefined);
    return newest === undefined ? undefined : this.#remember(newest).node;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const item = treeItem(node, this.#range);
    this.#remember(node).look = lookOf(item);
    return item;
  }

  getChildren(node?: TreeNode): TreeNode[] {
    const children = this.#childrenOf(node);
    const ids = idsOf(children);
    if (node === undefined) {
      this.#rootChildren = ids;
    } else {
      this.#remember(node).children = ids;
    }
    // The editor knows nodes by their object: the same node has to be the same object every time.
    return children.map((child) => this.#remember(child).node);
  }

  getParent(node: TreeNode): TreeNode | undefined {
    return parentOf(node, this.#display);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#subscription.dispose();
    this.#changed.dispose();
  }

  #childrenOf(node: TreeNode | undefined): TreeNode[] {
    switch (node?.kind) {
      case undefined:
        // The newest session is what one looks for.
        return this.#store.sessions
          .filter(({ isRestored }) => !isRestored)
          .map(sessionNode)
          .reverse();
      case 'session':
        return processNodes(node.session);
      case 'process':
        return connectionNodes(node.session, node.pid, this.#display);
      case 'group':
        return groupedNodes(node, this.#display);
      case 'closed':
        return closedNodes(node, this.#display);
      case 'connection':
      case 'more':
        return [];
    }
  }

  #remember(node: TreeNode): Drawn {
    let drawn = this.#drawn.get(node.id);
    if (drawn === undefined) {
      drawn = { node, look: '', children: undefined };
      this.#drawn.set(node.id, drawn);
    }
    return drawn;
  }

  #drawSoon(): void {
    if (this.#visible) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#draw();
      }, drawTogetherMillis);
    }
  }

  /** Draws what differs from what was last drawn, and nothing else, so that nothing jumps or collapses. */
  #draw(): void {
    const sessions = this.#childrenOf(undefined);
    if (idsOf(sessions) !== this.#rootChildren) {
      this.#forgetRemoved();
      this.#changed.fire(undefined);
      return;
    }
    const changed: TreeNode[] = [];
    for (const session of sessions) {
      this.#collectChanged(session, changed);
    }
    if (changed.length > 0) {
      this.#changed.fire(changed);
    }
  }

  #collectChanged(node: TreeNode, changed: TreeNode[]): void {
    const drawn = this.#drawn.get(node.id);
    if (drawn === undefined) {
      return;
    }
    const children = drawn.children === undefined ? [] : this.#childrenOf(node);
    const look = lookOf(treeItem(node, this.#range));
    if (look !== drawn.look || (drawn.children !== undefined && drawn.children !== idsOf(children))) {
      drawn.look = look;
      // The editor asks for the children again, as far as they are unfolded.
      changed.push(drawn.node);
      return;
    }
    for (const child of children) {
      this.#collectChanged(child, changed);
    }
  }

  #forgetRemoved(): void {
    for (const [id, { node }] of this.#drawn) {
      if (this.#store.get(node.session.id) === undefined) {
        this.#drawn.delete(id);
      }
    }
  }
}

function idsOf(nodes: readonly TreeNode[]): string {
  return nodes.map(({ id }) => id).join(' ');
}

function lookOf(item: vscode.TreeItem): string {
  return JSON.stringify([
    item.label,
    item.description,
    item.tooltip,
    item.contextValue,
    item.collapsibleState,
  ]);
}
