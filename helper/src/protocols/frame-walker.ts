// Walks over a stream of frames, each a header of fixed length that tells the length of a body: TLS records, HTTP/2 frames,
// DNS messages over TCP. Bodies that nobody wants are skipped by arithmetic, so that pieces may be cut and missing there.
import type { Piece } from './opening';
import { StreamPosition } from './stream-position';

/** After so many pieces without a frame at their start, a stream that lost its frames is given up. */
const maximumSearches = 16;
const firstAllocation = 512;

export abstract class FrameWalker {
  readonly #position = new StreamPosition();
  readonly #header: Uint8Array;
  #headerFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;
  /** Bytes of the body that are wanted and still to come; then bytes of it to skip. */
  #wanted = 0;
  #skip = 0;
  #lost = false;
  #searches = 0;
  /** When the header of the current frame was complete, in nanoseconds. */
  protected nanos = 0;
  /** Set by `begin`: length of the body, and how many of its first bytes are wanted. */
  protected bodyLength = 0;
  protected wantedLength = 0;
  protected stopped = false;

  /** @param canFindAgain whether the next piece may be taken to begin with a frame after bytes were missed */
  constructor(
    headerLength: number,
    private readonly canFindAgain: boolean,
  ) {
    this.#header = new Uint8Array(headerLength);
  }

  /** Passes over bytes before the next frame that are none. */
  skipNext(bytes: number): void {
    this.#skip += bytes;
  }

  /** Nothing more can be read. */
  get ended(): boolean {
    return this.stopped || (this.#lost && (!this.canFindAgain || this.#searches >= maximumSearches));
  }

  /** Reads a header, sets `bodyLength` and `wantedLength`; false: this is none. */
  protected abstract begin(header: Uint8Array): boolean;

  /** The first `wantedLength` bytes of the body, fewer where the rest was not captured. Valid during the call. */
  protected abstract body(bytes: Uint8Array): void;

  /** Frames cannot be told any more; what spans several of them is incomplete. */
  protected lost(): void {
    // Most do not care.
  }

  feed(piece: Piece): void {
    if (this.ended) return;
    const { bytes, nanos, truncated } = piece;
    let at = this.#position.take(piece);
    if (at === bytes.length) return;
    if (this.#position.missed > 0) this.#pass(this.#position.missed);
    if (this.#lost) {
      this.#searches += 1;
      this.#lost = !this.canFindAgain;
      this.#headerFilled = 0;
    }
    while (at < bytes.length && !this.#lost && !this.stopped) {
      if (this.#skip > 0 && this.#wanted === 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#wanted > 0) {
        at = this.#collect(bytes, at);
      } else {
        at = this.#readHeader(bytes, at, nanos);
      }
    }
    if (truncated && this.#wanted > 0) this.#giveWhatIsThere();
  }

  #readHeader(bytes: Uint8Array, at: number, nanos: number): number {
    const header = this.#header;
    const taken = Math.min(header.length - this.#headerFilled, bytes.length - at);
    header.set(bytes.subarray(at, at + taken), this.#headerFilled);
    this.#headerFilled += taken;
    if (this.#headerFilled < header.length) return at + taken;
    this.#headerFilled = 0;
    this.nanos = nanos;
    this.wantedLength = 0;
    if (!this.begin(header)) {
      this.#lose();
      return bytes.length;
    }
    this.#wanted = Math.min(this.wantedLength, this.bodyLength);
    this.#skip = this.bodyLength - this.#wanted;
    return at + taken;
  }

  #collect(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#wanted, bytes.length - at);
    if (this.#bodyFilled === 0 && taken === this.#wanted) {
      this.#wanted = 0;
      this.body(bytes.subarray(at, at + taken));
      return at + taken;
    }
    const needed = this.#bodyFilled + taken;
    if (this.#body === undefined || this.#body.length < needed) {
      const larger = new Uint8Array(Math.max(needed, firstAllocation, 2 * this.#bodyFilled));
      if (this.#body !== undefined) larger.set(this.#body.subarray(0, this.#bodyFilled));
      this.#body = larger;
    }
    this.#body.set(bytes.subarray(at, at + taken), this.#bodyFilled);
    this.#bodyFilled = needed;
    this.#wanted -= taken;
    if (this.#wanted === 0) this.#giveWhatIsThere();
    return at + taken;
  }

  #giveWhatIsThere(): void {
    const body = this.#body?.subarray(0, this.#bodyFilled);
    this.#body = undefined;
    this.#bodyFilled = 0;
    this.#skip += this.#wanted;
    this.#wanted = 0;
    if (body !== undefined) this.body(body);
  }

  /** Passes over bytes that were not captured. */
  #pass(missed: number): void {
    if (this.#wanted > 0) this.#giveWhatIsThere();
    if (this.#headerFilled > 0 || missed > this.#skip) this.#lose();
    else this.#skip -= missed;
  }

  #lose(): void {
    this.#lost = true;
    this.#headerFilled = 0;
    this.#skip = 0;
    this.lost();
  }
}
