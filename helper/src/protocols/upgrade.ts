// Connections that turn to TLS on the way: after STARTTLS and its kin, or within a tunnel through a proxy. The turn is seen
// by the client's hello at the start of a piece: both sides wait for each other there, so nothing else shares it.
import { applications, type ApplicationId } from './applications';
import type { Detection, Fact } from './detection';
import type { Follower, FollowerSetting, Piece, Side } from './opening';
import { startsWithHello, TlsFollower } from './tls';
import { HandshakeType } from './tls-hello';

/** A protocol that has not turned to TLS after so many pieces of the client does not. */
const maximumPieces = 12;

/** Waits for TLS within a protocol that is known. */
export class UpgradableFollower implements Follower {
  #detection: Detection;
  #tls: TlsFollower | undefined;
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
    const start = this.#tls === undefined && side === 'client' ? this.#look(piece) : 0;
    if (this.#tls === undefined) return;
    this.#tls.feed(side, start === 0 ? piece : after(piece, start), facts);
    this.#detection = { ...this.#tls.detection, ...this.#host(this.#tls.detection) };
  }

  isDone(side: Side): boolean {
    return this.#tls === undefined ? this.#pieces >= maximumPieces : this.#tls.isDone(side);
  }

  /** Returns where in the piece the hello begins, if it does. */
  #look({ bytes }: Piece): number {
    this.#pieces += 1;
    if (this.#pieces > maximumPieces) return 0;
    for (const start of this.requestLength === 0 ? [0] : [0, this.requestLength]) {
      const rest = bytes.subarray(start);
      // A piece may have been cut to less than the whole test needs; the first six bytes have to fit in any case.
      if (rest.length < 6 || startsWithHello(rest, HandshakeType.ClientHello) === 'no') continue;
      this.#tls = new TlsFollower(this.setting, this.outer);
      return start;
    }
    return 0;
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
export function upgradable(application: ApplicationId, certainty: 'certain' | 'likely' = 'certain') {
  return (setting: FollowerSetting): Follower =>
    new UpgradableFollower(setting, application, {
      application,
      label: applications[application],
      certainty,
    });
}

/** What a proxy lets through after CONNECT, or what follows an upgrade to something that has no name here. */
export class TunnelFollower extends UpgradableFollower {
  constructor(setting: FollowerSetting, detection: Detection) {
    super(setting, undefined, detection);
  }
}
