// QUIC: recognised by an Initial packet that opens with the published keys; followed until the handshake is over.
import { byteAt, uint24, uint32 } from './bytes';
import type { Detection, Fact, TlsDetails } from './detection';
import {
  endOf,
  type Datagram,
  type Follower,
  type FollowerSetting,
  type Match,
  type Piece,
  type Side,
} from './opening';
import {
  deriveInitialKeys,
  openInitial,
  readInitialFrames,
  type InitialFrames,
  type InitialKeys,
} from './quic-initial';
import { quicVersions, readLongHeader, readPackets, type InitialPacket } from './quic-packet';
import { Reassembly } from './reassembly';
import { describeAlert } from './tls-alerts';
import { HandshakeType, readClientHello } from './tls-hello';
import { describeSecure } from './tls-label';

/** A client fills its first datagram at least to this. */
const minimumFirstDatagram = 1_200;
const minimumFirstId = 8;
const longestHello = 16_384;
const messageHeaderLength = 4;
/** Datagrams of one side that are looked at. */
const maximumDatagrams = 16;

export function probeQuic({ bytes, truncated }: Datagram): Match | undefined {
  if (byteAt(bytes, 0) < 0x80) return undefined;
  const header = readLongHeader(bytes, 0);
  if (header === undefined) return undefined;
  if (header.version === 0) return probeNegotiation(bytes, header.end);
  const isFirst =
    header.destination.length >= minimumFirstId && (bytes.length >= minimumFirstDatagram || truncated);
  const known = quicVersions.get(header.version);
  if (known === undefined) {
    if (!isFirst || byteAt(bytes, 0) < 0xc0) return undefined;
    return {
      application: 'quic',
      label: `QUIC 0x${header.version.toString(16)}`,
      certainty: 'likely',
      sender: 'client',
    };
  }
  const initial = readPackets(bytes).initials[0];
  if (initial === undefined) return undefined;
  const keys = deriveInitialKeys(known, initial.destination, 'client');
  const destination = initial.destination.slice();
  const follow = (setting: FollowerSetting) =>
    new QuicFollower(setting, known.label, destination, { client: keys });
  const opened = openInitial(initial, keys);
  const readable = opened !== undefined && readInitialFrames(opened) !== undefined;
  if (readable) {
    return {
      application: 'quic',
      label: known.label,
      certainty: initial.whole ? 'certain' : 'likely',
      sender: 'client',
      follow,
    };
  }
  // An answer: its keys come from an id that was not seen.
  return initial.whole && header.source.length > 0
    ? { application: 'quic', label: known.label, certainty: 'likely', sender: 'server' }
    : undefined;
}

/** A server that does not know the version lists those that it does. */
function probeNegotiation(bytes: Uint8Array, listAt: number): Match | undefined {
  if ((bytes.length - listAt) % 4 !== 0 || bytes.length - listAt > 256) return undefined;
  for (let at = listAt; at + 4 <= bytes.length; at += 4) {
    if (quicVersions.has(uint32(bytes, at)))
      return { application: 'quic', label: 'QUIC', certainty: 'certain', sender: 'server' };
  }
  return undefined;
}

class QuicFollower implements Follower {
  readonly #hello = new Reassembly(longestHello);
  /** The id from which the keys come, and those that were needed so far. */
  #destination: Uint8Array;
  #keys: Partial<Record<Side, InitialKeys>>;
  #host: string | undefined;
  #tls: TlsDetails = { version: 'TLS 1.3', offeredAlpn: [], encryptedClientHello: false };
  #helloRead = false;
  #startNanos: number | undefined;
  readonly #datagrams = { client: 0, server: 0 };
  #over = false;
  #detection: Detection;

  constructor(
    private readonly setting: FollowerSetting,
    private readonly label: string,
    destination: Uint8Array,
    keys: Partial<Record<Side, InitialKeys>>,
  ) {
    this.#destination = destination;
    this.#keys = keys;
    this.#detection = this.#describe();
  }

  get detection(): Detection {
    return this.#detection;
  }

  feed(side: Side, { bytes, nanos }: Piece, facts: Fact[]): void {
    if (this.#over || this.#datagrams[side] >= maximumDatagrams) return;
    this.#datagrams[side] += 1;
    const packets = readPackets(bytes);
    for (const initial of packets.initials) {
      if (side === 'client') this.#startNanos ??= nanos;
      const frames = this.#open(side, initial);
      if (frames === undefined) continue;
      if (side === 'client' && !this.#helloRead) this.#readHello(frames, initial.whole);
      if (frames.alert !== undefined) this.#refuse(side, frames.alert, nanos, facts);
    }
    if (side === 'client' && packets.short && this.#datagrams.server > 0) this.#complete(nanos, facts);
  }

  isDone(side: Side): boolean {
    return this.#over || this.#datagrams[side] >= maximumDatagrams;
  }

  #open(side: Side, initial: InitialPacket): InitialFrames | undefined {
    const payload = openInitial(initial, this.#keysOf(side, initial, this.#destination));
    const frames = payload === undefined ? undefined : readInitialFrames(payload);
    if (frames !== undefined || side === 'server') return frames;
    // The first after the server asked for proof of the address (Retry) has other keys.
    const destination = initial.destination.slice();
    const keys = deriveInitialKeys(initial.version, destination, 'client');
    const again = openInitial(initial, keys);
    const opened = again === undefined ? undefined : readInitialFrames(again);
    if (opened === undefined) return undefined;
    this.#destination = destination;
    this.#keys = { client: keys };
    return opened;
  }

  #keysOf(side: Side, { version }: InitialPacket, destination: Uint8Array): InitialKeys {
    return (this.#keys[side] ??= deriveInitialKeys(version, destination, side));
  }

  #readHello({ crypto }: InitialFrames, whole: boolean): void {
    for (const { offset, bytes } of crypto) this.#hello.add(offset, bytes);
    const start = this.#hello.start;
    if (start.length < messageHeaderLength || byteAt(start, 0) !== HandshakeType.ClientHello) return;
    const end = messageHeaderLength + uint24(start, 1);
    const complete = start.length >= end;
    // Of a datagram that was cut, the rest will not come.
    if (!complete && whole) return;
    const { host, alpn, encryptedClientHello } = readClientHello(start.subarray(messageHeaderLength, end));
    this.#host = host ?? this.#host;
    this.#tls = { ...this.#tls, offeredAlpn: alpn, encryptedClientHello };
    // Drafts of HTTP/3 are offered beside it; whichever is chosen, it is HTTP/3.
    const chosen =
      alpn.length > 0 && alpn.every((name) => name === alpn[0] || /^h3(-\d+)?$/.test(name))
        ? alpn[0]
        : undefined;
    if (chosen !== undefined) this.#tls = { ...this.#tls, alpn: chosen, alpnInferred: true };
    this.#detection = this.#describe();
    if (!complete) return;
    this.#helloRead = true;
    this.#hello.clear();
  }

  #complete(nanos: number, facts: Fact[]): void {
    this.#over = true;
    if (this.#startNanos === undefined) return;
    const durationNanos = Math.max(0, nanos - this.#startNanos);
    facts.push({ kind: 'tls-handshake', durationNanos, version: 'TLS 1.3', nanos });
  }

  #refuse(side: Side, code: number, nanos: number, facts: Fact[]): void {
    this.#over = true;
    facts.push({ kind: 'tls-alert', from: endOf(side, this.setting), ...describeAlert(code), nanos });
  }

  #describe(): Detection {
    const { context } = this.setting;
    return describeSecure({ context, outer: undefined, quic: this.label, host: this.#host, tls: this.#tls });
  }
}
