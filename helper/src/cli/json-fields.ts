// The fields that lines of `--format json` have in common.
import { z } from 'zod';
import type { DroppedCounters, EstimateMarks } from '../../../src/shared/protocol';
import { reasonNames } from '../reason';

export const count = z.int().min(0);
export const pid = z.int().min(0);
const bytesPerSecond = z.number().min(0).describe('Bytes per second over the sliding window.');
export const time = z.iso.datetime().describe('ISO 8601, UTC.');

export const wire = z
  .strictObject({ txBytes: count, rxBytes: count, txPackets: count, rxPackets: count })
  .describe('What the interfaces carried: headers of every packet and retransmissions included.')
  .meta({ id: 'wire' });

export const payload = z
  .strictObject({ txBytes: count, rxBytes: count })
  .describe('What the program sent and received: for TCP what was acknowledged, for datagrams their content.')
  .meta({ id: 'payload' });

const directions = z.strictObject({ tx: bytesPerSecond, rx: bytesPerSecond }).meta({ id: 'directions' });

export const usage = {
  wire,
  payload,
  rates: z.strictObject({ wire: directions, payload: directions }),
};

export const protocol = z
  .union([
    z.enum(['tcp', 'udp', 'udplite', 'icmp', 'icmp6', 'sctp', 'dccp', 'packet']),
    z.templateLiteral(['raw:', z.int().min(0).max(255)]),
  ])
  .describe('Raw sockets by the number of their IP protocol, but for ICMP; "packet" is a socket below IP.');

export const state = z
  .enum([
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
    'open',
  ])
  .describe('TCP states as "ss" names them; datagram sockets are "open" until "closed".');

export const endpoint = z
  .strictObject({
    address: z
      .string()
      .describe('IPv4, or IPv6 in the form of RFC 5952 without brackets; empty where none is known.'),
    port: z.int().min(0).max(65_535).describe('0 where the protocol has none.'),
  })
  .meta({ id: 'endpoint' });

/** What figures are not exact in. */
export const estimateMarks = {
  estimate: z
    .boolean()
    .optional()
    .describe('True where another process may have moved some of it; absent elsewhere.'),
  wireEstimate: z
    .boolean()
    .optional()
    .describe(
      'Some packets could not be seen: the figures of the wire are computed in part, and a packet may be missing.',
    ),
  payloadEstimate: z
    .boolean()
    .optional()
    .describe(
      'The payload is an estimate: its size is computed where IPsec encrypted it, and over MPTCP it is at most that, as some may have gone over another path too.',
    ),
  receivedUncounted: z
    .boolean()
    .optional()
    .describe('A packet socket: what it receives is not counted, as nothing tells of it.'),
} satisfies Record<keyof EstimateMarks, z.ZodType>;
export const rttMicros = z
  .number()
  .min(0)
  .describe('Smoothed round-trip time in microseconds; 0 where unknown.');
export const retransmits = count.describe('Segments sent again; 0 for datagrams.');
export const connectMicros = z
  .int()
  .min(0)
  .describe('Microseconds from the SYN to established, where this end called connect().');
export const reason = z
  .enum(reasonNames)
  .describe(
    'Why it failed or ended otherwise than by both ends closing it; before its end: what stands in its way.',
  );
export const closedAt = time.describe('When it ended, present from then on. TIME_WAIT comes after that.');
export const interfaceName = z.string().describe('"netns:INDEX" for one in another network namespace.');

export const dropped = {
  events: count.describe('Events that were lost or left out because too many came at once.'),
  flows: count.describe(
    'Packets whose flow has no line, because too many were open; they count on the process only.',
  ),
  processes: count.describe('Processes beyond the limit, not followed.'),
  connections: count.describe('Connections beyond the limit; they count on the process only.'),
  inspections: count.describe(
    'Payload that could not be looked at: protocols, names and facts may be missing.',
  ),
  facts: count.describe('Facts that were too many for one interval.'),
};

export const droppedCounters = z
  .strictObject(dropped)
  .describe(
    'Work that could not be done in full, counted since the start.',
  ) satisfies z.ZodType<DroppedCounters>;

export const application = z
  .string()
  .describe('Application protocol: a stable id such as "http/1.1", "h2", "tls".');
export const applicationLabel = z.string().describe('The application protocol for people: "TLS 1.3 · h2".');
export const certainty = z
  .enum(['certain', 'likely', 'guess'])
  .describe('How sure the application protocol is; "guess": by the port number only.');
export const hostSource = z
  .enum(['sni', 'http-host', 'dns', 'mdns', 'hosts-file', 'local', 'container', 'reverse-lookup'])
  .describe('Where the name of the host comes from.');

/** Zod gives optional fields the type `T | undefined`; so does this, for the comparison with the protocol. */
export type Exact<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };
