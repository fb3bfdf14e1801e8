// The first bytes of a TCP connection, kept until its protocol is known, and then handed on.
import type { Direction } from './detection';
import type { Piece } from './opening';
import { StreamPosition } from './stream-position';

/** What is kept of one direction. No probe looks further. */
export const maximumHeld = 4_096;
const firstAllocation = 256;
const none = new Uint8Array(0);

interface Held {
  direction: Direction;
  buffer: Uint8Array;
  length: number;
  nanos: number;
  offset: number;
  truncated: boolean;
}

/** One direction, as far as it is there without a gap. */
class Start {
  readonly position = new StreamPosition();
  bytes: Uint8Array = none;
  length = 0;
  ended = false;
  began = false;
}

export class HeldPieces {
  readonly #starts: Record<Direction, Start> = { sent: new Start(), received: new Start() };
  /** In the order in which they passed; what follows in the same direction without a gap is one. */
  #pieces: Held[] = [];

  /** The bytes from the start of a direction. */
  bytes(direction: Direction): Uint8Array {
    const start = this.#starts[direction];
    return start.bytes.subarray(0, start.length);
  }

  /** Nothing will be added to `bytes` any more: something is missing, or it is all that is kept. */
  ended(direction: Direction): boolean {
    return this.#starts[direction].ended;
  }

  /** Whether a piece of that direction was taken. */
  began(direction: Direction): boolean {
    return this.#starts[direction].began;
  }

  /** Whether it will hold anything more of that direction. */
  get full(): boolean {
    return this.#pieces.length > 32 || (this.#starts.sent.ended && this.#starts.received.ended);
  }

  add(direction: Direction, piece: Piece): void {
    const start = this.#starts[direction];
    start.began = true;
    const from = start.position.take(piece);
    if (from === piece.bytes.length) return;
    const gap = start.position.missed > 0;
    const fresh = piece.bytes.subarray(from, Math.min(piece.bytes.length, from + maximumHeld));
    const truncated = piece.truncated || fresh.length < piece.bytes.length - from;
    if (gap) start.ended = true;
    if (!start.ended) {
      const room = fresh.subarray(0, maximumHeld - start.length);
      const known = start.bytes;
      start.bytes = extend(known, start.length, room);
      start.length += room.length;
      start.ended = truncated || start.length >= maximumHeld;
    }
    this.#hold(direction, fresh, piece.nanos, piece.offset + from, truncated);
  }

  #hold(direction: Direction, bytes: Uint8Array, nanos: number, offset: number, truncated: boolean): void {
    const last = this.#pieces.at(-1);
    const follows =
      last?.direction === direction &&
      last.offset + last.length === offset &&
      !last.truncated &&
      last.length + bytes.length <= maximumHeld;
    if (last !== undefined && follows) {
      last.buffer = extend(last.buffer, last.length, bytes);
      last.length += bytes.length;
      last.truncated = truncated;
      return;
    }
    if (this.#pieces.length > 32) return;
    this.#pieces.push({ direction, buffer: bytes.slice(), length: bytes.length, nanos, offset, truncated });
  }

  /** Hands out everything that is held, oldest first, and forgets it. */
  release(use: (direction: Direction, piece: Piece) => void): void {
    const pieces = this.#pieces;
    this.clear();
    for (const { direction, buffer, length, nanos, offset, truncated } of pieces)
      use(direction, { bytes: buffer.subarray(0, length), nanos, offset, truncated });
  }

  clear(): void {
    this.#pieces = [];
    for (const start of Object.values(this.#starts)) {
      start.bytes = none;
      start.length = 0;
    }
  }
}

/** Adds bytes behind the first `length` of a buffer; it grows by doubling. */
function extend(buffer: Uint8Array, length: number, bytes: Uint8Array): Uint8Array {
  const needed = length + bytes.length;
  let target = buffer;
  if (needed > buffer.length) {
    target = new Uint8Array(Math.max(needed, firstAllocation, Math.min(maximumHeld, 2 * length)));
    target.set(buffer.subarray(0, length));
  }
  target.set(bytes, length);
  return target;
}
