// The other half of quic-initial.ts: makes Initial packets, and opens recorded ones.
import { createCipheriv } from 'node:crypto';
import { deriveInitialKeys, openInitial, type InitialKeys } from '../../helper/src/protocols/quic-initial';
import { readPackets } from '../../helper/src/protocols/quic-packet';

const numberLength = 4;
const tagLength = 16;
const longestPayload = 1_400;

/** A client's Initial packet of version 1 with these frames, filled up to the size that a server insists on. */
export function sealInitial(frames: Uint8Array, destination: Uint8Array, keys: InitialKeys): Uint8Array {
  const payload = Buffer.alloc(Math.max(1_162, Math.min(frames.length, longestPayload)));
  payload.set(frames.subarray(0, longestPayload));
  const length = numberLength + payload.length + tagLength;
  const header = Buffer.from([
    0xc3,
    0,
    0,
    0,
    1,
    destination.length,
    ...destination,
    0,
    0,
    0x40 | (length >> 8),
    length & 0xff,
    0,
    0,
    0,
    2,
  ]);
  const numberAt = header.length - numberLength;
  const nonce = Buffer.from(keys.nonce);
  nonce[11] = (nonce[11] ?? 0) ^ 2;
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce);
  cipher.setAAD(header);
  const sealed = Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const mask = createCipheriv('aes-128-ecb', keys.headerKey, null).update(
    sealed.subarray(numberAt + 4, numberAt + 20),
  );
  sealed[0] = (sealed[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f);
  for (let index = 0; index < numberLength; index += 1)
    sealed[numberAt + index] = (sealed[numberAt + index] ?? 0) ^ (mask[1 + index] ?? 0);
  return sealed;
}

/** The frames of the Initial packets in a datagram of a client, as far as its own id opens them. */
export function readInitial(datagram: Uint8Array): Uint8Array[] {
  return readPackets(datagram).initials.flatMap((packet) => {
    const payload = openInitial(packet, deriveInitialKeys(packet.version, packet.destination, 'client'));
    return payload === undefined ? [] : [payload];
  });
}
