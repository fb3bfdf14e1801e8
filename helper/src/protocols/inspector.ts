// Looks at the first bytes of a connection, each way, and tells what is spoken.
import type { ConnectionContext, Detection, Direction, Fact } from './detection';
import { guessByPort } from './ports';

/** What is known about a piece of payload beside its bytes. */
export interface PieceOptions {
  /**
   * Place of the piece's first byte in its direction's stream, in bytes, for TCP: gaps and repetitions are told by it.
   * Where it does not begin with 0, the start of the stream was missed. For UDP each piece is a datagram, and it is 0.
   */
  offset: number;
  /** More followed in the segment or datagram than was copied. */
  truncated: boolean;
}

const noFacts: readonly Fact[] = [];

/**
 * Follows one connection (TCP) or one flow of datagrams (UDP). It never throws, works a bounded time on each piece, holds
 * a bounded number of bytes and only while it has to, and keeps none of the arrays it is given.
 */
export class ConnectionInspector {
  readonly #detection: Detection | undefined;

  constructor(context: ConnectionContext) {
    this.#detection = guessByPort(context);
  }

  /**
   * Takes one sampled piece of payload; pieces of one direction come in the order in which they passed.
   * @param bytes valid during the call only; not kept
   * @param nanos when it passed, on a clock that never goes back, the same for both directions
   * @returns facts that the piece completes; mostly none
   */
  feed(_direction: Direction, _bytes: Uint8Array, _nanos: number, _options: PieceOptions): readonly Fact[] {
    return noFacts;
  }

  /** What is known by now; changes only through `feed`. The same object as long as nothing changed. */
  get detection(): Detection | undefined {
    return this.#detection;
  }

  /** Whether nothing more can be learnt from further bytes of that direction: the kernel need not copy any. */
  isDone(_direction: Direction): boolean {
    return true;
  }
}
