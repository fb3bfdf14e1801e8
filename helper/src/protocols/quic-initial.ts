// Initial packets of QUIC are encrypted with keys that everybody can derive (RFC 9001, section 5.2): they protect from
// chance, not from observers. Only these are read; the keys of everything else are known to the two ends alone.
import type { KeyObject } from 'node:crypto';
import type { Side } from './opening';
import { byteAt } from './bytes';
import { readVariable, type InitialPacket, type QuicVersion } from './quic-packet';

/** Loaded with the first packet of QUIC: it takes three megabytes, which most helpers never need. */
const crypto = () => process.getBuiltinModule('node:crypto');

const keyLength = 16;
const nonceLength = 12;
const tagLength = 16;
const sampleLength = 16;

export interface InitialKeys {
  key: KeyObject;
  nonce: Buffer;
  headerKey: KeyObject;
}

/** The keys of one side, from the id that the client chose for the server at first (or the server, with Retry). */
export function deriveInitialKeys(version: QuicVersion, destination: Uint8Array, side: Side): InitialKeys {
  const { createSecretKey } = crypto();
  const initial = authenticate(createSecretKey(version.salt), destination);
  const secret = createSecretKey(expand(createSecretKey(initial), `${side} in`, 32));
  return {
    key: createSecretKey(expand(secret, `${version.prefix} key`, keyLength)),
    nonce: expand(secret, `${version.prefix} iv`, nonceLength),
    headerKey: createSecretKey(expand(secret, `${version.prefix} hp`, keyLength)),
  };
}

/** HKDF-Expand-Label with an empty context; at most the 32 bytes of one round. */
function expand(secret: KeyObject, label: string, length: number): Buffer {
  const full = `tls13 ${label}`;
  const info = Buffer.from([0, length, full.length, ...Buffer.from(full, 'latin1'), 0, 1]);
  return authenticate(secret, info).subarray(0, length);
}

/** Keys are key objects throughout: Node takes three times as long to look at keys that are plain bytes. */
function authenticate(key: KeyObject, bytes: Uint8Array): Buffer {
  return crypto().createHmac('sha256', key).update(bytes).digest();
}

/**
 * Decrypts a packet's frames. A packet that is whole is authenticated: undefined where these are not its keys. Of one that was
 * cut, what is there is decrypted, unauthenticated.
 */
export function openInitial(
  { bytes, numberAt, whole }: InitialPacket,
  keys: InitialKeys,
): Buffer | undefined {
  const sampleAt = numberAt + 4;
  if (sampleAt + sampleLength > bytes.length) return undefined;
  const { createCipheriv, createDecipheriv } = crypto();
  const cipher = createCipheriv('aes-128-ecb', keys.headerKey, null);
  const mask = cipher.update(bytes.subarray(sampleAt, sampleAt + sampleLength));
  const first = byteAt(bytes, 0) ^ (byteAt(mask, 0) & 0x0f);
  const numberLength = (first & 3) + 1;
  const payloadAt = numberAt + numberLength;
  const header = Buffer.from(bytes.subarray(0, payloadAt));
  header[0] = first;
  const nonce = Buffer.from(keys.nonce);
  for (let index = 0; index < numberLength; index += 1) {
    const byte = byteAt(bytes, numberAt + index) ^ byteAt(mask, 1 + index);
    header[numberAt + index] = byte;
    const place = nonceLength - numberLength + index;
    nonce[place] = byteAt(nonce, place) ^ byte;
  }
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce);
  if (!whole) return decipher.update(bytes.subarray(payloadAt));
  const tagAt = bytes.length - tagLength;
  if (tagAt < payloadAt) return undefined;
  decipher.setAAD(header);
  decipher.setAuthTag(bytes.subarray(tagAt));
  const payload = decipher.update(bytes.subarray(payloadAt, tagAt));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return payload;
}

const FrameType = {
  Padding: 0,
  Ping: 1,
  Acknowledge: 2,
  AcknowledgeMarks: 3,
  Crypto: 6,
  Close: 0x1c,
} as const;
const maximumFrames = 512;
/** Errors of the handshake are alerts of TLS, from here on. */
const cryptoError = 0x100;

export interface InitialFrames {
  crypto: { offset: number; bytes: Uint8Array }[];
  /** The alert with which the connection is closed. */
  alert: number | undefined;
}

/** Reads the frames that an Initial packet may hold; undefined where something else stands before any of them. */
export function readInitialFrames(payload: Uint8Array): InitialFrames | undefined {
  const frames: InitialFrames = { crypto: [], alert: undefined };
  let at = 0;
  for (let count = 0; count < maximumFrames && at < payload.length; count += 1) {
    const type = byteAt(payload, at);
    at += 1;
    if (type === FrameType.Padding) {
      while (byteAt(payload, at) === FrameType.Padding) at += 1;
    } else if (type === FrameType.Acknowledge || type === FrameType.AcknowledgeMarks) {
      const end = passAcknowledgement(payload, at, type === FrameType.AcknowledgeMarks);
      if (end === undefined) return frames;
      at = end;
    } else if (type === FrameType.Crypto) {
      const offset = readVariable(payload, at);
      const length = offset && readVariable(payload, offset.end);
      if (offset === undefined || length === undefined) return frames;
      at = length.end + length.value;
      frames.crypto.push({ offset: offset.value, bytes: payload.subarray(length.end, at) });
    } else if (type === FrameType.Close) {
      const code = readVariable(payload, at)?.value ?? 0;
      if (code >> 8 === cryptoError >> 8) frames.alert = code & 0xff;
      return frames;
    } else if (type !== FrameType.Ping) {
      return frames.crypto.length > 0 ? frames : undefined;
    }
  }
  return frames;
}

function passAcknowledgement(payload: Uint8Array, start: number, marks: boolean): number | undefined {
  let at = start;
  let ranges = 0;
  // Largest, delay, number of further ranges, first range; then two numbers a range, and three counters.
  for (let index = 0; index < 4 + 2 * ranges + (marks ? 3 : 0); index += 1) {
    const number = readVariable(payload, at);
    if (number === undefined) return undefined;
    if (index === 2) ranges = Math.min(number.value, payload.length);
    at = number.end;
  }
  return at;
}
