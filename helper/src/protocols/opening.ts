// How a protocol is recognised: probes look at the first bytes of both sides and may name a follower, which goes on.
import type { ApplicationId } from './applications';
import type { ConnectionContext, Detection, Fact } from './detection';

/** Who began the conversation, and who was asked. */
export type Side = 'client' | 'server';

/** The first bytes of a TCP connection, as far as they are there without a gap. */
export interface Opening {
  context: ConnectionContext;
  client: Uint8Array;
  server: Uint8Array;
  /** No more bytes will be added on that side: what a probe still lacks will not come. */
  clientEnded: boolean;
  serverEnded: boolean;
}

/** One datagram, by itself. */
export interface Datagram {
  context: ConnectionContext;
  bytes: Uint8Array;
  truncated: boolean;
  /** Ports of the end that sent it and of the end that received it. */
  fromPort: number;
  toPort: number;
}

/** A protocol that was recognised. */
export interface Match {
  application: ApplicationId;
  certainty: 'certain' | 'likely';
  /** Instead of the application's name. */
  label?: string;
  /** What the other side will say is worth waiting for, although this may be the answer. */
  waits?: boolean;
  /** How the side that is asked introduces itself. */
  serverSoftware?: string;
  clientSoftware?: string;
  /** For datagrams: which side sent this one; without it, the sender is taken to be the client. */
  sender?: Side;
  /** Goes on from the first byte of the flow. */
  follow?: (setting: FollowerSetting) => Follower;
}

/** Undefined: it is not this protocol. `more`: it may be, what is there does not tell yet. */
export type Verdict = Match | 'more' | undefined;

export type Probe = (opening: Opening) => Verdict;
export type DatagramProbe = (datagram: Datagram) => Match | undefined;

export interface FollowerSetting {
  context: ConnectionContext;
  /** Whether the local end is the client. */
  localIsClient: boolean;
}

/** A piece of payload; the bytes are valid during the call only. */
export interface Piece {
  bytes: Uint8Array;
  nanos: number;
  offset: number;
  truncated: boolean;
}

/** Follows a conversation whose protocol is known. */
export interface Follower {
  readonly detection: Detection;
  /** Takes a piece in, and adds what it tells to `facts`. */
  feed(side: Side, piece: Piece, facts: Fact[]): void;
  isDone(side: Side): boolean;
}

/** Which end a side is, for facts. */
export function endOf(side: Side, { localIsClient }: FollowerSetting): 'local' | 'remote' {
  return (side === 'client') === localIsClient ? 'local' : 'remote';
}
