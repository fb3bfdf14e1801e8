// What `activate` answers: for this project's own tests and for extensions that build on this one. It is for
// reading; who wants to change something runs a command.
import type { HelperState } from './contributions';
import type { DebuggerStops } from './insight/debugger-stops';
import type { NetworkTree } from './network-tree';
import type { SessionStore } from './session-store';

export interface ExtensionApi {
  /** Everything that is or lately was watched. */
  readonly store: Pick<SessionStore, 'sessions' | 'get' | 'onDidChange'>;
  /** The tree view's content, as the editor asks for it. */
  readonly tree: Pick<NetworkTree, 'getChildren' | 'getTreeItem' | 'onDidChangeTreeData'>;
  /** What each stop of the debugger cost. */
  readonly stops: Pick<DebuggerStops, 'stops' | 'onDidChange' | 'pause'>;
  /** Text of the status bar item; undefined while it is hidden. */
  readonly statusBarText: string | undefined;
  /** State of the helper, the same as the context key `procnetmon.state`. */
  readonly helperState: HelperState;
  /** Process id of the running helper. */
  readonly helperPid: number | undefined;
}
