// Where the next byte of one direction of a TCP stream is expected, so that repetitions and gaps are told apart.
import type { Piece } from './opening';

export class StreamPosition {
  #next: number | undefined;
  /** Bytes that are missing before the piece that was taken last. */
  missed = 0;

  /** Returns the index of the piece's first byte that was not there before, or its length where there is none. */
  take({ bytes, offset }: Piece): number {
    const next = this.#next ?? offset;
    const end = offset + bytes.length;
    this.missed = Math.max(0, offset - next);
    if (end <= next) {
      this.#next = next;
      return bytes.length;
    }
    this.#next = end;
    return Math.max(0, next - offset);
  }
}
