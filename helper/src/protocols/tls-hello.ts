// ClientHello and ServerHello of TLS (RFC 8446, RFC 5246), as they also stand in QUIC's CRYPTO frames. Both may have been
// cut by the capture: what is there is read.
import { byteAt, latin1, uint16, uint24, uint32 } from './bytes';
import { validHostName } from './host-name';

export const HandshakeType = { ClientHello: 1, ServerHello: 2 } as const;

const Extension = {
  ServerName: 0,
  Alpn: 16,
  EarlyData: 42,
  SupportedVersions: 43,
  EncryptedClientHello: 0xfe0d,
} as const;

const maximumProtocols = 8;
const longestProtocol = 32;
/** More extensions than any client sends; bounds the work on hostile ones. */
const maximumExtensions = 128;
/** What the random bytes of a ServerHello are when it asks for another hello: the start of SHA-256("HelloRetryRequest"). */
const retryRandom = [0xcf21ad74, 0xe59a6111] as const;

export interface ClientHello {
  host: string | undefined;
  alpn: string[];
  /** Highest version offered that is no grease. */
  version: number;
  encryptedClientHello: boolean;
  earlyData: boolean;
}

export interface ServerHello {
  version: number;
  alpn: string | undefined;
  /** Asks the client for another hello. */
  retry: boolean;
}

const versionNames = new Map([
  [0x0300, 'SSL 3.0'],
  [0x0301, 'TLS 1.0'],
  [0x0302, 'TLS 1.1'],
  [0x0303, 'TLS 1.2'],
  [0x0304, 'TLS 1.3'],
]);

/** `TLS 1.3` for 0x0304; drafts of 1.3 count as it; undefined for what is no version. */
export function tlsVersionName(version: number): string | undefined {
  return version >> 8 === 0x7f ? 'TLS 1.3' : versionNames.get(version);
}

/** Reads a hello, from the byte after the handshake header (type and length). */
export function readClientHello(bytes: Uint8Array): ClientHello {
  const hello: ClientHello = {
    host: undefined,
    alpn: [],
    version: Math.max(0, uint16(bytes, 0)),
    encryptedClientHello: false,
    earlyData: false,
  };
  const sessionId = 34;
  const ciphers = sessionId + 1 + Math.max(0, byteAt(bytes, sessionId));
  const compression = ciphers + 2 + Math.max(0, uint16(bytes, ciphers));
  const extensions = compression + 1 + Math.max(0, byteAt(bytes, compression));
  readExtensions(bytes, extensions, (type, data) => {
    if (type === Extension.ServerName) hello.host = readServerName(data);
    else if (type === Extension.Alpn) hello.alpn = readProtocols(data);
    else if (type === Extension.SupportedVersions) hello.version = highestVersion(data) ?? hello.version;
    // The first byte tells the outer hello from the inner one, which no observer sees.
    else if (type === Extension.EncryptedClientHello) hello.encryptedClientHello = byteAt(data, 0) === 0;
    else if (type === Extension.EarlyData) hello.earlyData = true;
  });
  return hello;
}

/** Reads a hello, from the byte after the handshake header. */
export function readServerHello(bytes: Uint8Array): ServerHello {
  const hello: ServerHello = {
    version: Math.max(0, uint16(bytes, 0)),
    alpn: undefined,
    retry: uint32(bytes, 2) === retryRandom[0] && uint32(bytes, 6) === retryRandom[1],
  };
  const sessionId = 34;
  const cipher = sessionId + 1 + Math.max(0, byteAt(bytes, sessionId));
  readExtensions(bytes, cipher + 3, (type, data) => {
    if (type === Extension.SupportedVersions && data.length === 2) hello.version = uint16(data, 0);
    else if (type === Extension.Alpn) hello.alpn = readProtocols(data)[0];
  });
  return hello;
}

/** An extension that was cut is given as far as it is there. */
function readExtensions(
  bytes: Uint8Array,
  start: number,
  use: (type: number, data: Uint8Array) => void,
): void {
  const end = Math.min(bytes.length, start + 2 + Math.max(0, uint16(bytes, start)));
  let at = start + 2;
  for (let count = 0; count < maximumExtensions && at + 4 <= end; count += 1) {
    const length = uint16(bytes, at + 2);
    use(uint16(bytes, at), bytes.subarray(at + 4, Math.min(end, at + 4 + length)));
    at += 4 + length;
  }
}

function readServerName(data: Uint8Array): string | undefined {
  if (byteAt(data, 2) !== 0) return undefined;
  const length = uint16(data, 3);
  // Half a name would be another name.
  if (length <= 0 || length > 253 || data.length < 5 + length) return undefined;
  return validHostName(latin1(data, 5, 5 + length));
}

function readProtocols(data: Uint8Array): string[] {
  const protocols: string[] = [];
  let at = 2;
  while (at < data.length && protocols.length < maximumProtocols) {
    const length = byteAt(data, at);
    if (length === 0 || at + 1 + length > data.length) break;
    const name = length > longestProtocol ? '' : latin1(data, at + 1, at + 1 + length);
    if (/^[!-~]+$/.test(name) && !isGrease(uint16(data, at + 1), length)) protocols.push(name);
    at += 1 + length;
  }
  return protocols;
}

function highestVersion(data: Uint8Array): number | undefined {
  let highest: number | undefined;
  for (let at = 1; at + 2 <= Math.min(data.length, 65); at += 2) {
    const version = uint16(data, at);
    if (tlsVersionName(version) !== undefined && version > (highest ?? 0)) highest = version;
  }
  return highest;
}

/** Values that clients send so that servers learn to ignore what they do not know (RFC 8701). */
function isGrease(value: number, length: number): boolean {
  return length === 2 && (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/**
 * Bytes of a handshake, in order, that may be spread over records and segments: hands out each message when it is whole, or
 * cut where no more will come. Holds at most `limit` bytes.
 */
export class HandshakeMessages {
  #bytes: Uint8Array | undefined;
  #filled = 0;

  constructor(
    private readonly use: (type: number, body: Uint8Array) => void,
    private readonly limit = 32_768,
  ) {}

  add(bytes: Uint8Array): void {
    const whole = this.#joined(bytes);
    let at = 0;
    while (at + 4 <= whole.length) {
      const end = at + 4 + uint24(whole, at + 1);
      if (end > whole.length && whole.length - at < this.limit) break;
      this.use(byteAt(whole, at), whole.subarray(at + 4, end));
      at = end;
    }
    this.#keep(at < whole.length ? whole.subarray(at) : undefined);
  }

  /** No more will come: what is there of a message is handed out. */
  end(): void {
    const bytes = this.#bytes?.subarray(0, this.#filled);
    this.#keep(undefined);
    if (bytes !== undefined && bytes.length > 4) this.use(byteAt(bytes, 0), bytes.subarray(4));
  }

  #joined(bytes: Uint8Array): Uint8Array {
    if (this.#bytes === undefined) return bytes;
    const needed = this.#filled + bytes.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#filled));
      larger.set(this.#bytes.subarray(0, this.#filled));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#filled);
    return this.#bytes.subarray(0, needed);
  }

  #keep(rest: Uint8Array | undefined): void {
    if (rest === undefined) {
      this.#bytes = undefined;
      this.#filled = 0;
      return;
    }
    if (rest.buffer !== this.#bytes?.buffer || rest.byteOffset !== this.#bytes.byteOffset)
      this.#bytes = rest.slice();
    this.#filled = rest.length;
  }
}
