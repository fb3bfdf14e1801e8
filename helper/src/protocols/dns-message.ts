// DNS messages (RFC 1035), read by dns-packet's decoders as far as they were captured.
import * as packet from 'dns-packet';
import { toString as typeToString } from 'dns-packet/types.js';
import { uint16, uint32 } from './bytes';
import type { DnsAnswer } from './detection';
import { sanitise } from '../../../src/shared/sanitise';

const headerLength = 12;
const questionTail = 4;
const recordTail = 10;
const maximumQuestions = 32;
const maximumAnswers = 32;
/** Records of all sections that are walked over. */
const maximumRecords = 256;
const longestName = 255;

export interface DnsQuestion {
  /** As DnsExchangeFact has it. */
  name: string;
  type: string;
  classNumber: number;
}

export interface DnsMessage {
  id: number;
  response: boolean;
  opcode: number;
  truncated: boolean;
  answerCode: string;
  questions: DnsQuestion[];
  answers: DnsAnswer[];
  /** Every record was read, and nothing is left over. */
  complete: boolean;
}

const answerCodes = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

const answerTypes = new Map<number, DnsAnswer['type']>([
  [1, 'A'],
  [5, 'CNAME'],
  [12, 'PTR'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
]);

/** Reads a message; undefined for bytes that are none. A message that was cut is read up to there. */
export function readDnsMessage(bytes: Uint8Array, cut: boolean): DnsMessage | undefined {
  const flags = uint16(bytes, 2);
  const counts = [4, 6, 8, 10].map((at) => uint16(bytes, at));
  const [questions = -1, answers = -1, authorities = -1, additional = -1] = counts;
  if (bytes.length < headerLength + 5 || !isPlausible(flags, counts)) return undefined;
  const message: DnsMessage = {
    id: uint16(bytes, 0),
    response: flags >= 0x8000,
    opcode: (flags >> 11) & 0xf,
    truncated: (flags & 0x0200) !== 0,
    answerCode: answerCodes[flags & 0xf] ?? `RCODE${String(flags & 0xf)}`,
    questions: [],
    answers: [],
    complete: false,
  };
  const reader = new Reader(bytes);
  try {
    for (let index = 0; index < questions; index += 1) message.questions.push(reader.question());
    for (let index = 0; index < answers + authorities + additional; index += 1)
      reader.record(index < answers ? message.answers : undefined);
    message.complete = reader.at === bytes.length;
  } catch {
    // dns-packet throws at what it cannot read; what stands before it stays.
    if (!cut || (questions > 0 && message.questions.length === 0)) return undefined;
  }
  return message.complete || cut ? message : undefined;
}

function isPlausible(
  flags: number,
  [questions = -1, answers = -1, authorities = -1, additional = -1]: number[],
): boolean {
  const opcode = (flags >> 11) & 0xf;
  const reserved = (flags & 0x0040) !== 0;
  const records = answers + authorities + additional;
  if (questions < 0 || questions > maximumQuestions || records > maximumRecords) return false;
  return !reserved && (opcode === 0 || opcode === 4 || opcode === 5) && questions + answers > 0;
}

class Reader {
  readonly #bytes: Buffer;
  at = headerLength;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  question(): DnsQuestion {
    const name = this.#name();
    const type = this.#number(0);
    const classNumber = this.#number(2);
    this.at += questionTail;
    return { name, type: typeName(type), classNumber };
  }

  /** Reads a record; it is kept only where `answers` has room and its type is wanted. */
  record(answers: DnsAnswer[] | undefined): void {
    const name = this.#name();
    const type = answerTypes.get(this.#number(0));
    const ttl = uint32(this.#bytes, this.at + 4);
    const length = this.#number(8);
    const data = this.at + recordTail;
    if (data + length > this.#bytes.length) throw new RangeError('record');
    this.at = data + length;
    if (answers === undefined || type === undefined || answers.length >= maximumAnswers) return;
    const value = this.#value(type, data, length);
    if (value !== undefined) answers.push({ name, type, value: cleanName(value), ttl });
  }

  #value(type: DnsAnswer['type'], data: number, length: number): string | undefined {
    // The decoders begin with the length.
    const start = data - 2;
    const bytes = this.#bytes.subarray(0, data + length);
    if (type === 'A') return length === 4 ? packet.a.decode(bytes, start) : undefined;
    if (type === 'AAAA') return length === 16 ? packet.aaaa.decode(bytes, start) : undefined;
    if (type === 'CNAME' || type === 'PTR') return packet.cname.decode(bytes, start);
    if (type === 'SRV') return packet.srv.decode(bytes, start).target;
    // Priority, then the name of the service; the root stands for the owner.
    return packet.name.decode(bytes, data + 2);
  }

  #name(): string {
    const name = packet.name.decode(this.#bytes, this.at);
    this.at += packet.name.decode.bytes;
    return cleanName(name);
  }

  #number(after: number): number {
    const number = uint16(this.#bytes, this.at + after);
    if (number < 0) throw new RangeError('number');
    return number;
  }
}

function cleanName(name: string): string {
  return sanitise(name.toLowerCase(), longestName);
}

function typeName(type: number): string {
  return answerTypes.get(type) ?? typeToString(type).replace('UNKNOWN_', 'TYPE');
}
