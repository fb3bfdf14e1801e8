// The first bytes of something, however it is cut; forgotten as soon as they were looked at.
import { byteAt } from './bytes';

export class Prefix {
  #bytes: Uint8Array | undefined;
  #filled = 0;

  /** @param limit bytes that are kept */
  constructor(private readonly limit: number) {}

  get full(): boolean {
    return this.#filled >= this.limit;
  }

  /** Adds bytes, as far as there is room, and returns what is there by now. Valid until the next call. */
  add(bytes: Uint8Array): Uint8Array {
    const taken = bytes.subarray(0, this.limit - this.#filled);
    // What comes in one piece is not copied.
    if (this.#filled === 0 && taken.length === this.limit) {
      this.#filled = this.limit;
      return taken;
    }
    this.#bytes ??= new Uint8Array(this.limit);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.length;
    return this.#bytes.subarray(0, this.#filled);
  }

  /** Forgets the bytes; it can be used again. */
  clear(): void {
    this.#bytes = undefined;
    this.#filled = 0;
  }
}

/** The first bytes of each line. */
export class LineStarts {
  #start = '';
  #inRest = false;

  /**
   * @param length bytes of each line that are given
   * @param use called once a line, when they are there
   */
  constructor(
    private readonly length: number,
    private readonly use: (start: string) => void,
  ) {}

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1) {
      if (this.#inRest) {
        const end = bytes.indexOf(0x0a, at);
        if (end < 0) return;
        at = end;
        this.#inRest = false;
        continue;
      }
      this.#start += String.fromCharCode(byteAt(bytes, at));
      if (this.#start.length < this.length && byteAt(bytes, at) !== 0x0a) continue;
      this.#inRest = byteAt(bytes, at) !== 0x0a;
      const start = this.#start;
      this.#start = '';
      this.use(start);
    }
  }
}
