// The parsers that are fuzzed. Each takes any input, and throws where it breaks a promise.
import type { Detection, Fact } from '../../helper/src/protocols/detection';
import { deriveInitialKeys } from '../../helper/src/protocols/quic-initial';
import { quicVersions } from '../../helper/src/protocols/quic-packet';
import { inspect, readRecording, recordingNames, type Recording } from '../unit/helper/protocols/recording';
import { samples } from '../unit/helper/protocols/samples';
import { decode, encode } from './conversation';
import { mutateBytes, mutateConversation } from './mutate';
import { readInitial, sealInitial } from './quic-seal';
import type { Random } from './random';
import {
  ConnectionInspector,
  HandshakeMessages,
  HpackReader,
  readClientHello,
  readDnsMessage,
  readInitialFrames,
  readServerHello,
} from './subject';

export interface FuzzTarget {
  /** Inputs to begin with, beside the kept corpus. */
  seeds: () => Uint8Array[];
  mutate: (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;
  /** @returns what has to be held on to for the memory that it takes to be counted */
  run: (input: Uint8Array) => unknown;
}

/** Text in what is told is short, and moves no cursor. */
const longestText = 300;
const controls = /[\u0000-\u001f\u007f-\u009f\u202e]/;

function check(value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (value.length > longestText) throw new Error(`${path} is too long: ${String(value.length)}`);
    if (controls.test(value)) throw new Error(`${path} is not clean: ${JSON.stringify(value)}`);
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value) || value < 0) throw new Error(`${path} is ${String(value)}`);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) check(member, `${path}.${key}`);
  }
}

function checkTold(detection: Detection | undefined, facts: readonly Fact[]): void {
  check(detection, 'detection');
  check(facts, 'facts');
}

const ports = [443, 80, 53, 5432, 853, 40_000];

function rethrow(error: unknown): never {
  throw error;
}

function runInspector(input: Uint8Array, transport: 'tcp' | 'udp') {
  const port = ports[(input[0] ?? 0) % ports.length] ?? 0;
  const inspector = new ConnectionInspector(
    {
      transport,
      localPort: 50_000,
      remotePort: port,
      outgoing: (input[1] ?? 0) % 2 === 0,
    },
    rethrow,
  );
  const offsets = { sent: 0, received: 0 };
  let nanos = 0;
  for (const { direction, truncated, gap, bytes } of decode(input.subarray(2))) {
    nanos += 1_000;
    offsets[direction] += gap;
    const facts = inspector.feed(direction, bytes, nanos, {
      offset: transport === 'tcp' ? offsets[direction] : 0,
      truncated,
    });
    offsets[direction] += bytes.length;
    checkTold(inspector.detection, facts);
    if (
      inspector.isDone(direction) &&
      inspector.feed(direction, bytes, nanos, { offset: 0, truncated }).length > 0 &&
      transport === 'udp'
    )
      throw new Error('facts after it was done');
  }
  return inspector;
}

function conversations(transport: 'tcp' | 'udp'): Uint8Array[] {
  const all: Recording[] = [...recordingNames.map(readRecording), ...samples];
  return all
    .filter(({ context }) => context.transport === transport)
    .map(({ pieces }) =>
      Buffer.concat([Buffer.from([0, 0]), encode(pieces.map((piece) => ({ ...piece, gap: 0 })))]),
    );
}

/** The bytes of all hellos, record headers included. */
function hellos(): Uint8Array[] {
  return recordingNames
    .filter((name) => /^(tls|https)/.test(name))
    .flatMap((name) =>
      readRecording(name)
        .pieces.filter(({ offset }) => offset === 0)
        .map(({ bytes }) => bytes.subarray(5)),
    );
}

const quicVersion = quicVersions.get(1);
const destination = Buffer.from('8394c8f03e515708', 'hex');

/** The frames of the recorded clients' first packets. */
function initialPayloads(): Uint8Array[] {
  return recordingNames
    .filter((name) => name.startsWith('quic'))
    .flatMap((name) => readRecording(name).pieces)
    .flatMap(({ bytes, direction }) => (direction === 'sent' ? readInitial(bytes) : []));
}

export const targets: Record<string, FuzzTarget> = {
  conversation: {
    seeds: () => conversations('tcp'),
    mutate: (input, random, other) => withHead(input, random, other),
    run: (input) => runInspector(input, 'tcp'),
  },
  datagrams: {
    seeds: () => conversations('udp'),
    mutate: (input, random, other) => withHead(input, random, other),
    run: (input) => runInspector(input, 'udp'),
  },
  'tls-hello': {
    seeds: hellos,
    mutate: mutateBytes,
    run: (input) => {
      const messages = new HandshakeMessages((_type, body) => {
        check(readClientHello(body), 'client hello');
        check(readServerHello(body), 'server hello');
      });
      const middle = input.length >> 1;
      messages.add(input.subarray(0, middle));
      messages.add(input.subarray(middle));
      messages.end();
      return messages;
    },
  },
  quic: {
    seeds: initialPayloads,
    mutate: mutateBytes,
    run: (input) => {
      readInitialFrames(input);
      if (quicVersion === undefined) return undefined;
      // Sealed with the keys that everybody knows, so that what is within is reached.
      const packet = sealInitial(input, destination, deriveInitialKeys(quicVersion, destination, 'client'));
      const { inspector, facts } = inspect({
        context: { transport: 'udp', localPort: 50_000, remotePort: 443, outgoing: true },
        pieces: [{ direction: 'sent', nanos: 0, offset: 0, bytes: packet, truncated: false }],
      });
      checkTold(inspector.detection, facts);
      return inspector;
    },
  },
  dns: {
    seeds: () =>
      [
        readRecording('dns'),
        readRecording('dns-missing'),
        ...samples.filter(({ application }) => /^(dns|mdns|llmnr)$/.test(application)),
      ].flatMap(({ pieces, context }) =>
        pieces.map(({ bytes }) => (context.transport === 'tcp' ? bytes.subarray(2) : bytes)),
      ),
    mutate: mutateBytes,
    run: (input) => {
      const whole = readDnsMessage(input, false);
      check(whole, 'message');
      check(readDnsMessage(input, true), 'cut message');
      return whole;
    },
  },
  hpack: {
    seeds: () =>
      ['http2-prior-knowledge', 'grpc'].flatMap((name) =>
        readRecording(name).pieces.map(({ bytes }) => bytes.subarray(bytes[0] === 0x50 ? 24 + 9 : 9)),
      ),
    mutate: mutateBytes,
    run: (input) => {
      const reader = new HpackReader();
      // Several blocks, so that one finds what the others left in the table.
      for (let at = 0; at < input.length; at += 64) {
        const headers = reader.read(input.subarray(at, at + 64));
        if (headers === undefined) break;
        for (const [name, value] of headers)
          if (name.length > 12 || value.length > 2_048) throw new Error(`${name} is too long`);
      }
      return reader;
    },
  },
};

/** The first two bytes choose port and direction. */
function withHead(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const head =
    random.below(8) === 0 ? Buffer.from([random.below(256), random.below(256)]) : input.subarray(0, 2);
  return Buffer.concat([head, mutateConversation(input.subarray(2), random, other.subarray(2))]);
}
