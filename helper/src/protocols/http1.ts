// HTTP/1.0 and 1.1: recognised by a whole start line; followed request by request, also when they share a connection or
// are pipelined. An upgrade or a tunnel leads to the protocol within.
import { applications } from './applications';
import { debuggerOfAnswer, isDebugEndpoint, lookedAtForDebugger } from './debug-endpoint';
import type { Detection, Fact, HttpExchangeFact } from './detection';
import { WaitingExchanges } from './exchanges';
import { hostOfAuthority } from './host-name';
import { Http1Reader, requestStart, responseStart, type Http1Body, type Http1Head } from './http1-reader';
import { Http2Follower } from './http2';
import { readTarget } from './http-target';
import {
  endOf,
  type Follower,
  type FollowerSetting,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';
import { Prefix } from './prefix';
import { after, TunnelFollower } from './upgrade';
import { WebSocketFollower } from './websocket';

export function probeHttp1({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = client.length === 0 ? 'no' : requestStart(client);
  const answered = server.length === 0 ? 'no' : responseStart(server);
  if (asked === 'yes' || answered === 'yes') {
    return { application: 'http/1.1', certainty: 'certain', follow: (setting) => new Http1Follower(setting) };
  }
  return (asked === 'more' && !clientEnded) || (answered === 'more' && !serverEnded) ? 'more' : undefined;
}

/** A request whose target is longer than what is looked at. */
export function probeLongHttp1({ client, clientEnded }: Opening): Verdict {
  if (!clientEnded || requestStart(client) !== 'more' || client.length < 64) return undefined;
  return { application: 'http/1.1', certainty: 'likely', follow: (setting) => new Http1Follower(setting) };
}

interface ClientRequest {
  fact: HttpExchangeFact;
  upgrade: string | undefined;
}

class Http1Follower implements Follower {
  readonly #requests = new Http1Reader('request', (head) => this.#request(head));
  readonly #responses = new Http1Reader('response', (head) => this.#response(head));
  readonly #waiting = new WaitingExchanges();
  /** The one request that may turn the connection to something else. */
  #turning: ClientRequest | undefined;
  #detection: Detection = { application: 'http/1.1', label: applications['http/1.1'], certainty: 'certain' };
  #inner: Follower | undefined;
  #lastId = 0;
  /** A list of what can be debugged was asked for, and its answer has not told by whom. */
  #asksDebugger = false;
  readonly #answer = new Prefix(lookedAtForDebugger);
  #facts: Fact[] = [];

  constructor(private readonly setting: FollowerSetting) {}

  get detection(): Detection {
    return this.#inner?.detection ?? this.#detection;
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    this.#facts = facts;
    const reader = side === 'client' ? this.#requests : this.#responses;
    if (side === 'server' && this.#asksDebugger) this.#recogniseDebugger(piece.bytes);
    const start = reader.feed(piece);
    if (this.#inner === undefined || start >= piece.bytes.length) return;
    this.#inner.feed(side, after(piece, start), facts);
  }

  isDone(side: Side): boolean {
    if (this.#inner !== undefined) return this.#inner.isDone(side);
    return (side === 'client' ? this.#requests : this.#responses).ended;
  }

  #request({ startLine, headers, nanos, whole }: Http1Head): Http1Body {
    const [method = '', target = ''] = startLine.split(' ', 2);
    const { path, host: named } = readTarget(method, target);
    const host = named ?? hostOfAuthority(headers.get('host') ?? '');
    this.#lastId += 1;
    const fact: HttpExchangeFact = {
      kind: 'http-exchange',
      id: this.#lastId,
      version: startLine.endsWith('HTTP/1.0') ? '1.0' : '1.1',
      requestedBy: endOf('client', this.setting),
      method,
      path,
      ...(host === undefined ? {} : { host }),
      nanos,
    };
    this.#waiting.add(fact);
    this.#facts.push(fact);
    this.#tell(fact, headers.get('content-type'));
    this.#asksDebugger = isDebugEndpoint(path);
    this.#answer.clear();
    const upgrade = method === 'CONNECT' ? 'connect' : headers.get('upgrade')?.toLowerCase().trim();
    if (upgrade !== undefined) this.#turning = { fact, upgrade };
    if (method === 'CONNECT') return 'stop';
    return whole ? bodyOf(headers, 0) : 0;
  }

  #response({ startLine, headers, nanos, afterGap }: Http1Head): Http1Body {
    const status = Number(startLine.slice(9, 12));
    if (status < 200 && status !== 101) return 0;
    // An answer was missed, perhaps. Clients ask one after the other, so this one belongs to the last request.
    if (afterGap) this.#waiting.keepNewest();
    const request = this.#waiting.oldest ?? this.#unseenRequest(nanos);
    this.#waiting.remove(request.id);
    const asked = this.#lastId > 0 && request.method !== '?';
    const fact: HttpExchangeFact = {
      ...request,
      status,
      ...(asked ? { latencyNanos: Math.max(0, nanos - request.nanos) } : {}),
    };
    this.#facts.push(fact);
    if (this.#detection.certainty !== 'certain')
      this.#detection = { ...this.#detection, certainty: 'certain' };
    if (this.#turns(request, status, headers)) return 'stop';
    if (request.method === 'HEAD' || status === 204 || status === 304 || status === 101) return 0;
    return bodyOf(headers, 'until-close');
  }

  #recogniseDebugger(bytes: Uint8Array): void {
    const application = debuggerOfAnswer(this.#answer.add(bytes));
    if (application === undefined && !this.#answer.full) return;
    this.#asksDebugger = false;
    this.#answer.clear();
    if (application === undefined) return;
    this.#detection = { ...this.#detection, application, label: applications[application] };
  }

  #unseenRequest(nanos: number): HttpExchangeFact {
    this.#lastId += 1;
    const requestedBy = endOf('client', this.setting);
    return {
      kind: 'http-exchange',
      id: this.#lastId,
      version: '1.1',
      requestedBy,
      method: '?',
      path: '?',
      nanos,
    };
  }

  /** Whether the rest of the connection is another protocol; the follower for it is set then. */
  #turns(request: HttpExchangeFact, status: number, headers: ReadonlyMap<string, string>): boolean {
    const upgrade = this.#turning?.fact.id === request.id ? this.#turning.upgrade : undefined;
    const accepted = status === 101 ? (headers.get('upgrade')?.toLowerCase().trim() ?? upgrade) : undefined;
    if (request.method === 'CONNECT' && status < 300) {
      this.#inner = new TunnelFollower(this.setting, this.#detection);
    } else if (accepted === 'websocket') {
      this.#inner = new WebSocketFollower(this.setting, { path: request.path, detection: this.#detection });
    } else if (accepted === 'h2c') {
      this.#inner = new Http2Follower(this.setting, { upgraded: request });
    } else if (status === 101) {
      this.#inner = new TunnelFollower(this.setting, this.#detection);
    } else if (request.method === 'CONNECT') {
      // Refused: what the client sends next is a request again, on this connection or on none.
      this.#requests.stopped = false;
      return false;
    }
    if (this.#inner === undefined) return false;
    this.#requests.stopped = true;
    return true;
  }

  #tell(fact: HttpExchangeFact, contentType: string | undefined): void {
    const { host } = this.#detection;
    const isDns = contentType?.startsWith('application/dns-message') === true;
    if (!isDns && (host !== undefined || fact.host === undefined) && fact.id > 1) return;
    const version = fact.version === '1.0' ? 'http/1.0' : 'http/1.1';
    this.#detection = {
      application: isDns ? 'doh' : version,
      label: isDns ? `${applications.doh} · unencrypted` : applications[version],
      certainty: 'certain',
      ...(fact.host === undefined ? {} : { host: { name: fact.host, source: 'http-host' } }),
    };
  }
}

function bodyOf(headers: ReadonlyMap<string, string>, otherwise: Http1Body): Http1Body {
  if (headers.get('transfer-encoding')?.toLowerCase().includes('chunked') === true) return 'chunked';
  const length = headers.get('content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : otherwise;
}
