// Header compression of HTTP/2 (RFC 7541), reading side. Of the dynamic table only the size of each entry is kept, and the
// values of the few headers that are asked for: no cookie and no credential stays in it.
import { byteAt, latin1 } from './bytes';
import { decodeHuffman } from './hpack-huffman';
import { readTarget } from './http-target';

/** The headers that are read, and how many characters of them. */
const wantedHeaders = new Map([
  [':method', 20],
  [':path', 2_048],
  [':authority', 256],
  [':status', 3],
  ['content-type', 64],
  ['grpc-status', 3],
]);
const longestWantedName = 12;

const staticTable: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  ['', ''],
  ['', ''],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
];
const staticEntries = 61;
const contentTypeEntry = 31;

const entryOverhead = 32;
const initialTableSize = 4_096;
/** What the largest table that is followed may hold; peers that ask for more are not followed. */
const maximumTableSize = 65_536;

interface Entry {
  name: string;
  value: string;
  size: number;
  nameLength: number;
}

/** The compression state is broken: no later block can be read. */
class Broken extends Error {}

/** The headers that are wanted, of one block. */
export type Headers = Map<string, string>;

export class HpackReader {
  /** Newest last. */
  #entries: Entry[] = [];
  #size = 0;
  #maximumSize = initialTableSize;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Reads a whole block; undefined where it is none, after which the state is worth nothing. */
  read(block: Uint8Array): Headers | undefined {
    this.#bytes = block;
    this.#at = 0;
    try {
      const headers: Headers = new Map();
      while (this.#at < block.length) this.#field(headers);
      return headers;
    } catch (error) {
      if (error instanceof Broken) return undefined;
      throw error;
    } finally {
      this.#bytes = new Uint8Array(0);
    }
  }

  #field(headers: Headers): void {
    const first = byteAt(this.#bytes, this.#at);
    if (first >= 0x80) {
      const entry = this.#entry(this.#integer(7));
      add(headers, entry);
    } else if (first >= 0x40) {
      const entry = this.#literal(6);
      add(headers, entry);
      this.#insert(entry);
    } else if (first >= 0x20) {
      const size = this.#integer(5);
      if (size > maximumTableSize) throw new Broken();
      this.#maximumSize = size;
      this.#evict(0);
    } else {
      add(headers, this.#literal(4));
    }
  }

  #literal(prefix: number): Entry {
    const index = this.#integer(prefix);
    const name =
      index === 0
        ? this.#string(longestWantedName + 1)
        : { text: this.#entry(index).name, length: this.#nameLength(index) };
    const known = wantedHeaders.get(name.text.length <= longestWantedName ? name.text : '');
    const value = this.#string(known ?? 0);
    return {
      name: known === undefined ? '' : name.text,
      value: known === undefined ? '' : clean(name.text, value.text),
      size: name.length + value.length + entryOverhead,
      nameLength: name.length,
    };
  }

  #entry(index: number): Entry {
    if (index === 0) throw new Broken();
    if (index <= staticEntries) {
      const [name, value] = staticTable[index - 1] ?? [index === contentTypeEntry ? 'content-type' : '', ''];
      return { name, value, size: 0, nameLength: name.length };
    }
    const entry = this.#entries[this.#entries.length - (index - staticEntries)];
    if (entry === undefined) throw new Broken();
    return entry;
  }

  #nameLength(index: number): number {
    return index <= staticEntries ? (staticNameLengths[index - 1] ?? 0) : this.#entry(index).nameLength;
  }

  #insert(entry: Entry): void {
    this.#evict(entry.size);
    if (entry.size > this.#maximumSize) return;
    this.#entries.push(entry);
    this.#size += entry.size;
  }

  /** Makes room for an entry. */
  #evict(size: number): void {
    let removed = 0;
    while (removed < this.#entries.length && this.#size + size > this.#maximumSize) {
      this.#size -= this.#entries[removed]?.size ?? 0;
      removed += 1;
    }
    if (removed > 0) this.#entries.splice(0, removed);
  }

  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = byteAt(this.#bytes, this.#at) & mask;
    this.#at += 1;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = byteAt(this.#bytes, this.#at);
      if (byte < 0) break;
      this.#at += 1;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Broken();
  }

  /** @param kept characters that are wanted */
  #string(kept: number): { text: string; length: number } {
    if (this.#at >= this.#bytes.length) throw new Broken();
    const compressed = byteAt(this.#bytes, this.#at) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Broken();
    if (!compressed) return { text: latin1(this.#bytes, from, from + Math.min(length, kept)), length };
    const decoded = decodeHuffman(this.#bytes.subarray(from, this.#at), kept);
    if (decoded === undefined) throw new Broken();
    return decoded;
  }
}

function add(headers: Headers, { name, value }: Entry): void {
  if (name !== '' && !headers.has(name)) headers.set(name, value);
}

function clean(name: string, value: string): string {
  return name === ':path' ? readTarget('', value).path : value;
}

/** Of the static table (RFC 7541, appendix A), in its order: what an entry made from one of these names takes. */
const staticNameLengths = [
  10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13, 12,
  6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3, 16,
];
