// The tree's content, apart from how it is drawn: which nodes there are below which, in which order.
import { type FlowGrouping, groupOf, matchesWords } from '../shared/flow-filter';
import type { FlowSample, ProcessSample } from '../shared/protocol';
import type { WatchedSession } from './sessions';

/** Open, and closed, connections shown below one process. The panel has them all. */
export const maximumShownConnections = 200;

export interface SessionNode {
  readonly kind: 'session';
  readonly id: string;
  readonly session: WatchedSession;
}

export interface ProcessNode {
  readonly kind: 'process';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
}

export interface ConnectionNode {
  readonly kind: 'connection';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
  readonly flow: number;
}

/** Holds the closed connections of a process, so that they do not bury the open ones. */
export interface ClosedNode {
  readonly kind: 'closed';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
}

/** Holds the open connections of a process that belong together. */
export interface GroupNode {
  readonly kind: 'group';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
  readonly grouping: FlowGrouping;
  /** What they have in common. */
  readonly name: string;
}

/** Which connections are shown, and what they are put together by. */
export interface ConnectionDisplay {
  readonly grouping: FlowGrouping | undefined;
  /** Words that must stand in what is shown of a connection; empty for all. */
  readonly words: string;
}

export const plainDisplay: ConnectionDisplay = { grouping: undefined, words: '' };

/** Stands for the connections that are not shown. */
export interface MoreNode {
  readonly kind: 'more';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
  /** Whether it stands for closed connections, or for open ones. */
  readonly closed: boolean;
}

export type TreeNode = SessionNode | ProcessNode | ConnectionNode | GroupNode | ClosedNode | MoreNode;

/** Whether what a command was handed is a node of the tree. */
export function isTreeNode(target: unknown): target is TreeNode {
  return typeof target === 'object' && target !== null && 'kind' in target && 'session' in target;
}

export function sessionNode(session: WatchedSession): SessionNode {
  return { kind: 'session', id: session.id, session };
}

/** Parents before their children, else by pid; the order does not change while figures do. */
export function processNodes(session: WatchedSession): ProcessNode[] {
  return [...session.processes.values()]
    .sort((one, other) => one.startTicks - other.startTicks || one.pid - other.pid)
    .map(({ pid }) => processNode(session, pid));
}

function processNode(session: WatchedSession, pid: number): ProcessNode {
  return { kind: 'process', id: `${session.id}/${String(pid)}`, session, pid };
}

function closedNode(session: WatchedSession, pid: number): ClosedNode {
  return { kind: 'closed', id: `${session.id}/${String(pid)}/closed`, session, pid };
}

/** What a node is shown below. */
export function parentOf(
  node: TreeNode,
  { grouping }: ConnectionDisplay = plainDisplay,
): TreeNode | undefined {
  switch (node.kind) {
    case 'session':
      return undefined;
    case 'process':
      return sessionNode(node.session);
    case 'closed':
      return processNode(node.session, node.pid);
    case 'connection': {
      const flow = flowOf(node);
      if (flow !== undefined && isClosed(flow)) {
        return closedNode(node.session, node.pid);
      }
      return flow === undefined || grouping === undefined
        ? processNode(node.session, node.pid)
        : groupNode(node.session, node.pid, grouping, groupOf(flow, grouping));
    }
    case 'group':
      return processNode(node.session, node.pid);
    case 'more':
      return node.closed ? closedNode(node.session, node.pid) : processNode(node.session, node.pid);
  }
}

function groupNode(session: WatchedSession, pid: number, grouping: FlowGrouping, name: string): GroupNode {
  const id = `${session.id}/${String(pid)}/${grouping}/${name}`;
  return { kind: 'group', id, session, pid, grouping, name };
}

/** Open connections in the order in which they were opened, or their groups, then what holds the closed ones. */
export function connectionNodes(
  session: WatchedSession,
  pid: number,
  display: ConnectionDisplay = plainDisplay,
): TreeNode[] {
  const { grouping, words } = display;
  const nodes: TreeNode[] =
    grouping === undefined
      ? nodesOf(session, pid, false, flowsOf(session, pid, false, words))
      : [...new Set(flowsOf(session, pid, false, words).map((flow) => groupOf(flow, grouping)))]
          .sort()
          .map((name) => groupNode(session, pid, grouping, name));
  if (flowsOf(session, pid, true, words).length > 0) {
    nodes.push(closedNode(session, pid));
  }
  return nodes;
}

/** Closed connections, the newest first. */
export function closedNodes({ session, pid }: ClosedNode, { words } = plainDisplay): TreeNode[] {
  return nodesOf(session, pid, true, flowsOf(session, pid, true, words));
}

/** The connections of a group, in the order in which they were opened. */
export function groupedNodes(node: GroupNode, { words } = plainDisplay): TreeNode[] {
  return nodesOf(node.session, node.pid, false, flowsInGroup(node, words));
}

export function flowsInGroup({ session, pid, grouping, name }: GroupNode, words = ''): FlowSample[] {
  return flowsOf(session, pid, false, words).filter((flow) => groupOf(flow, grouping) === name);
}

function nodesOf(session: WatchedSession, pid: number, closed: boolean, flows: FlowSample[]): TreeNode[] {
  flows.sort((one, other) => (closed ? other.id - one.id : one.id - other.id));
  const id = `${session.id}/${String(pid)}`;
  const nodes: TreeNode[] = flows.slice(0, maximumShownConnections).map((flow) => ({
    kind: 'connection',
    id: `${id}/${String(flow.id)}`,
    session,
    pid,
    flow: flow.id,
  }));
  if (flows.length > maximumShownConnections) {
    nodes.push({ kind: 'more', id: `${id}/more${closed ? '-closed' : ''}`, session, pid, closed });
  }
  return nodes;
}

/** The open, or the closed, connections of a process. */
export function flowsOf(session: WatchedSession, pid: number, closed: boolean, words = ''): FlowSample[] {
  return [...session.flows.values()].filter(
    (flow) => flow.pid === pid && isClosed(flow) === closed && (words === '' || matchesWords(flow, words)),
  );
}

export function isClosed(flow: FlowSample): boolean {
  return flow.state === 'closed' || flow.closedAt !== undefined;
}

/** The figures of a node; undefined once they are gone. */
export function processOf(node: ProcessNode): ProcessSample | undefined {
  return node.session.processes.get(node.pid);
}

export function flowOf(node: ConnectionNode): FlowSample | undefined {
  return node.session.flows.get(node.flow);
}
