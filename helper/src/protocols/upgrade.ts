// Connections that turn to TLS on the way: after STARTTLS and its kin, or within a tunnel through a proxy. The turn is seen
// by the client's hello at the start of a piece: both sides wait for each other there, so nothing else shares it.
import { applications, type ApplicationId } from './applications';
import type { Detection, Fact } from './detection';
import type { Follower, FollowerSetting, Piece, Side } from './opening';
import { startsWithHello, TlsFollower } from './tls';
import { HandshakeType } from './tls-hello';

/** A protocol that has not turned to TLS after so many pieces of the client does not. */
const maximumPieces = 12;
/** Bytes of a hello by which it is told even if no more of them were captured. */
const smallestHello = 6;

/** Waits for TLS within a protocol that is known. */
export class UpgradableFollower implements Follower {
  #detection: Detection;
  #tls: TlsFollower | undefined;
  /** The first bytes of what may be a hello. */
  #begun: Piece | undefined;
  #pieces = 0;

  /**
   * @param outer named beside the TLS version; undefined for a tunnel, which is what is in it
   * @param requestLength bytes of the client's request for TLS, after which the hello may come in the same piece
   */
  constructor(
    private readonly setting: FollowerSetting,
    private readonly outer: ApplicationId | undefined,
    detection: Detection,
    private readonly requestLength = 0,
  ) {
    this.#detection = detection;
  }

  get detection(): Detection {
    return this.#detection;
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    const hello = this.#tls === undefined && side === 'client' ? this.#look(piece) : piece;
    if (this.#tls === undefined) return;
    this.#tls.feed(side, hello, facts);
    this.#detection = { ...this.#tls.detection, ...this.#host(this.#tls.detection) };
  }

  isDone(side: Side): boolean {
    return this.#tls === undefined ? this.#pieces >= maximumPieces : this.#tls.isDone(side);
  }

  /** Returns the piece from the hello on, if it holds one; `#tls` is set then. */
  #look(piece: Piece): Piece {
    this.#pieces += 1;
    const whole = this.#joined(piece);
    for (const start of this.requestLength === 0 ? [0] : [0, this.requestLength]) {
      const rest = whole.bytes.subarray(start);
      const answer = rest.length === 0 ? 'no' : startsWithHello(rest, HandshakeType.ClientHello);
      if (answer === 'no' || this.#pieces > maximumPieces) continue;
      const found = start === 0 ? whole : after(whole, start);
      // A piece that was cut goes no further: what is there has to do.
      if (answer === 'yes' || (piece.truncated && rest.length >= smallestHello))
        this.#tls = new TlsFollower(this.setting, this.outer);
      else this.#begun = { ...found, bytes: rest.slice() };
      return found;
    }
    return piece;
  }

  /** The piece behind the start of a hello that the one before ended with. */
  #joined(piece: Piece): Piece {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun === undefined || begun.offset + begun.bytes.length !== piece.offset) return piece;
    // Still the same piece, which only arrives in parts.
    this.#pieces -= 1;
    return { ...begun, bytes: Buffer.concat([begun.bytes, piece.bytes]), truncated: piece.truncated };
  }

  /** The host of the hello; where it hides it, the one that was asked for before. */
  #host({ host }: Detection): Pick<Detection, 'host'> {
    const known = host ?? this.#detection.host;
    return known === undefined ? {} : { host: known };
  }
}

/** What follows the first bytes of a piece. */
export function after(piece: Piece, start: number): Piece {
  return { ...piece, bytes: piece.bytes.subarray(start), offset: piece.offset + start };
}

/** As UpgradableFollower, for a protocol by its id. */
export function upgradable(application: ApplicationId) {
  return (setting: FollowerSetting): Follower =>
    new UpgradableFollower(setting, application, {
      application,
      label: applications[application],
      certainty: 'certain',
    });
}

/** What a proxy lets through after CONNECT, or what follows an upgrade to something that has no name here. */
export class TunnelFollower extends UpgradableFollower {
  constructor(setting: FollowerSetting, detection: Detection) {
    super(setting, undefined, detection);
  }
}
