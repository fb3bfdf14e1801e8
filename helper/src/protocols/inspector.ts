// Looks at the first bytes of a connection, each way, and tells what is spoken.
import { applications } from './applications';
import type { ConnectionContext, Detection, Direction, Fact } from './detection';
import { HeldPieces, maximumHeld } from './held-pieces';
import type { Follower, FollowerSetting, Match, Opening, Piece, Side } from './opening';
import { guessByPort } from './ports';
import { askDatagramProbes, askProbes } from './probes';

/** What is known about a piece of payload beside its bytes. */
export interface PieceOptions {
  /**
   * Place of the piece's first byte in its direction's stream, in bytes, for TCP: gaps and repetitions are told by it.
   * Where it does not begin with 0, the start of the stream was missed. For UDP each piece is a datagram, and it is 0.
   */
  offset: number;
  /** More followed in the segment or datagram than was copied. */
  truncated: boolean;
}

const noFacts: readonly Fact[] = [];
const noBytes = new Uint8Array(0);

/** Datagrams that are looked at for a protocol, and pieces of a stream. */
const maximumDatagrams = 8;
const maximumPieces = 64;

/**
 * Follows one connection (TCP) or one flow of datagrams (UDP). It never throws, works a bounded time on each piece, holds
 * a bounded number of bytes and only while it has to, and keeps none of the arrays it is given.
 *
 * The more of the first segments is copied, the more is recognised: with 2,048 bytes of each a hello with post-quantum key
 * shares is whole, QUIC needs the datagram as a whole.
 */
export class ConnectionInspector {
  readonly #context: ConnectionContext;
  #detection: Detection | undefined;
  #held: HeldPieces | undefined;
  #follower: Follower | undefined;
  #localIsClient: boolean;
  #pieces = 0;
  /** What is spoken cannot be contradicted by the middle of a conversation. */
  #startMissed = false;
  #over = false;

  /** @param onFailure told of a parser that failed, which is a defect: the inspection ends there, nothing else does */
  constructor(
    context: ConnectionContext,
    private readonly onFailure?: (error: unknown) => void,
  ) {
    this.#context = context;
    this.#localIsClient = context.outgoing;
    this.#detection = guessByPort(context);
  }

  /**
   * Takes one sampled piece of payload; pieces of one direction come in the order in which they passed.
   * @param bytes valid during the call only; not kept
   * @param nanos when it passed, on a clock that never goes back, the same for both directions
   * @returns facts that the piece completes; mostly none
   */
  feed(direction: Direction, bytes: Uint8Array, nanos: number, options: PieceOptions): readonly Fact[] {
    if (this.#over || bytes.length === 0) return noFacts;
    const piece: Piece = { bytes, nanos, offset: options.offset, truncated: options.truncated };
    const facts: Fact[] = [];
    try {
      if (this.#follower !== undefined) this.#follow(direction, piece, facts);
      else if (this.#context.transport === 'tcp') this.#openStream(direction, piece, facts);
      else this.#openDatagrams(direction, piece, facts);
    } catch (error) {
      this.#end();
      this.onFailure?.(error);
    }
    return facts.length === 0 ? noFacts : facts;
  }

  /** What is known by now; changes only through `feed`. The same object as long as nothing changed. */
  get detection(): Detection | undefined {
    return this.#detection;
  }

  /** Whether nothing more can be learnt from further bytes of that direction: the kernel need not copy any. */
  isDone(direction: Direction): boolean {
    return this.#over || this.#follower?.isDone(this.#side(direction)) === true;
  }

  #side(direction: Direction): Side {
    return (direction === 'sent') === this.#localIsClient ? 'client' : 'server';
  }

  #follow(direction: Direction, piece: Piece, facts: Fact[]): void {
    const follower = this.#follower;
    if (follower === undefined) return;
    follower.feed(this.#side(direction), piece, facts);
    this.#detection = follower.detection;
    if (follower.isDone('client') && follower.isDone('server')) this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#follower = undefined;
    this.#held = undefined;
  }

  #openStream(direction: Direction, piece: Piece, facts: Fact[]): void {
    this.#pieces += 1;
    if (this.#held === undefined && this.#decideAtOnce(direction, piece, facts)) return;
    const held = (this.#held ??= new HeldPieces());
    if (!held.began(direction) && piece.offset > 0) this.#startMissed = true;
    held.add(direction, piece);
    const { match, waits } = this.#ask((localIsClient) => this.#opening(held, localIsClient));
    const giveUp = held.full || this.#pieces >= maximumPieces;
    if (match === undefined) {
      // The side that has not spoken may still tell.
      const bothSpoke = held.began('sent') && held.began('received');
      if (!giveUp && (waits || !bothSpoke)) return;
      if (!this.#startMissed) this.#detection = undefined;
      this.#end();
      return;
    }
    const decided = match.certainty === 'certain' || giveUp || !waits;
    if (!decided) {
      this.#detection = detectionOf(match);
      return;
    }
    this.#decide(match, facts, piece.nanos);
    this.#held = undefined;
    if (this.#follower === undefined) this.#end();
    else held.release((heldDirection, heldPiece) => this.#follow(heldDirection, heldPiece, facts));
  }

  /** Most conversations are told by their first piece; nothing of it has to be copied then. */
  #decideAtOnce(direction: Direction, piece: Piece, facts: Fact[]): boolean {
    const bytes = piece.bytes.subarray(0, maximumHeld);
    const ended = piece.truncated || bytes.length === maximumHeld;
    const { match } = this.#ask((localIsClient) => {
      const isClient = (direction === 'sent') === localIsClient;
      return {
        context: this.#context,
        client: isClient ? bytes : noBytes,
        server: isClient ? noBytes : bytes,
        clientEnded: isClient && ended,
        serverEnded: !isClient && ended,
      };
    });
    if (match?.certainty !== 'certain') return false;
    this.#decide(match, facts, piece.nanos);
    if (this.#follower === undefined) this.#end();
    else this.#follow(direction, piece, facts);
    return true;
  }

  /** Asks with the roles that are known; if that fails, with the other ones: who began may not be known. */
  #ask(openingOf: (localIsClient: boolean) => Opening): { match: Match | undefined; waits: boolean } {
    const { outgoing } = this.#context;
    const asked = askProbes(openingOf(outgoing));
    this.#localIsClient = outgoing;
    if (asked.match !== undefined) return asked;
    const swapped = askProbes(openingOf(!outgoing));
    if (swapped.match !== undefined) this.#localIsClient = !outgoing;
    return { match: swapped.match, waits: asked.waits || swapped.waits };
  }

  #opening(held: HeldPieces, localIsClient: boolean): Opening {
    const [client, server] = localIsClient
      ? (['sent', 'received'] as const)
      : (['received', 'sent'] as const);
    return {
      context: this.#context,
      client: held.bytes(client),
      server: held.bytes(server),
      clientEnded: held.ended(client),
      serverEnded: held.ended(server),
    };
  }

  #openDatagrams(direction: Direction, piece: Piece, facts: Fact[]): void {
    this.#pieces += 1;
    const { localPort, remotePort } = this.#context;
    const isSent = direction === 'sent';
    const match = askDatagramProbes({
      context: this.#context,
      bytes: piece.bytes,
      truncated: piece.truncated,
      fromPort: isSent ? localPort : remotePort,
      toPort: isSent ? remotePort : localPort,
    });
    if (match === undefined) {
      if (this.#pieces < maximumDatagrams) return;
      // All but the first packets of QUIC look like noise: they do not contradict it.
      const { application, certainty } = this.#detection ?? {};
      if (certainty === 'guess' && application !== 'quic') this.#detection = undefined;
      this.#end();
      return;
    }
    this.#localIsClient = isSent === (match.sender !== 'server');
    if (match.follow === undefined && match.certainty !== 'certain' && this.#pieces < maximumDatagrams) {
      this.#detection = detectionOf(match);
      return;
    }
    this.#decide(match, facts, piece.nanos);
    if (this.#follower === undefined) this.#end();
    else this.#follow(direction, piece, facts);
  }

  #decide(match: Match, facts: Fact[], nanos: number): void {
    const setting: FollowerSetting = { context: this.#context, localIsClient: this.#localIsClient };
    this.#detection = detectionOf(match);
    const [ofClient, ofServer] = this.#localIsClient
      ? (['local', 'remote'] as const)
      : (['remote', 'local'] as const);
    if (match.clientSoftware !== undefined)
      facts.push({ kind: 'software', of: ofClient, name: match.clientSoftware, nanos });
    if (match.serverSoftware !== undefined)
      facts.push({ kind: 'software', of: ofServer, name: match.serverSoftware, nanos });
    this.#follower = match.follow?.(setting);
  }
}

function detectionOf({ application, certainty, label }: Match): Detection {
  return { application, label: label ?? applications[application], certainty };
}
