// What is said on one connection, or on one datagram socket to one peer.
import type { HostName } from '../../../src/shared/protocol';
import type { Flow } from '../flow';
import { InspectFlag, type PayloadSample } from '../kernel';
import type { Detection, Direction, Fact } from '../protocols/detection';
import { ConnectionInspector } from '../protocols/inspector';

const udp = 17;
/** Where each message is a datagram: questions are still of interest when it is long known what is spoken. */
const messageProtocols: ReadonlySet<string> = new Set(['dns', 'mdns', 'llmnr']);
const headProtocols: ReadonlySet<string> = new Set(['http/1.0', 'http/1.1']);
/** Facts that wait for the flow they belong to. */
const maximumWaiting = 256;

/** Holds no payload itself; the inspector does, within bounds, as long as it has to. */
export class Conversation {
  /** One, unless it passes several interfaces. */
  readonly flows = new Set<Flow>();
  /** Slots of the kernel's pool that its payload came from, newest last. */
  readonly slots = new Set<number>();
  /** Facts that came before its flow was known. */
  readonly waiting: Fact[] = [];
  detection: Detection | undefined;
  /** Bits of `InspectFlag`, as the kernel was last told. */
  wanted = 0;
  #inspector: ConnectionInspector | undefined;
  /** The first payload that was seen was sent by this end. */
  readonly #spokeFirst: boolean;
  readonly #outgoing: boolean;

  constructor(
    readonly key: string,
    readonly socketCookie: number,
    sample: PayloadSample,
    onFailure?: (error: unknown) => void,
  ) {
    this.#spokeFirst = sample.sent;
    this.#outgoing = sample.outgoing;
    const { localPort, remotePort, outgoing } = sample;
    const transport = sample.protocol === udp ? 'udp' : 'tcp';
    this.#inspector = new ConnectionInspector({ transport, localPort, remotePort, outgoing }, onFailure);
    this.detection = this.#inspector.detection;
  }

  /** Whether it still looks at payload. */
  get active(): boolean {
    return this.#inspector !== undefined;
  }

  /** Further messages are wanted when the first bytes are through. */
  get wantsMessages(): boolean {
    return (this.wanted & InspectFlag.Messages) !== 0;
  }

  /** Whom this end asked for on the connection; what was asked of this end names nobody else. */
  get host(): HostName | undefined {
    return this.#outgoing || this.#spokeFirst ? this.detection?.host : undefined;
  }

  /** Takes payload in, and forgets it. Returns the facts that it completes. */
  take(sample: PayloadSample): Fact[] {
    const facts: Fact[] = [];
    const direction: Direction = sample.sent ? 'sent' : 'received';
    for (const { bytes, truncated } of piecesOf(sample)) {
      const { offset, nanos } = sample;
      facts.push(...(this.#inspector?.feed(direction, bytes, nanos, { offset, truncated }) ?? []));
    }
    this.detection = this.#inspector?.detection ?? this.detection;
    return facts;
  }

  /** What the kernel shall copy from now on: bits of `InspectFlag`. */
  get wants(): number {
    const inspector = this.#inspector;
    const done =
      (inspector?.isDone('sent') === false ? 0 : InspectFlag.SentDone) |
      (inspector?.isDone('received') === false ? 0 : InspectFlag.ReceivedDone);
    if (inspector === undefined || done === (InspectFlag.SentDone | InspectFlag.ReceivedDone)) return done;
    const { application, certainty } = this.detection ?? {};
    if (application === undefined || certainty === 'guess') return done;
    if (messageProtocols.has(application)) return done | InspectFlag.Messages;
    return headProtocols.has(application) ? done | InspectFlag.Messages | InspectFlag.HttpHeads : done;
  }

  /** Looks at nothing any more. What was detected stays. */
  conclude(): void {
    this.#inspector = undefined;
  }

  /** Keeps a fact until the flow is known. Returns false when there is no room. */
  keep(fact: Fact): boolean {
    if (this.waiting.length >= maximumWaiting) return false;
    this.waiting.push(fact);
    return true;
  }
}

/** A bundle of datagrams holds several; each is one piece. */
function* piecesOf(sample: PayloadSample): Iterable<{ bytes: Uint8Array; truncated: boolean }> {
  const { bytes, payloadBytes, segmentBytes } = sample;
  const length = segmentBytes > 0 ? segmentBytes : bytes.length;
  for (let start = 0; start < bytes.length; start += length) {
    const end = Math.min(start + length, bytes.length);
    const complete = end === payloadBytes || end - start === segmentBytes;
    yield { bytes: bytes.subarray(start, end), truncated: !complete };
  }
}
