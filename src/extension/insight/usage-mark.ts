// What a session had moved at a moment, and what has come since: the cost of a step.
import { peerName } from '../../shared/flow-label';
import type { WatchedSession } from '../sessions';

export interface UsageMark {
  /** Unix time in milliseconds. */
  readonly timeMillis: number;
  /** Bytes on the wire. */
  readonly tx: number;
  readonly rx: number;
  /** Bytes of each connection, both directions. */
  readonly flows: ReadonlyMap<number, number>;
}

export interface UsageSince {
  /** How long it took, in milliseconds. */
  millis: number;
  /** Bytes on the wire. */
  tx: number;
  rx: number;
  /** Connections that are new. */
  opened: number;
  /** Peers that something was sent to or received from, the one with the most first. */
  peers: string[];
}

export function markUsage({ total, flows }: WatchedSession, timeMillis: number): UsageMark {
  return {
    timeMillis,
    tx: total.wire.txBytes,
    rx: total.wire.rxBytes,
    flows: new Map([...flows.values()].map(({ id, wire }) => [id, wire.txBytes + wire.rxBytes])),
  };
}

export function usageSince(session: WatchedSession, mark: UsageMark, timeMillis: number): UsageSince {
  const peers = new Map<string, number>();
  let opened = 0;
  for (const flow of session.flows.values()) {
    const before = mark.flows.get(flow.id);
    if (before === undefined && flow.remote !== undefined) opened += 1;
    const moved = flow.wire.txBytes + flow.wire.rxBytes - (before ?? 0);
    const peer = peerName(flow);
    if (moved > 0 && peer !== undefined) peers.set(peer, (peers.get(peer) ?? 0) + moved);
  }
  return {
    millis: Math.max(0, timeMillis - mark.timeMillis),
    tx: Math.max(0, session.total.wire.txBytes - mark.tx),
    rx: Math.max(0, session.total.wire.rxBytes - mark.rx),
    opened,
    peers: [...peers].sort(([, one], [, other]) => other - one).map(([name]) => name),
  };
}
