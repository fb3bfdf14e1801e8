// The tree's content, apart from how it is drawn: which nodes there are below which, in which order.
import type { FlowSample, ProcessSample } from '../shared/protocol';
import type { WatchedSession } from './sessions';

/** Connections shown below one process. The panel has them all. */
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

/** Stands for the connections that are not shown. */
export interface MoreNode {
  readonly kind: 'more';
  readonly id: string;
  readonly session: WatchedSession;
  readonly pid: number;
}

export type TreeNode = SessionNode | ProcessNode | ConnectionNode | MoreNode;

export function sessionNode(session: WatchedSession): SessionNode {
  return { kind: 'session', id: session.id, session };
}

/** Parents before their children, else by pid; the order does not change while figures do. */
export function processNodes(session: WatchedSession): ProcessNode[] {
  return [...session.processes.values()]
    .sort((one, other) => one.startTicks - other.startTicks || one.pid - other.pid)
    .map(({ pid }) => ({ kind: 'process', id: `${session.id}/${String(pid)}`, session, pid }));
}

/** Open connections before closed ones, each in the order in which they were opened. */
export function connectionNodes(session: WatchedSession, pid: number): (ConnectionNode | MoreNode)[] {
  const flows = flowsOf(session, pid);
  flows.sort((one, other) => Number(isClosed(one)) - Number(isClosed(other)) || one.id - other.id);
  const nodes: (ConnectionNode | MoreNode)[] = flows.slice(0, maximumShownConnections).map((flow) => ({
    kind: 'connection',
    id: `${session.id}/${String(pid)}/${String(flow.id)}`,
    session,
    pid,
    flow: flow.id,
  }));
  if (flows.length > maximumShownConnections) {
    nodes.push({ kind: 'more', id: `${session.id}/${String(pid)}/more`, session, pid });
  }
  return nodes;
}

export function flowsOf(session: WatchedSession, pid: number): FlowSample[] {
  return [...session.flows.values()].filter((flow) => flow.pid === pid);
}

export function isClosed(flow: FlowSample): boolean {
  return flow.state === 'closed';
}

/** The figures of a node; undefined once they are gone. */
export function processOf(node: ProcessNode | MoreNode): ProcessSample | undefined {
  return node.session.processes.get(node.pid);
}

export function flowOf(node: ConnectionNode): FlowSample | undefined {
  return node.session.flows.get(node.flow);
}
