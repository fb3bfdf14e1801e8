// What the status bar says of all that is being watched.
import { formatRateFixed } from '../shared/format';
import type { Directions, FlowSample } from '../shared/protocol';
import type { WatchedSession } from './sessions';

/** Peers named in the tooltip. */
const maximumTopPeers = 5;

/** As wide as its figures are large, whatever they are, so that the items beside it stay where they are. */
export function statusBarText(rates: Directions): string {
  return `↑ ${formatRateFixed(rates.tx)} ↓ ${formatRateFixed(rates.rx)}`;
}

/**
 * Sessions that are being watched, less those all of whose processes belong to another one too: a process chosen
 * by the user that is being debugged as well counts once.
 */
export function sessionsThatCount(sessions: readonly WatchedSession[]): WatchedSession[] {
  const watching = sessions.filter((session) => session.state === 'watching');
  return watching.filter(
    (session, index) =>
      !watching.some((other, otherIndex) => {
        const covers = [...session.processes.keys()].every((pid) => other.processes.has(pid));
        const isLarger = other.processes.size > session.processes.size || otherIndex < index;
        return other !== session && covers && isLarger && session.processes.size > 0;
      }),
  );
}

/** Rates on the wire, summed. */
export function sumRates(sessions: readonly WatchedSession[]): Directions {
  return sessions.reduce(
    (sum, { total }) => ({ tx: sum.tx + total.rates.wire.tx, rx: sum.rx + total.rates.wire.rx }),
    { tx: 0, rx: 0 },
  );
}

export interface Peer {
  address: string;
  /** Bytes on the wire since the session began, both directions. */
  bytes: number;
}

/** The remote addresses with the most bytes, the largest first. */
export function topPeers(sessions: readonly WatchedSession[]): Peer[] {
  const flows = new Map<number, FlowSample>();
  for (const session of sessions) {
    for (const flow of session.flows.values()) {
      flows.set(flow.id, flow);
    }
  }
  const bytes = new Map<string, number>();
  for (const { remote, wire } of flows.values()) {
    if (remote !== undefined) {
      bytes.set(remote.address, (bytes.get(remote.address) ?? 0) + wire.txBytes + wire.rxBytes);
    }
  }
  return [...bytes]
    .map(([address, sum]) => ({ address, bytes: sum }))
    .filter((peer) => peer.bytes > 0)
    .sort((one, other) => other.bytes - one.bytes)
    .slice(0, maximumTopPeers);
}
