// A conversation as one run of bytes, so that it can be changed, kept and given to an inspector.
import type { Direction } from '../../helper/src/protocols/detection';

export interface Piece {
  direction: Direction;
  truncated: boolean;
  /** Bytes that are missing before it. */
  gap: number;
  bytes: Uint8Array;
}

const headerLength = 5;
const Flag = { Received: 1, Truncated: 2 } as const;
/** No piece is longer: a segment with 64 kB of which this much was copied. */
const longestPiece = 4_096;

/** Per piece: flags, gap (2), length (2), bytes. */
export function encode(pieces: readonly Piece[]): Uint8Array {
  return Buffer.concat(
    pieces.map(({ direction, truncated, gap, bytes }) => {
      const kept = bytes.subarray(0, longestPiece);
      const header = Buffer.alloc(headerLength);
      header[0] = (direction === 'received' ? Flag.Received : 0) | (truncated ? Flag.Truncated : 0);
      header.writeUInt16BE(Math.min(gap, 0xffff), 1);
      header.writeUInt16BE(kept.length, 3);
      return Buffer.concat([header, kept]);
    }),
  );
}

/** Reads whatever it is given; the last piece may be shorter than it says. */
export function decode(input: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  for (let at = 0; at + headerLength < bytes.length;) {
    const flags = bytes.readUInt8(at);
    const length = bytes.readUInt16BE(at + 3) % (longestPiece + 1);
    pieces.push({
      direction: (flags & Flag.Received) !== 0 ? 'received' : 'sent',
      truncated: (flags & Flag.Truncated) !== 0,
      gap: bytes.readUInt16BE(at + 1),
      bytes: bytes.subarray(at + headerLength, at + headerLength + length),
    });
    at += headerLength + length;
  }
  return pieces;
}
