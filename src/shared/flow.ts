// A connection as the helper tells it: what it is, what it moved, what is known of its other end. Units as in protocol.ts.

/** Bytes or bytes per second, by direction as seen from the process. */
export interface Directions {
  tx: number;
  rx: number;
}

/** What the interface carried: every header and retransmission included. */
export interface WireCounters {
  txBytes: number;
  rxBytes: number;
  txPackets: number;
  rxPackets: number;
}

/** What the program sent and received: for TCP what was acknowledged, for datagrams their content. */
export interface PayloadCounters {
  txBytes: number;
  rxBytes: number;
}

/** Both ledgers of something, and how fast each moves over the sliding window. */
export interface Usage {
  wire: WireCounters;
  payload: PayloadCounters;
  rates: { wire: Directions; payload: Directions };
}

/**
 * What a socket speaks. Raw sockets are named by the number of their IP protocol, but for ICMP, which ping sockets speak
 * too; `packet` is a socket below IP.
 */
export type TransportProtocol =
  'tcp' | 'udp' | 'udplite' | 'icmp' | 'icmp6' | 'sctp' | 'dccp' | 'packet' | `raw:${number}`;

/**
 * TCP states as `ss` names them; datagram sockets are `open` until closed. `time-wait` lasts until the kernel lets go
 * of its entry; where that cannot be looked up, in other network namespaces, for the usual minute.
 */
export type FlowState =
  | 'established'
  | 'syn-sent'
  | 'syn-recv'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'time-wait'
  | 'closed'
  | 'close-wait'
  | 'last-ack'
  | 'listening'
  | 'closing'
  | 'open';

/**
 * Why a connection failed or ended otherwise than by both ends closing it. On a flow that is not closed: what stands in
 * its way at present, while the kernel goes on trying; it is taken back once the peer is heard again.
 *
 * - `refused`: the peer answered the attempt with a reset, so nothing listens there
 * - `reset`: the peer reset the connection
 * - `timed-out`: no answer came in time
 * - `network-unreachable` to `hop-limit-exceeded`: an ICMP message said so; `unreachable`: one whose kind was not seen
 * - `aborted`: this program gave up: it closed before the connection stood, or with data unread, or with a reset
 * - `local-error`: connect() failed before anything was sent: no route, no permission, or no free port
 */
export type FlowReason =
  | 'refused'
  | 'reset'
  | 'timed-out'
  | 'network-unreachable'
  | 'host-unreachable'
  | 'protocol-unreachable'
  | 'port-unreachable'
  | 'prohibited'
  | 'hop-limit-exceeded'
  | 'unreachable'
  | 'aborted'
  | 'local-error';

/** An address and port; IPv4-mapped IPv6 addresses are given as IPv4. */
export interface Endpoint {
  /** In the canonical text form (RFC 5952 for IPv6, without brackets); empty where a packet socket sends no IP. */
  address: string;
  /** 0 where the protocol has none; of an ICMP socket that may only ping, the identifier that it has in place of it. */
  port: number;
}

/**
 * How sure it is what is spoken. `certain`: bytes that only this protocol writes; `likely`: bytes that fit it; `guess`:
 * the port number, nothing else.
 */
export type Certainty = 'certain' | 'likely' | 'guess';

/**
 * Where the name of a host comes from, the surest first. `sni` and `http-host`: the program asked for it on this
 * connection; `dns`, `mdns`: it asked for the name and was answered this address; `hosts-file`: `/etc/hosts`; `local`: an
 * address of this machine; `container`: of a container on it; `reverse-lookup`: the address was asked for in the DNS,
 * which the helper never does, as it speaks to nobody.
 */
export type HostNameSource =
  'sni' | 'http-host' | 'dns' | 'mdns' | 'hosts-file' | 'local' | 'container' | 'reverse-lookup';

/** Name of the remote host. Only characters of host and container names, at most 253. */
export interface HostName {
  name: string;
  source: HostNameSource;
}

/** What figures are not exact in. Each is true where it is so, and absent elsewhere. */
export interface EstimateMarks {
  /** Another process may have moved some of it than the one it is told of. */
  estimate?: boolean;
  /** Some packets could not be seen: the figures of the wire are computed in part, and a packet may be missing. */
  wireEstimate?: boolean;
  /**
   * The payload is an estimate: its size is computed where IPsec encrypted it before anybody could see it, and it is at most
   * that where MPTCP may have sent some of it over another path too, whose payload it is as well.
   */
  payloadEstimate?: boolean;
  /** Packet sockets get copies of packets that belong to others, and nothing tells of how many. */
  receivedUncounted?: boolean;
}

/** What something has moved and moves, and how exact that is. */
export interface MarkedUsage extends Usage, EstimateMarks {}

/** One socket talking to one remote endpoint over one interface. */
export interface FlowSample extends MarkedUsage {
  /** Unique for the life of the helper. */
  id: number;
  pid: number;
  protocol: TransportProtocol;
  local: Endpoint;
  /** Absent for listening sockets and for datagram sockets before the first datagram. */
  remote?: Endpoint;
  /** Interface name; `netns:INDEX` for one in another network namespace. */
  interface: string;
  state: FlowState;
  /** When the flow was first seen. */
  openedAt: string;
  /** Smoothed round-trip time in microseconds; 0 where unknown. */
  rttMicros: number;
  /** Segments sent again since the socket opened; 0 for datagrams. */
  retransmits: number;
  /** Application protocol: a stable id such as `http/1.1`, `h2`, `tls`, `postgresql`. Absent while it is not known. */
  application?: string;
  /** The same for people: `TLS 1.3 · h2`. Present with `application`. */
  applicationLabel?: string;
  /** Present with `application`. */
  certainty?: Certainty;
  /** Who is at the other end. Absent where nothing names it. */
  host?: HostName;
  /** Microseconds from the SYN to established, where this end called connect(). */
  connectMicros?: number;
  reason?: FlowReason;
  /** When it ended, present from then on. TIME_WAIT comes after that. */
  closedAt?: string;
}
