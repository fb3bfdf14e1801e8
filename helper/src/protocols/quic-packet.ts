// Packets of QUIC with a long header (RFC 8999, 9000, 9369), as they stand one behind the other in a datagram.
import { byteAt, uint16, uint32 } from './bytes';

export interface QuicVersion {
  label: string;
  /** From which the keys of Initial packets are derived, with the id that the client chose. */
  salt: Buffer;
  /** Begins the labels of the derivation. */
  prefix: string;
  /** The two bits that mean Initial. */
  initialType: number;
}

/** Versions whose Initial packets can be read. */
export const quicVersions: ReadonlyMap<number, QuicVersion> = new Map([
  [
    0x0000_0001,
    {
      label: 'QUIC v1',
      salt: Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex'),
      prefix: 'quic',
      initialType: 0,
    },
  ],
  [
    0x6b33_43cf,
    {
      label: 'QUIC v2',
      salt: Buffer.from('0dede3def700a6db819381be6e269dcbf9bd2ed9', 'hex'),
      prefix: 'quicv2',
      initialType: 1,
    },
  ],
  [
    0x709a_50c4,
    {
      label: 'QUIC v2 draft',
      salt: Buffer.from('a707c203a59b47184a1d62ca570406ea7ae3e5d3', 'hex'),
      prefix: 'quicv2',
      initialType: 1,
    },
  ],
  [
    0xff00_001d,
    {
      label: 'QUIC draft 29',
      salt: Buffer.from('afbfec289993d24c9e9786f19c6111e04390a899', 'hex'),
      prefix: 'quic',
      initialType: 0,
    },
  ],
]);

const longestId = 20;

export interface LongHeader {
  version: number;
  /** The two bits of the packet's type; their meaning depends on the version. */
  type: number;
  destination: Uint8Array;
  source: Uint8Array;
  /** Where what follows the ids begins. */
  end: number;
}

/** The header that all versions share; undefined for what is none. */
export function readLongHeader(bytes: Uint8Array, at: number): LongHeader | undefined {
  const first = byteAt(bytes, at);
  const version = uint32(bytes, at + 1);
  if (first < 0x80 || version < 0) return undefined;
  const destinationLength = byteAt(bytes, at + 5);
  const sourceAt = at + 6 + destinationLength;
  const sourceLength = byteAt(bytes, sourceAt);
  const end = sourceAt + 1 + sourceLength;
  if (destinationLength < 0 || destinationLength > longestId || sourceLength < 0 || sourceLength > longestId)
    return undefined;
  if (end > bytes.length) return undefined;
  return {
    version,
    type: (first >> 4) & 3,
    destination: bytes.subarray(at + 6, sourceAt),
    source: bytes.subarray(sourceAt + 1, end),
    end,
  };
}

export interface InitialPacket {
  destination: Uint8Array;
  version: QuicVersion;
  /** From its first byte to its last, or to where the capture was cut. */
  bytes: Uint8Array;
  /** Where the protected packet number begins in it. */
  numberAt: number;
  /** It is all there. */
  whole: boolean;
}

export interface QuicPackets {
  initials: InitialPacket[];
  /** A packet with a short header: its sender has finished the handshake. */
  short: boolean;
  retry: boolean;
  /** A version that is not known, or 0 where there is none. */
  unknownVersion: number;
}

const maximumPackets = 8;

/** Takes a datagram apart. */
export function readPackets(bytes: Uint8Array): QuicPackets {
  const packets: QuicPackets = { initials: [], short: false, retry: false, unknownVersion: 0 };
  let at = 0;
  for (let count = 0; count < maximumPackets && at < bytes.length; count += 1) {
    const first = byteAt(bytes, at);
    if (first < 0x80) {
      packets.short = (first & 0x40) !== 0;
      break;
    }
    const header = readLongHeader(bytes, at);
    if (header === undefined) break;
    const version = quicVersions.get(header.version);
    if (version === undefined) {
      packets.unknownVersion = header.version;
      break;
    }
    const type = (header.type - version.initialType + 4) % 4;
    if (type === 3) {
      packets.retry = true;
      break;
    }
    const token = type === 0 ? readVariable(bytes, header.end) : { value: 0, end: header.end };
    if (token === undefined) break;
    const length = readVariable(bytes, token.end + token.value);
    if (length === undefined) break;
    const end = length.end + length.value;
    if (type === 0) {
      packets.initials.push({
        destination: header.destination,
        version,
        bytes: bytes.subarray(at, end),
        numberAt: length.end - at,
        whole: end <= bytes.length,
      });
    }
    at = end;
  }
  return packets;
}

/** A number in one, two, four or eight bytes; undefined where it is cut or larger than any length. */
export function readVariable(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  const first = byteAt(bytes, at);
  if (first < 0) return undefined;
  const width = 1 << (first >> 6);
  if (at + width > bytes.length) return undefined;
  if (width === 1) return { value: first, end: at + 1 };
  if (width === 2) return { value: uint16(bytes, at) & 0x3fff, end: at + 2 };
  if (width === 4) return { value: uint32(bytes, at) & 0x3fff_ffff, end: at + 4 };
  const high = uint32(bytes, at) & 0x3fff_ffff;
  return high === 0 ? { value: uint32(bytes, at + 4), end: at + 8 } : undefined;
}
