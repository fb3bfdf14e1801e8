// DNS over UDP and TCP, mDNS and LLMNR: recognised by a message that is whole and right; followed question by question.
import { applications, type ApplicationId } from './applications';
import { byteAt, uint16 } from './bytes';
import type { Detection, DnsExchangeFact, Fact } from './detection';
import { readDnsMessage, type DnsMessage } from './dns-message';
import { FrameWalker } from './frame-walker';
import {
  endOf,
  type Datagram,
  type Follower,
  type FollowerSetting,
  type Match,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';

const multicastPort = 5353;
const localPort = 5355;
const inClass = 1;
const anyClass = 255;
const maximumWaiting = 256;
/** Longer messages over TCP are passed over: transfers of zones. */
const maximumMessage = 4_096;

export function probeDnsDatagram({ bytes, truncated, fromPort, toPort }: Datagram): Match | undefined {
  const message = readDnsMessage(bytes, truncated);
  if (message === undefined || !hasKnownClasses(message)) return undefined;
  const application =
    fromPort === multicastPort || toPort === multicastPort
      ? 'mdns'
      : fromPort === localPort || toPort === localPort
        ? 'llmnr'
        : 'dns';
  return {
    application,
    certainty: message.complete ? 'certain' : 'likely',
    sender: message.response ? 'server' : 'client',
    follow: (setting) => new DnsFollower(setting, application, false),
  };
}

export function probeDnsStream({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  for (const [bytes, ended, response] of [
    [client, clientEnded, false],
    [server, serverEnded, true],
  ] as const) {
    if (bytes.length === 0) continue;
    const length = uint16(bytes, 0);
    if (bytes.length < 6) {
      // Messages of a client are short: the first byte is 0 or 1.
      if (byteAt(bytes, 0) <= (response ? 0x40 : 1) && !ended) return 'more';
      continue;
    }
    const flags = uint16(bytes, 4);
    if (length < 17 || flags >= 0x8000 !== response || ((flags >> 11) & 0xf) > 5 || (flags & 0x40) !== 0)
      continue;
    const whole = bytes.length >= 2 + length;
    const message = readDnsMessage(bytes.subarray(2, 2 + length), !whole);
    if (message === undefined || !hasKnownClasses(message)) {
      if (!whole && !ended && isHeader(bytes)) return 'more';
      continue;
    }
    if (!whole && !ended) return 'more';
    return {
      application: 'dns',
      certainty: message.complete ? 'certain' : 'likely',
      follow: (setting) => new DnsFollower(setting, 'dns', true),
    };
  }
  return undefined;
}

/** One question, and no more records than a real message has. */
function isHeader(bytes: Uint8Array): boolean {
  const questions = uint16(bytes, 6);
  return (questions === 1 || questions < 0) && uint16(bytes, 8) < 256 && uint16(bytes, 10) < 256;
}

function hasKnownClasses({ questions }: DnsMessage): boolean {
  return questions.every(({ classNumber }) => {
    // The highest bit asks for an answer to one only (mDNS).
    const known = classNumber & 0x7fff;
    return (known >= inClass && known <= 4) || known === 254 || known === anyClass;
  });
}

class Messages extends FrameWalker {
  constructor(private readonly use: (bytes: Uint8Array, cut: boolean, nanos: number) => void) {
    super(2, true);
  }

  protected override begin(header: Uint8Array): boolean {
    this.bodyLength = uint16(header, 0);
    this.wantedLength = Math.min(this.bodyLength, maximumMessage);
    return this.bodyLength >= 12;
  }

  protected override body(bytes: Uint8Array): void {
    this.use(bytes, bytes.length < this.bodyLength, this.nanos);
  }
}

class DnsFollower implements Follower {
  readonly detection: Detection;
  readonly #streams: Record<Side, Messages> | undefined;
  readonly #waiting = new Map<string, DnsExchangeFact>();
  #lastId = 0;
  #facts: Fact[] = [];

  constructor(
    private readonly setting: FollowerSetting,
    application: ApplicationId,
    overTcp: boolean,
  ) {
    this.detection = {
      application,
      label: overTcp ? `${applications[application]} · TCP` : applications[application],
      certainty: 'certain',
    };
    if (overTcp) {
      this.#streams = {
        client: new Messages((bytes, cut, nanos) => this.#message('client', bytes, cut, nanos)),
        server: new Messages((bytes, cut, nanos) => this.#message('server', bytes, cut, nanos)),
      };
    }
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    this.#facts = facts;
    if (this.#streams === undefined) this.#message(side, piece.bytes, piece.truncated, piece.nanos);
    else this.#streams[side].feed(piece);
  }

  isDone(side: Side): boolean {
    return this.#streams?.[side].ended ?? false;
  }

  #message(side: Side, bytes: Uint8Array, cut: boolean, nanos: number): void {
    const message = readDnsMessage(bytes, cut);
    if (message?.opcode !== 0) return;
    if (message.response) this.#answer(side, message, nanos);
    else this.#ask(side, message, nanos);
  }

  #ask(side: Side, message: DnsMessage, nanos: number): void {
    for (const { name, type } of message.questions) {
      const fact: DnsExchangeFact = {
        kind: 'dns-exchange',
        id: this.#lastId + 1,
        requestedBy: endOf(side, this.setting),
        question: name,
        type,
        nanos,
      };
      const key = keyOf(message.id, name, type);
      // Asked again before it was answered: the first time counts.
      if (this.#waiting.has(key)) continue;
      const oldest = this.#waiting.keys().next();
      if (this.#waiting.size >= maximumWaiting && oldest.done !== true) this.#waiting.delete(oldest.value);
      this.#lastId += 1;
      this.#waiting.set(key, fact);
      this.#facts.push(fact);
    }
  }

  #answer(side: Side, { id, questions, answers, answerCode, truncated }: DnsMessage, nanos: number): void {
    // Answers of mDNS come without a question.
    const asked: { name: string; type: string } | undefined = questions[0] ?? answers[0];
    if (asked === undefined) return;
    const key = keyOf(id, asked.name, asked.type);
    const question = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (question === undefined) this.#lastId += 1;
    this.#facts.push({
      ...(question ?? {
        kind: 'dns-exchange',
        id: this.#lastId,
        requestedBy: endOf(side === 'client' ? 'server' : 'client', this.setting),
        question: asked.name,
        type: asked.type,
        nanos,
      }),
      answerCode,
      ...(truncated ? { truncated } : {}),
      ...(question === undefined ? {} : { latencyNanos: Math.max(0, nanos - question.nanos) }),
      answers,
    });
  }
}

function keyOf(id: number, name: string, type: string): string {
  return `${String(id)} ${type} ${name}`;
}
