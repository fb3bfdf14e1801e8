// TLS: recognised by its first record; followed until the handshake is over or refused.
import { byteAt, uint16 } from './bytes';
import type { Detection, Fact, TlsDetails } from './detection';
import { FrameWalker } from './frame-walker';
import type { ApplicationId } from './applications';
import {
  endOf,
  type Follower,
  type FollowerSetting,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';
import { describeAlert, isKnownAlert } from './tls-alerts';
import {
  HandshakeMessages,
  HandshakeType,
  readClientHello,
  readServerHello,
  tlsVersionName,
  type ServerHello,
} from './tls-hello';
import { describeSecure } from './tls-label';

const RecordType = {
  ChangeCipherSpec: 20,
  Alert: 21,
  Handshake: 22,
  ApplicationData: 23,
  Heartbeat: 24,
} as const;
const recordHeaderLength = 5;
/** The longest record that any version allows. */
const maximumRecordLength = 16_384 + 2_048;
/** An alert in TLS 1.3: two bytes, one for its type, sixteen of the tag. No message of a handshake is as short. */
const encryptedAlertLength = 19;

/** Header of the record, header of the message, and the version in it. */
const helloStart = 11;

/**
 * Bytes of what servers add to the message that names the protocol: nothing, that they knew the host (4), the groups that
 * they would rather use (OpenSSL from 3.5 on lists its eight), or both.
 */
const otherExtensions: readonly number[] = [0, 4, 22, 26];

/** Whether bytes begin with a hello of the client, or of the server. */
export function startsWithHello(bytes: Uint8Array, type: number): 'yes' | 'no' | 'more' {
  const length = Math.min(bytes.length, helloStart);
  for (let at = 0; at < length; at += 1) {
    const byte = byteAt(bytes, at);
    const fits =
      (at === 0 && byte === RecordType.Handshake) ||
      ((at === 1 || at === 9) && byte === 3) ||
      ((at === 2 || at === 10) && byte <= 4) ||
      (at === 3 && byte <= maximumRecordLength >> 8) ||
      (at === 5 && byte === type) ||
      (at === 6 && byte === 0) ||
      at === 4 ||
      at === 7 ||
      at === 8;
    if (!fits) return 'no';
  }
  return length < helloStart ? 'more' : 'yes';
}

export function probeTls({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = startsWithHello(client, HandshakeType.ClientHello);
  const answered = startsWithHello(server, HandshakeType.ServerHello);
  const follow = (setting: FollowerSetting) => new TlsFollower(setting);
  if (asked === 'yes' || answered === 'yes') return { application: 'tls', certainty: 'certain', follow };
  if (isAlert(server) && client.length > 0) return { application: 'tls', certainty: 'likely', follow };
  if (isEncryptedRecord(client) || isEncryptedRecord(server))
    return { application: 'tls', certainty: 'likely' };
  const waits =
    (asked === 'more' && !clientEnded && client.length > 0) ||
    (answered === 'more' && !serverEnded && server.length > 0);
  return waits ? 'more' : undefined;
}

/** A refusal in the clear, as it may come in place of the server's hello. */
function isAlert(bytes: Uint8Array): boolean {
  return (
    byteAt(bytes, 0) === RecordType.Alert &&
    byteAt(bytes, 1) === 3 &&
    byteAt(bytes, 2) <= 4 &&
    uint16(bytes, 3) === 2 &&
    (byteAt(bytes, 5) === 1 || byteAt(bytes, 5) === 2) &&
    isKnownAlert(byteAt(bytes, 6))
  );
}

/** The middle of a conversation whose start was not seen. */
function isEncryptedRecord(bytes: Uint8Array): boolean {
  const length = uint16(bytes, 3);
  return (
    byteAt(bytes, 0) === RecordType.ApplicationData &&
    byteAt(bytes, 1) === 3 &&
    (byteAt(bytes, 2) === 3 || byteAt(bytes, 2) === 1) &&
    length > 16 &&
    length <= maximumRecordLength &&
    // A second record after the first, or nothing: by chance almost never.
    (bytes.length <= recordHeaderLength + length ||
      byteAt(bytes, recordHeaderLength + length) === RecordType.ApplicationData)
  );
}

interface RecordUser {
  record(side: Side, type: number, length: number, nanos: number): void;
  handshake(side: Side, type: number, body: Uint8Array, nanos: number): void;
  alert(side: Side, code: number, nanos: number): void;
}

/** The records of one side. */
class Records extends FrameWalker {
  #type = 0;
  /** Nothing more can be read: set by the user of the records. */
  encrypted = false;
  /** When the first byte of the message that is being read passed. */
  #messageNanos = 0;
  readonly #messages: HandshakeMessages;

  constructor(
    private readonly side: Side,
    private readonly user: RecordUser,
  ) {
    super(recordHeaderLength, true);
    this.#messages = new HandshakeMessages((type, body) => {
      this.user.handshake(this.side, type, body, this.#messageNanos);
    });
  }

  protected override begin(header: Uint8Array): boolean {
    const type = byteAt(header, 0);
    const length = uint16(header, 3);
    if (type < RecordType.ChangeCipherSpec || type > RecordType.Heartbeat) return false;
    if (byteAt(header, 1) !== 3 || byteAt(header, 2) > 4 || length > maximumRecordLength) return false;
    this.#type = type;
    this.bodyLength = length;
    const plain = !this.encrypted;
    if (plain && type === RecordType.Handshake) this.wantedLength = length;
    else if (plain && type === RecordType.Alert && length === 2) this.wantedLength = length;
    this.user.record(this.side, type, length, this.nanos);
    return true;
  }

  protected override body(bytes: Uint8Array): void {
    if (this.#type === RecordType.Alert) {
      if (bytes.length === 2) this.user.alert(this.side, byteAt(bytes, 1), this.nanos);
      return;
    }
    this.#messageNanos = this.nanos;
    this.#messages.add(bytes);
    if (bytes.length < this.wantedLength) this.#messages.end();
  }

  protected override lost(): void {
    this.#messages.end();
  }
}

export class TlsFollower implements Follower, RecordUser {
  readonly #records: Record<Side, Records>;
  readonly #handshakeSeen = { client: 0, server: 0 };
  #detection: Detection;
  #tls: TlsDetails = { offeredAlpn: [], encryptedClientHello: false };
  #host: string | undefined;
  #startNanos: number | undefined;
  #earlyData = false;
  /** The version that the server chose. */
  #version = 0;
  #over = false;
  #serverRecords = 0;
  #facts: Fact[] = [];

  /** @param outer the protocol in which the connection turned to TLS, if it did not begin with it */
  constructor(
    private readonly setting: FollowerSetting,
    private readonly outer?: ApplicationId,
  ) {
    this.#records = { client: new Records('client', this), server: new Records('server', this) };
    this.#detection = this.#describe();
  }

  get detection(): Detection {
    return this.#detection;
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    if (this.#over) return;
    this.#facts = facts;
    this.#records[side].feed(piece);
  }

  isDone(side: Side): boolean {
    return this.#over || this.#records[side].ended;
  }

  record(side: Side, type: number, length: number, nanos: number): void {
    const older = this.#version > 0 && this.#version < 0x0304;
    if (type === RecordType.ApplicationData) this.#encryptedRecord(side, length, nanos);
    // In TLS 1.3 it means nothing, and may stand before a second hello.
    else if (type === RecordType.ChangeCipherSpec && older) this.#records[side].encrypted = true;
    else if (this.#records[side].encrypted && older) {
      if (type === RecordType.Alert) this.#refuse(side, undefined, nanos);
      else if (type === RecordType.Handshake) this.#finished(side, nanos);
    }
  }

  handshake(side: Side, type: number, body: Uint8Array, nanos: number): void {
    if (side === 'client' && type === HandshakeType.ClientHello) this.#clientHello(body, nanos);
    else if (side === 'server' && type === HandshakeType.ServerHello)
      this.#serverHello(readServerHello(body));
  }

  alert(side: Side, code: number, nanos: number): void {
    this.#refuse(side, code, nanos);
  }

  #clientHello(body: Uint8Array, nanos: number): void {
    const hello = readClientHello(body);
    this.#startNanos ??= nanos;
    this.#host = hello.host ?? this.#host;
    this.#earlyData = hello.earlyData;
    this.#tls = { ...this.#tls, offeredAlpn: hello.alpn, encryptedClientHello: hello.encryptedClientHello };
    this.#detection = this.#describe();
  }

  #serverHello(hello: ServerHello): void {
    const name = tlsVersionName(hello.version);
    if (name === undefined) return;
    this.#tls = { ...this.#tls, version: name };
    if (hello.alpn !== undefined) this.#tls.alpn = hello.alpn;
    if (!hello.retry) {
      this.#version = hello.version >> 8 === 0x7f ? 0x0304 : hello.version;
      if (this.#version >= 0x0304) this.#records.server.encrypted = true;
    }
    this.#detection = this.#describe();
  }

  #encryptedRecord(side: Side, length: number, nanos: number): void {
    if (this.#version < 0x0304) {
      // Of older versions, application data means that the handshake is over, or was never seen.
      if (this.#version > 0 && this.#records[side].encrypted) this.#complete(nanos);
      return;
    }
    if (side === 'server') {
      this.#serverRecords += 1;
      if (this.#serverRecords === 1) this.#inferProtocol(length);
      if (length === encryptedAlertLength) this.#refuse(side, undefined, nanos);
      return;
    }
    if (length === encryptedAlertLength) this.#refuse(side, undefined, nanos);
    else if (this.#earlyData) this.#over = true;
    else this.#complete(nanos);
  }

  /**
   * TLS 1.3 encrypts which protocol the server chose. Many servers put this message into a record of its own, and then its
   * length tells: type and length (4), length of extensions (2), the extension itself (7 and the name), then type (1) and
   * tag (16) of the record; beside it there may be others whose length is known.
   */
  #inferProtocol(length: number): void {
    const { offeredAlpn } = this.#tls;
    if (this.#tls.alpn !== undefined || offeredAlpn.length === 0) return;
    const content = length - 23;
    const fitting = offeredAlpn.filter((name) => otherExtensions.includes(content - name.length - 7));
    const refused = otherExtensions.includes(content);
    const chosen = fitting.length === 1 ? fitting[0] : refused ? undefined : soleOne(offeredAlpn);
    if (chosen === undefined) return;
    this.#tls = { ...this.#tls, alpn: chosen, alpnInferred: true };
    this.#detection = this.#describe();
  }

  /** A handshake record after ChangeCipherSpec is the Finished message; whoever sends the second one ends the handshake. */
  #finished(side: Side, nanos: number): void {
    this.#handshakeSeen[side] += 1;
    if (this.#handshakeSeen.client > 0 && this.#handshakeSeen.server > 0) this.#complete(nanos);
  }

  #complete(nanos: number): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#startNanos === undefined) return;
    this.#facts.push({
      kind: 'tls-handshake',
      durationNanos: Math.max(0, nanos - this.#startNanos),
      ...(this.#tls.version === undefined ? {} : { version: this.#tls.version }),
      nanos,
    });
  }

  #refuse(side: Side, code: number | undefined, nanos: number): void {
    if (this.#over) return;
    this.#over = true;
    const told =
      code === undefined
        ? {
            meaning:
              side === 'client'
                ? 'ends the handshake, most often because it refuses the certificate'
                : 'ends the handshake',
          }
        : describeAlert(code);
    this.#facts.push({ kind: 'tls-alert', from: endOf(side, this.setting), ...told, nanos });
  }

  #describe(): Detection {
    return describeSecure({
      context: this.setting.context,
      outer: this.outer,
      quic: undefined,
      host: this.#host,
      tls: this.#tls,
    });
  }
}

function soleOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}
