// One direction of an HTTP/1.x conversation (RFC 9112). Keeps of a head only what is asked for, line by line: query strings,
// cookies, credentials and bodies are passed over and never stored.
import { byteAt, latin1 } from './bytes';
import type { Piece } from './opening';
import { StreamPosition } from './stream-position';

/** Of a start line, and of a header that is wanted; what is longer is cut. */
const maximumLine = 2_048;
const maximumHeaderName = 64;
/** After so many pieces without the start of a message, a stream that lost its messages is given up. */
const maximumSearches = 64;

const wantedHeaders = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'content-type',
  'server',
]);

const startOfRequest = /^[A-Z-]{3,20} \S/;
const startOfResponse = /^HTTP\/1\.[01] [1-5]\d\d/;

export interface Http1Head {
  /** Without query, fragment: of a request line these are cut as they come. */
  startLine: string;
  headers: Map<string, string>;
  /** When its first byte passed. */
  nanos: number;
  /** All of its lines were captured. */
  whole: boolean;
  /** Bytes were missed before it: there may have been heads among them. */
  afterGap: boolean;
}

/** What follows a head. */
export type Http1Body = number | 'chunked' | 'until-close' | 'stop';

export type Http1Kind = 'request' | 'response';

type State =
  'start-line' | 'headers' | 'length' | 'chunk-size' | 'chunk-data' | 'trailers' | 'until-close' | 'lost';

export class Http1Reader {
  readonly #position = new StreamPosition();
  #state: State = 'start-line';
  #line = '';
  /** The rest of the line is not wanted. */
  #skipsLine = false;
  /** Within the query of a request line. */
  #inQuery = false;
  #skip = 0;
  #head: Http1Head | undefined;
  #searches = 0;
  #foundAgain = false;
  #nanos = 0;
  /** Nothing more is read: the connection turned to another protocol. */
  stopped = false;

  /**
   * @param onHead called with each head, whole or cut; says what follows it
   */
  constructor(
    private readonly kind: Http1Kind,
    private readonly onHead: (head: Http1Head) => Http1Body,
  ) {}

  get ended(): boolean {
    return this.stopped || this.#state === 'until-close' || this.#searches >= maximumSearches;
  }

  /** Takes a piece in; returns the index of the first byte that belongs to another protocol, or its length. */
  feed(piece: Piece): number {
    const { bytes } = piece;
    let at = this.#position.take(piece);
    if (at === bytes.length || this.ended) return this.stopped ? at : bytes.length;
    this.#nanos = piece.nanos;
    if (this.#position.missed > 0) this.#pass(this.#position.missed);
    if (this.#state === 'lost' && !this.#findAgain(bytes, at)) return bytes.length;
    while (at < bytes.length && this.#reads()) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#state === 'length') {
        this.#state = 'start-line';
      } else if (this.#state === 'chunk-data') {
        this.#state = 'chunk-size';
      } else {
        at = this.#readLine(bytes, at);
      }
    }
    if (piece.truncated && this.#head !== undefined) this.#lose();
    return this.stopped ? at : bytes.length;
  }

  #reads(): boolean {
    return !this.ended && this.#state !== 'lost';
  }

  #readLine(bytes: Uint8Array, from: number): number {
    const feedAt = bytes.indexOf(0x0a, from);
    const end = feedAt < 0 ? bytes.length : feedAt;
    if (this.#state === 'start-line' && this.#line === '' && this.#head === undefined) {
      // Empty lines between messages are allowed.
      if (end === from || (end === from + 1 && byteAt(bytes, from) === 0x0d)) return end + 1;
      this.#head = {
        startLine: '',
        headers: new Map(),
        nanos: this.#nanos,
        whole: false,
        afterGap: this.#foundAgain,
      };
      this.#foundAgain = false;
    }
    this.#addToLine(bytes, from, end);
    if (feedAt >= 0) this.#endLine();
    return end + 1;
  }

  #addToLine(bytes: Uint8Array, from: number, end: number): void {
    if (this.#skipsLine) return;
    if (this.#state === 'start-line') {
      this.#addToStartLine(latin1(bytes, from, end));
      return;
    }
    const room = maximumLine - this.#line.length;
    const text = latin1(bytes, from, Math.min(end, from + Math.max(0, room)));
    if (this.#state !== 'headers') {
      // A chunk's size, an empty line: only the first characters matter.
      this.#line = (this.#line + text).slice(0, maximumHeaderName);
      return;
    }
    const whole = this.#line + text;
    const colon = whole.indexOf(':');
    const unwanted =
      colon < 0 ? whole.length > maximumHeaderName : !wantedHeaders.has(whole.slice(0, colon).toLowerCase());
    this.#skipsLine = unwanted;
    // So that the line is not taken for the empty one.
    this.#line = unwanted ? '-' : whole;
  }

  #addToStartLine(text: string): void {
    let rest = text;
    while (rest.length > 0 && this.#line.length < maximumLine) {
      if (this.#inQuery) {
        const blank = rest.indexOf(' ');
        if (blank < 0) return;
        this.#inQuery = false;
        rest = rest.slice(blank);
      }
      const query = this.kind === 'request' ? rest.search(/[?#]/) : -1;
      this.#line = (this.#line + (query < 0 ? rest : rest.slice(0, query))).slice(0, maximumLine);
      this.#inQuery = query >= 0;
      rest = query < 0 ? '' : rest.slice(query);
    }
  }

  #endLine(): void {
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
    this.#line = '';
    this.#skipsLine = false;
    this.#inQuery = false;
    if (this.#state === 'start-line') this.#startLine(line);
    else if (this.#state === 'headers') this.#header(line);
    else if (this.#state === 'chunk-size') this.#chunkSize(line);
    else if (this.#state === 'trailers' && line === '') this.#state = 'start-line';
  }

  #startLine(line: string): void {
    const starts = this.kind === 'request' ? startOfRequest : startOfResponse;
    if (this.#head === undefined || !starts.test(line)) {
      this.#head = undefined;
      this.#lose();
      return;
    }
    this.#head.startLine = line;
    this.#state = 'headers';
  }

  #header(line: string): void {
    if (this.#head === undefined) return;
    if (line === '') {
      this.#head.whole = true;
      this.#endHead();
      return;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) return;
    const name = line.slice(0, colon).toLowerCase();
    if (wantedHeaders.has(name) && !this.#head.headers.has(name))
      this.#head.headers.set(name, line.slice(colon + 1).trim());
  }

  #endHead(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined || head.startLine === '') return;
    this.#searches = 0;
    const body = this.onHead(head);
    if (!head.whole) return;
    if (body === 'stop') {
      this.stopped = true;
      this.#state = 'start-line';
    } else if (body === 'until-close') this.#state = 'until-close';
    else if (body === 'chunked') this.#state = 'chunk-size';
    else {
      this.#skip = body;
      this.#state = 'length';
    }
  }

  #chunkSize(line: string): void {
    const size = /^([0-9a-f]{1,12})[ \t]*(;|$)/i.exec(line)?.[1];
    if (size === undefined) {
      this.#lose();
      return;
    }
    const length = Number.parseInt(size, 16);
    this.#state = length === 0 ? 'trailers' : 'chunk-data';
    // The data is followed by an empty line.
    this.#skip = length === 0 ? 0 : length + 2;
  }

  /** Passes over bytes that were not captured. */
  #pass(missed: number): void {
    if (missed > this.#skip) this.#lose();
    else this.#skip -= missed;
  }

  #lose(): void {
    if (this.#state === 'until-close') return;
    const isStart =
      this.#state === 'start-line' && this.kind === 'request' && startOfRequest.test(this.#line);
    // A target that was cut is still worth showing.
    if (isStart && this.#head !== undefined) this.#head.startLine = this.#line;
    this.#state = 'lost';
    this.#line = '';
    this.#skipsLine = false;
    this.#inQuery = false;
    this.#skip = 0;
    this.#endHead();
    if (!this.stopped) this.#state = 'lost';
  }

  /** Programs write a message at once: its head begins a piece. A body may begin one too, and is none of our business. */
  #findAgain(bytes: Uint8Array, at: number): boolean {
    this.#searches += 1;
    const line = latin1(bytes, at, Math.min(bytes.length, at + 16));
    const found = this.kind === 'request' ? knownRequestStart.test(line) : startOfResponse.test(line);
    if (found) this.#state = 'start-line';
    this.#foundAgain = found;
    return found;
  }
}

const knownRequestStart =
  /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|REPORT) (\/|\*|https?:|[\w.[-]+)/;

/** Whether bytes begin a request: `yes` once the version follows, `more` while they may. */
export function requestStart(bytes: Uint8Array): 'yes' | 'no' | 'more' {
  const methodEnd = tokenEnd(bytes, 0, 20);
  if (methodEnd === bytes.length) return bytes.length > 20 ? 'no' : 'more';
  if (methodEnd < 3 || byteAt(bytes, methodEnd) !== 0x20) return 'no';
  const target = byteAt(bytes, methodEnd + 1);
  if (target < 0) return 'more';
  if (target <= 0x20 || target > 0x7e) return 'no';
  for (let at = methodEnd + 1; at < bytes.length; at += 1) {
    const byte = byteAt(bytes, at);
    if (byte === 0x20) {
      const version = latin1(bytes, at + 1, at + 9);
      if (/^HTTP\/1\.[01]$/.test(version)) return 'yes';
      return version.length < 8 && 'HTTP/1.'.startsWith(version.slice(0, 7)) ? 'more' : 'no';
    }
    if (byte < 0x20 || byte === 0x7f) return 'no';
  }
  return 'more';
}

/** Whether bytes begin a response. */
export function responseStart(bytes: Uint8Array): 'yes' | 'no' | 'more' {
  const line = latin1(bytes, 0, 12);
  if (startOfResponse.test(line)) return 'yes';
  const pattern = 'HTTP/1.1 200';
  const shape = line
    .replace(/^(HTTP\/1\.)[01]/, '$11')
    .replace(/ [1-5]\d?\d?$/, (code) => ' 200'.slice(0, code.length));
  return line.length < 12 && pattern.startsWith(shape) ? 'more' : 'no';
}

/** End of a run of upper-case letters and hyphens. */
function tokenEnd(bytes: Uint8Array, from: number, limit: number): number {
  let at = from;
  while (at < bytes.length && at - from <= limit) {
    const byte = byteAt(bytes, at);
    if (!((byte >= 0x41 && byte <= 0x5a) || byte === 0x2d)) break;
    at += 1;
  }
  return at;
}
