// A flow as the outside sees it: one socket talking to one remote endpoint over one interface.
import type { Endpoint, FlowReason, FlowState, HostName, TransportProtocol } from '../../src/shared/protocol';
import type { Counters } from './counters';
import { Counters as CounterSet } from './counters';
import type { Conversation } from './inspection/conversation';
import { datagramState, FlowFlag, type FlowIdentity, FlowMark, TimeWait } from './kernel';
import type { ProcessAccount } from './ledger';

/** By the number that the kernel gives a TCP state. */
const tcpStates: readonly (FlowState | undefined)[] = [
  undefined,
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'closed',
  'close-wait',
  'last-ack',
  'listening',
  'closing',
  'syn-recv',
];

/** By the number that the kernel half gives, which is that of the IP protocol. */
const protocols = new Map<number, TransportProtocol>([
  // Sockets below IP.
  [0, 'packet'],
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'icmp6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);
/** Added to the number for raw sockets. */
const rawSocket = 0x100;
const mappedPrefix = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/** Name of a state as the kernel numbers it. */
function stateName(state: number): FlowState {
  return state === datagramState ? 'open' : (tcpStates[state] ?? 'closed');
}

/** Name of a protocol as the kernel half numbers it. ICMP is ICMP, whatever the kind of socket. */
export function protocolName(protocol: number): TransportProtocol {
  const number = protocol % rawSocket;
  const name = protocols.get(number);
  const isRaw = protocol >= rawSocket && name !== 'icmp' && name !== 'icmp6';
  return isRaw || name === undefined ? `raw:${number}` : name;
}

/** An address and port; an IPv4-mapped IPv6 address becomes the IPv4 address. */
export function endpoint(address: string, port: number): Endpoint {
  return { address: address.replace(mappedPrefix, ''), port };
}

/** Names a connection, or what a datagram socket says to one peer, whatever interface it passes. */
export function conversationKey(
  identity: Pick<FlowIdentity, 'socketCookie' | 'protocol' | 'remoteAddress' | 'remotePort'>,
): string {
  const { socketCookie, protocol, remoteAddress, remotePort } = identity;
  return protocolName(protocol) !== 'tcp'
    ? `${String(socketCookie)} ${remoteAddress} ${String(remotePort)}`
    : String(socketCookie);
}

/** Several slots of the kernel's pool may belong to one flow, after a race or when one was retired. */
export class Flow {
  readonly counters: Counters = new CounterSet();
  readonly protocol: TransportProtocol;
  /** Bits of `FlowMark`. Once set they stay: so does what was counted. */
  marks = 0;
  readonly local: Endpoint;
  readonly remote: Endpoint | undefined;
  readonly openedNanos: number;
  /** Finds what is said on it: one conversation per connection, and per peer of a datagram socket. */
  readonly conversationKey: string;
  conversation: Conversation | undefined;
  /** Name of the remote host by other means than what was said; null once nothing was found. */
  host: HostName | null | undefined;
  state: FlowState = 'open';
  rttMicros = 0;
  retransmits = 0;
  /** Why it ended, or what stands in the way while it goes on. */
  reason: FlowReason | undefined;
  /** From the SYN to established; 0 where this end did not connect. */
  connectMicros = 0;
  /** Nanoseconds since boot; 0 before. */
  closedNanos = 0;
  /** Slots of the pool that belong to it. */
  slots = 0;
  /** No slot is left: nothing will ever change again. */
  ended = false;

  constructor(
    readonly id: number,
    /** Under which it is found again. */
    public key: string,
    readonly interfaceKey: number,
    identity: FlowIdentity,
    /** The process that owns the socket at present. */
    public account: ProcessAccount,
  ) {
    this.protocol = protocolName(identity.protocol);
    if (this.protocol === 'packet') this.marks |= FlowMark.ReceivedUncounted;
    this.local = endpoint(identity.localAddress, identity.localPort);
    this.remote =
      identity.remoteAddress === '' ? undefined : endpoint(identity.remoteAddress, identity.remotePort);
    this.openedNanos = identity.openedNanos;
    this.conversationKey = conversationKey(identity);
  }

  /** Takes over what the kernel says of the socket. */
  setState(state: number, flags: number, timeWait: number): void {
    if ((flags & FlowFlag.Closed) !== 0)
      this.state = timeWait === TimeWait.None ? 'closed' : stateName(state);
    // What passes before a connection is established belongs to the listening socket, and the last packet
    // says how far that connection was.
    else this.state = this.protocol === 'tcp' && this.remote === undefined ? 'listening' : stateName(state);
  }
}
