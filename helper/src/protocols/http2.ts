// HTTP/2 in the clear (RFC 9113): recognised by the client's preface; followed stream by stream. gRPC shows in it.
import { applications, type ApplicationId } from './applications';
import { byteAt, textAt, uint24, uint32 } from './bytes';
import type { Detection, Fact, HttpExchangeFact } from './detection';
import { WaitingExchanges } from './exchanges';
import { FrameWalker } from './frame-walker';
import { HpackReader, type Headers } from './hpack';
import { hostOfAuthority } from './host-name';
import {
  endOf,
  type Follower,
  type FollowerSetting,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';
import { sanitise } from '../../../src/shared/sanitise';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frameHeaderLength = 9;
const FrameType = { Headers: 1, ResetStream: 3, PushPromise: 5, Continuation: 9 } as const;
const lastFrameType = 0x10;
const Flag = { EndStream: 1, EndHeaders: 4, Padded: 8, Priority: 0x20 } as const;
/** The frame size that every peer has to accept; larger ones have to be agreed on, and nobody does for headers. */
const maximumHeaderFrame = 16_384;
const maximumBlock = 65_536;

export function probeHttp2({ client, clientEnded }: Opening): Verdict {
  const starts = client.length === 0 ? 'no' : textAt(client, 0, preface);
  if (starts === 'yes')
    return { application: 'h2', certainty: 'certain', follow: (setting) => new Http2Follower(setting) };
  return starts === 'more' && !clientEnded ? 'more' : undefined;
}

type BlockUser = (stream: number, headers: Headers, endStream: boolean, nanos: number) => void;

/** The frames of one side; header blocks are put together and read, everything else is skipped. */
class Frames extends FrameWalker {
  readonly #hpack = new HpackReader();
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** The stream whose block is not complete, 0 if none; its parts and whether it ends the stream. */
  #openStream = 0;
  #parts: Uint8Array[] = [];
  #partsLength = 0;
  #endStream = false;
  #blockNanos = 0;

  constructor(
    private readonly use: BlockUser,
    private readonly reset: (stream: number) => void,
  ) {
    super(frameHeaderLength, false);
  }

  protected override begin(header: Uint8Array): boolean {
    const length = uint24(header, 0);
    this.#type = byteAt(header, 3);
    this.#flags = byteAt(header, 4);
    this.#stream = uint32(header, 5) & 0x7fff_ffff;
    this.bodyLength = length;
    const isHeaders = this.#type === FrameType.Headers || this.#type === FrameType.PushPromise;
    if (this.#openStream > 0 !== (this.#type === FrameType.Continuation)) return false;
    if (!isHeaders && this.#type !== FrameType.Continuation) {
      if (this.#type === FrameType.ResetStream) this.reset(this.#stream);
      return this.#type <= lastFrameType;
    }
    if (length > maximumHeaderFrame || this.#stream === 0) return false;
    if (isHeaders) {
      this.#blockNanos = this.nanos;
      this.#endStream = (this.#flags & Flag.EndStream) !== 0;
    }
    this.wantedLength = length;
    if (length === 0) this.#add(new Uint8Array(0));
    return true;
  }

  protected override body(bytes: Uint8Array): void {
    // Without all of a block the state of the compression is lost.
    if (bytes.length < this.wantedLength) {
      this.stopped = true;
      this.#clear();
      return;
    }
    let from = 0;
    let to = bytes.length;
    if (this.#type !== FrameType.Continuation) {
      if ((this.#flags & Flag.Padded) !== 0) {
        to -= byteAt(bytes, 0);
        from += 1;
      }
      if (this.#type === FrameType.PushPromise) from += 4;
      else if ((this.#flags & Flag.Priority) !== 0) from += 5;
    }
    if (from > to) {
      this.stopped = true;
      return;
    }
    this.#add(bytes.subarray(from, to));
  }

  protected override lost(): void {
    this.#clear();
  }

  #add(part: Uint8Array): void {
    const last = (this.#flags & Flag.EndHeaders) !== 0;
    if (last && this.#parts.length === 0) {
      this.#read(part);
      return;
    }
    this.#openStream = this.#stream;
    this.#parts.push(part.slice());
    this.#partsLength += part.length;
    if (this.#partsLength > maximumBlock || this.#parts.length > 64) this.stopped = true;
    else if (last) this.#read(Buffer.concat(this.#parts));
    if (last || this.stopped) this.#clear();
  }

  #read(block: Uint8Array): void {
    const headers = this.#hpack.read(block);
    if (headers === undefined) this.stopped = true;
    else if (this.#type !== FrameType.PushPromise)
      this.use(this.#stream, headers, this.#endStream, this.#blockNanos);
  }

  #clear(): void {
    this.#parts = [];
    this.#partsLength = 0;
    this.#openStream = 0;
  }
}

export class Http2Follower implements Follower {
  readonly #frames: Record<Side, Frames>;
  readonly #waiting = new WaitingExchanges();
  #detection: Detection = { application: 'h2', label: applications.h2, certainty: 'certain' };
  #facts: Fact[] = [];

  /** @param options.upgraded the HTTP/1.1 request that became stream 1 */
  constructor(
    private readonly setting: FollowerSetting,
    options: { upgraded?: HttpExchangeFact } = {},
  ) {
    const reset = (stream: number) => this.#waiting.remove(stream);
    this.#frames = {
      client: new Frames((...block) => this.#request(...block), reset),
      server: new Frames((...block) => this.#response(...block), reset),
    };
    this.#frames.client.skipNext(preface.length);
    if (options.upgraded !== undefined) {
      const { host } = options.upgraded;
      this.#waiting.add({ ...options.upgraded, id: 1, version: '2' });
      this.#tell('h2', host);
    }
  }

  get detection(): Detection {
    return this.#detection;
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    this.#facts = facts;
    this.#frames[side].feed(piece);
  }

  isDone(side: Side): boolean {
    return this.#frames[side].ended;
  }

  #request(stream: number, headers: Headers, _endStream: boolean, nanos: number): void {
    const method = headers.get(':method');
    // Trailers of a request have none.
    if (method === undefined) return;
    const host = hostOfAuthority(headers.get(':authority') ?? '');
    const fact: HttpExchangeFact = {
      kind: 'http-exchange',
      id: stream,
      version: '2',
      requestedBy: endOf('client', this.setting),
      method: sanitise(method, 20),
      path: method === 'CONNECT' ? '' : (headers.get(':path') ?? '?'),
      ...(host === undefined ? {} : { host }),
      nanos,
    };
    this.#waiting.add(fact);
    this.#facts.push(fact);
    const contentType = headers.get('content-type') ?? '';
    if (contentType.startsWith('application/grpc')) this.#tell('grpc', host);
    else if (contentType.startsWith('application/dns-message')) this.#tell('doh', host);
    else if (this.#detection.host === undefined && this.#detection.application === 'h2')
      this.#tell('h2', host);
  }

  #response(stream: number, headers: Headers, endStream: boolean, nanos: number): void {
    const request = this.#waiting.get(stream);
    if (request === undefined) return;
    const status = request.status ?? Number(headers.get(':status') ?? Number.NaN);
    if (!(status >= 200 && status <= 999)) return;
    const grpcStatus = headers.get('grpc-status');
    const fact: HttpExchangeFact = {
      ...request,
      status,
      latencyNanos: request.latencyNanos ?? Math.max(0, nanos - request.nanos),
      ...(grpcStatus !== undefined && /^\d{1,2}$/.test(grpcStatus) ? { grpcStatus: Number(grpcStatus) } : {}),
    };
    if (request.status === undefined || grpcStatus !== undefined) this.#facts.push(fact);
    if (endStream) this.#waiting.remove(stream);
    else this.#waiting.add(fact);
  }

  #tell(application: ApplicationId, host: string | undefined): void {
    this.#detection = {
      application,
      label: applications[application],
      certainty: 'certain',
      ...(host === undefined ? {} : { host: { name: host, source: 'http-host' } }),
    };
  }
}
