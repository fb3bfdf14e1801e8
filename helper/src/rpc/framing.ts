// Content-Length frames out of a stream of bytes that anybody may have written. What is held in memory is bounded by
// what was announced, and what may be announced is bounded.

/** Bytes of all header lines of one frame together. */
const maximumHeaderBytes = 4_096;
const headerEnd = Buffer.from('\r\n\r\n');

/** Where frames begin and end cannot be told any more: nothing further can be read. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

export class FrameDecoder {
  #header: Buffer = Buffer.alloc(0);
  /** Bytes of content still to come; undefined while a header is being read. */
  #missing: number | undefined;
  #content: Buffer[] = [];

  /** @param maximumContentBytes frames that announce more are refused before any of it is read */
  constructor(private readonly maximumContentBytes: number) {}

  /** Bytes held at the moment. */
  get heldBytes(): number {
    return this.#content.reduce((sum, { length }) => sum + length, this.#header.length);
  }

  /** Whether a frame was begun and not finished. */
  get insideFrame(): boolean {
    return this.#missing !== undefined || this.#header.length > 0;
  }

  /**
   * Takes bytes in and hands out the content of each frame that they complete.
   * @throws FramingError from which there is no recovery
   */
  *decode(bytes: Buffer): Generator<Buffer, void, void> {
    for (let rest = bytes; rest.length > 0;) {
      if (this.#missing === undefined) {
        rest = this.#readHeader(rest);
      } else {
        const part = rest.subarray(0, this.#missing);
        this.#content.push(part);
        this.#missing -= part.length;
        rest = rest.subarray(part.length);
      }
      if (this.#missing !== 0) continue;
      const content = Buffer.concat(this.#content);
      this.#content = [];
      this.#missing = undefined;
      yield content;
    }
  }

  /** Reads on until the empty line that ends the header; returns what follows it. */
  #readHeader(bytes: Buffer): Buffer {
    const before = this.#header.length;
    const joined = Buffer.concat([this.#header, bytes.subarray(0, maximumHeaderBytes - before)]);
    const end = joined.indexOf(headerEnd);
    if (end < 0) {
      if (joined.length >= maximumHeaderBytes) {
        throw new FramingError(
          `A header of more than ${String(maximumHeaderBytes)} bytes is not one of this protocol.`,
        );
      }
      this.#header = joined;
      return Buffer.alloc(0);
    }
    this.#header = Buffer.alloc(0);
    this.#missing = this.#contentLength(joined.toString('latin1', 0, end));
    return bytes.subarray(end + headerEnd.length - before);
  }

  #contentLength(header: string): number {
    let length: number | undefined;
    for (const line of header.split('\r\n')) {
      const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new FramingError('A header line has no name and value.');
      if (name.toLowerCase() !== 'content-length') continue;
      if (length !== undefined) throw new FramingError('A frame has two lengths.');
      if (!/^\d{1,15}$/.test(value)) throw new FramingError('The Content-Length of a frame is not a number.');
      length = Number(value);
    }
    if (length === undefined) throw new FramingError('A frame has no Content-Length.');
    if (length > this.maximumContentBytes) {
      throw new FramingError(
        `A frame of ${String(length)} bytes is refused: at most ${String(this.maximumContentBytes)} are allowed.`,
      );
    }
    return length;
  }
}

/** Puts the header before the content of a frame. */
export function encodeFrame(content: string): Buffer {
  const header = `Content-Length: ${String(Buffer.byteLength(content))}\r\n\r\n`;
  return Buffer.from(header + content);
}
