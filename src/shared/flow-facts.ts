// What was said on a connection, as the helper tells it.

/** Something that was said on a connection. Never a query string, credential, cookie, header or body. */
interface FactOf<Kind extends string> {
  kind: Kind;
  /** Id of the flow. */
  flow: number;
  time: string;
}

/**
 * A request and its answer. Told when the request was seen, and again, under the same `id`, with the answer: the later
 * one replaces the earlier.
 */
export interface HttpExchangeFact extends FactOf<'http-exchange'> {
  /** Number of the exchange in its connection, from 1; for HTTP/2 that of the stream. */
  id: number;
  requestedBy: 'local' | 'remote';
  version: string;
  /** `?` where the request was not seen. */
  method: string;
  /** Without query and fragment, cut to 256 characters; `?` where the request was not seen. */
  path: string;
  host?: string;
  status?: number;
  /** Status of a gRPC call; 0 is success. */
  grpcStatus?: number;
  /** From the first byte of the request to the first byte of the answer, in microseconds. */
  latencyMicros?: number;
}

/** A question to the DNS and its answer; told twice, like a request. */
export interface DnsExchangeFact extends FactOf<'dns-exchange'> {
  id: number;
  requestedBy: 'local' | 'remote';
  /** The name asked for. */
  question: string;
  /** `A`, `AAAA`, `PTR`, … */
  recordType: string;
  /** `NOERROR`, `NXDOMAIN`, …; absent until answered. */
  answerCode?: string;
  /** Addresses and names in the answer, the first 8 of them. */
  answers?: string[];
  latencyMicros?: number;
}

export interface TlsHandshakeFact extends FactOf<'tls-handshake'> {
  version?: string;
  durationMicros: number;
}

export interface TlsAlertFact extends FactOf<'tls-alert'> {
  from: 'local' | 'remote';
  /** Its name in the standard; absent where it is encrypted. */
  alert?: string;
  /** In words. */
  meaning: string;
}

/** How one side introduces itself, such as `OpenSSH_9.6`. */
export interface SoftwareFact extends FactOf<'software'> {
  of: 'local' | 'remote';
  name: string;
}

/** A server refused in its own protocol. */
export interface RefusedFact extends FactOf<'refused'> {
  by: 'local' | 'remote';
  /** The protocol's own code: an SQLSTATE, an SMTP reply code. */
  code: string;
  meaning: string;
}

export type FlowFact =
  HttpExchangeFact | DnsExchangeFact | TlsHandshakeFact | TlsAlertFact | SoftwareFact | RefusedFact;
