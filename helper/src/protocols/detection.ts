// What inspection tells about a connection. Nothing in here ever holds a query string, user info, credential, cookie or
// body; every text is cleaned and of bounded length.
import type { ApplicationId } from './applications';

/** Direction seen from the inspected socket. */
export type Direction = 'sent' | 'received';

/** What is known of the two ends before any byte. */
export interface ConnectionContext {
  transport: 'tcp' | 'udp';
  localPort: number;
  remotePort: number;
  /** Whether the local end began it. Where that is not known, false; the bytes decide in the end. */
  outgoing: boolean;
}

/**
 * How sure a detection is. `certain`: bytes that only this protocol writes, such as a whole handshake; `likely`: bytes that
 * fit it, which others might write by chance; `guess`: the port number, nothing else.
 */
export type Certainty = 'certain' | 'likely' | 'guess';

/** What a TLS handshake, also that of QUIC, shows in the clear. */
export interface TlsDetails {
  /** The version in use, once the server has chosen: `TLS 1.3`; before that undefined. */
  version?: string;
  /** The protocol in use: the server's choice where it is visible, or told from the shape of its answer (`inferred`). */
  alpn?: string;
  /** Whether `alpn` was told from lengths of encrypted records or from being the only one offered. */
  alpnInferred?: boolean;
  /** What the client offers, most wanted first, at most 8; printable. */
  offeredAlpn: readonly string[];
  /**
   * The client offers an encrypted hello (ECH): the host may be that of a provider, not of the site. Browsers also send a
   * decoy, made so that nobody can tell it from the real one.
   */
  encryptedClientHello: boolean;
}

/**
 * What a connection speaks. A later answer of the same inspector replaces this one: it says more, which may be less certain
 * (`TLS` for certain, then `TLS 1.3 · h2`, as likely).
 */
export interface Detection {
  application: ApplicationId;
  /** For people: `HTTP/1.1`, `TLS 1.3 · h2`, `QUIC v1 · h3`, `PostgreSQL · TLS 1.3`. */
  label: string;
  certainty: Certainty;
  /** Whom the client asked for: a validated host name in lower case, without port; never an address. */
  host?: { name: string; source: 'sni' | 'http-host' };
  /** Present where the connection is encrypted by TLS or QUIC, also after an upgrade within another protocol. */
  tls?: TlsDetails;
  /** Same as `tls.encryptedClientHello`, present where it is true. */
  encryptedClientHello?: boolean;
}

/**
 * One request and its answer. It is told when the request's head is there, and again, under the same `id`, with the
 * answer: the later fact replaces the earlier.
 */
export interface HttpExchangeFact {
  kind: 'http-exchange';
  /** Number of the exchange in its connection, from 1; for HTTP/2 the number of the stream. */
  id: number;
  version: '1.0' | '1.1' | '2';
  /** Whether the local program asked, or was asked. */
  requestedBy: 'local' | 'remote';
  /** `?` where the request was not seen. */
  method: string;
  /** Path without query, fragment and user info, at most 256 characters; `?` where the request was not seen. */
  path: string;
  /** The host asked for, as in Detection. */
  host?: string;
  /** Status of the final answer (not of 1xx, but of 101). */
  status?: number;
  /** From the request's first byte to the answer's first byte, in nanoseconds. */
  latencyNanos?: number;
  /** The status in the trailers of a gRPC call; 0 is success. */
  grpcStatus?: number;
  /** When the request was seen (else its answer), in nanoseconds of the clock that `feed` was given. */
  nanos: number;
}

/** One record of a DNS answer that names or aliases. */
export interface DnsAnswer {
  /** Owner name, lower case, without the last dot. */
  name: string;
  type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'SRV' | 'HTTPS' | 'SVCB';
  /** An address, or a name as above. */
  value: string;
  /** Seconds. */
  ttl: number;
}

/** One question and its answer; told at the question and again, under the same `id`, with the answer. */
export interface DnsExchangeFact {
  kind: 'dns-exchange';
  /** Number of the exchange in its flow, from 1. */
  id: number;
  requestedBy: 'local' | 'remote';
  /** Lower case, without the last dot, what cannot be printed as U+FFFD; `.` for the root. */
  question: string;
  /** `A`, `AAAA`, …; `TYPE65400` for those without a name. */
  type: string;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …; absent until answered. */
  answerCode?: string;
  /** The message was cut short for want of room; the asker will ask again over TCP. */
  truncated?: boolean;
  latencyNanos?: number;
  /** In the order of the message: aliases come before what they lead to. At most 32. */
  answers?: readonly DnsAnswer[];
  nanos: number;
}

/** A TLS or QUIC handshake is over. */
export interface TlsHandshakeFact {
  kind: 'tls-handshake';
  /** From the first byte of the client's hello to the end of the handshake, as seen at this machine, in nanoseconds. */
  durationNanos: number;
  version?: string;
  nanos: number;
}

/** One side ended the handshake, or the connection, with an alert. */
export interface TlsAlertFact {
  kind: 'tls-alert';
  from: 'local' | 'remote';
  /**
   * Name in the standard: `unknown_ca`, `handshake_failure`, …; undefined where the alert is encrypted, so that only its
   * existence is known.
   */
  alert?: string;
  /** In words: `refuses the certificate: its issuer is not known`. */
  meaning: string;
  nanos: number;
}

/** The name and version by which one side introduces itself in its greeting: `OpenSSH_9.6`, `MySQL 8.0.36`. */
export interface SoftwareFact {
  kind: 'software';
  of: 'local' | 'remote';
  /** At most 64 printable characters. */
  name: string;
  nanos: number;
}

/** A server refuses at the door, in its own protocol. */
export interface RefusedFact {
  kind: 'refused';
  by: 'local' | 'remote';
  /** The protocol's own code: an SQLSTATE, an SMTP reply code, an MQTT reason. */
  code: string;
  /** In words of our own, never the server's text: that may hold names and secrets. */
  meaning: string;
  nanos: number;
}

/** A first-level fact: one event that helps in debugging, told once or as an update of an earlier one. */
export type Fact =
  HttpExchangeFact | DnsExchangeFact | TlsHandshakeFact | TlsAlertFact | SoftwareFact | RefusedFact;
