// Changes of an input: of its bytes, and of the pieces of a conversation.
import { decode, encode, type Piece } from './conversation';
import type { Random } from './random';

const longestInput = 16_384;
const numbers = [0, 1, 2, 3, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

type Change = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

function at(bytes: Uint8Array, random: Random): number {
  return random.below(Math.max(1, bytes.length));
}

/** Most lengths stand near the start, and a change there goes furthest. */
function nearStart(bytes: Uint8Array, random: Random): number {
  return random.below(2) === 0 ? random.below(Math.min(64, Math.max(1, bytes.length))) : at(bytes, random);
}

const changes: readonly Change[] = [
  (bytes, random) => {
    const place = at(bytes, random);
    bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  (bytes, random) => {
    bytes[nearStart(bytes, random)] = random.below(256);
    return bytes;
  },
  (bytes, random) => {
    // A number of one to four bytes becomes an extreme one, or the length of what follows.
    const place = nearStart(bytes, random);
    const width = 1 + random.below(4);
    const value = random.below(3) === 0 ? bytes.length - place - width : random.of(numbers);
    const little = random.below(2) === 0;
    for (let index = 0; index < width && place + index < bytes.length; index += 1) {
      const byte = little ? index : width - 1 - index;
      bytes[place + index] = random.below(6) === 0 ? 0xff : (value >>> (8 * byte)) & 0xff;
    }
    return bytes;
  },
  (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(16))]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    const part = bytes.subarray(from, from + 1 + random.below(64));
    const times = Array.from({ length: 1 + random.below(8) }, () => part);
    return Buffer.concat([bytes.subarray(0, from), ...times, bytes.subarray(from)]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    const noise = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
    return Buffer.concat([bytes.subarray(0, from), noise, bytes.subarray(from)]);
  },
  (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, at(bytes, random)), other.subarray(at(other, random))]),
  (bytes, random) => bytes.subarray(0, at(bytes, random)),
];

/** Changes of a run of bytes. */
export function mutateBytes(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let changed: Uint8Array = Uint8Array.from(bytes);
  for (let count = 1 + random.below(4); count > 0; count -= 1)
    changed = random.of(changes)(changed, random, other);
  return changed.subarray(0, longestInput);
}

type PieceChange = (pieces: Piece[], random: Random, other: readonly Piece[]) => void;

const pieceChanges: readonly PieceChange[] = [
  (pieces, random) => void pieces.splice(random.below(pieces.length), 1),
  (pieces, random) => void pieces.splice(random.below(pieces.length), 0, random.of(pieces)),
  (pieces, random, other) => {
    if (other.length > 0) pieces.splice(random.below(pieces.length + 1), 0, random.of(other));
  },
  (pieces, random) => {
    // One piece arrives as two.
    const index = random.below(pieces.length);
    const piece = pieces[index];
    if (piece === undefined) return;
    const place = at(piece.bytes, random);
    const first = { ...piece, bytes: piece.bytes.subarray(0, place), truncated: false };
    pieces.splice(index, 1, first, { ...piece, gap: 0, bytes: piece.bytes.subarray(place) });
  },
  (pieces, random) => {
    const piece = random.of(pieces);
    piece.direction = piece.direction === 'sent' ? 'received' : 'sent';
  },
  (pieces, random) => {
    const piece = random.of(pieces);
    piece.truncated = !piece.truncated;
  },
  (pieces, random) => {
    random.of(pieces).gap = random.of([0, 1, 4, 100, 1_448, 65_535]);
  },
];

/** Changes of a conversation: one in three of its order, the others of a piece's bytes. */
export function mutateConversation(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const pieces = decode(input).map((piece) => ({ ...piece }));
  const others = decode(other);
  if (pieces.length === 0) return mutateBytes(input, random, other);
  for (let count = 1 + random.below(3); count > 0 && pieces.length > 0; count -= 1) {
    if (random.below(3) === 0) random.of(pieceChanges)(pieces, random, others);
    else {
      const piece = random.of(pieces);
      piece.bytes = mutateBytes(piece.bytes, random, others[0]?.bytes ?? piece.bytes);
    }
  }
  return encode(pieces.slice(0, 32)).subarray(0, longestInput);
}
