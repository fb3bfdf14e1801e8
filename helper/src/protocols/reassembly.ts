// A stream whose parts come in any order, more than once and overlapping: QUIC's CRYPTO frames.

/** Parts that are apart from each other; a hello has a handful. */
const maximumGaps = 64;

export class Reassembly {
  #bytes = new Uint8Array(0);
  /** What is there, in order, apart from each other. */
  #parts: { from: number; to: number }[] = [];

  /** @param limit bytes that are held; what lies beyond is dropped */
  constructor(private readonly limit: number) {}

  /** The bytes from the start up to the first gap. Valid until the next part is added. */
  get start(): Uint8Array {
    const first = this.#parts[0];
    return first?.from === 0 ? this.#bytes.subarray(0, first.to) : this.#bytes.subarray(0, 0);
  }

  add(offset: number, bytes: Uint8Array): void {
    const to = Math.min(this.limit, offset + bytes.length);
    if (offset >= to) return;
    if (to > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.limit, Math.max(to, 2 * this.#bytes.length)));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes.subarray(0, to - offset), offset);
    this.#join(offset, to);
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
    this.#parts = [];
  }

  #join(from: number, to: number): void {
    const apart = this.#parts.filter((part) => part.to < from || part.from > to);
    const touching = this.#parts.filter((part) => part.to >= from && part.from <= to);
    const joined = {
      from: Math.min(from, ...touching.map((part) => part.from)),
      to: Math.max(to, ...touching.map((part) => part.to)),
    };
    this.#parts = [...apart, joined].sort((a, b) => a.from - b.from).slice(0, maximumGaps);
  }
}
