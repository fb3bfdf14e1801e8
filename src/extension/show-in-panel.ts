// What a row of the side bar is in the panel.
import type { ShowMessage } from '../shared/panel-messages';
import { connectionTexts } from './connection-texts';
import type { DebuggerStop } from './insight/debugger-stops';
import type { TreeNode } from './tree-nodes';

/** What the panel shows of a node of the tree. */
export function viewOfNode(node: TreeNode): ShowMessage {
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
export function viewOfStop({ session, timeMillis, millis }: DebuggerStop): ShowMessage {
  return { type: 'show', session, range: { fromMillis: timeMillis - millis, toMillis: timeMillis } };
}
