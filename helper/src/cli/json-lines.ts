// The lines that `--format json` writes: their shape, and the published schema made from it.
// The schemas here and in json-fields.ts are the one definition; `docs/json-output.schema.json` is generated from them.
import { z } from 'zod';
import type {
  FlowFact,
  FlowSample,
  MonitorEvent,
  MonitorSample,
  ProcessSample,
} from '../../../src/shared/protocol';
import {
  application,
  applicationLabel,
  certainty,
  closedAt,
  connectMicros,
  count,
  dropped,
  droppedCounters,
  endpoint,
  estimateMarks,
  type Exact,
  hostSource,
  interfaceName,
  payload,
  pid,
  protocol,
  reason,
  retransmits,
  rttMicros,
  state,
  time,
  usage,
  wire,
} from './json-fields';

const flowSample = z
  .strictObject({
    id: count.describe('Names the flow in later lines.'),
    pid,
    protocol,
    ...estimateMarks,
    local: endpoint,
    remote: endpoint.optional(),
    interface: interfaceName,
    state,
    openedAt: time,
    rttMicros,
    retransmits,
    application: application.optional(),
    applicationLabel: applicationLabel.optional(),
    certainty: certainty.optional(),
    host: z.strictObject({ name: z.string(), source: hostSource }).optional().describe('The remote host.'),
    connectMicros: connectMicros.optional(),
    reason: reason.optional(),
    closedAt: closedAt.optional(),
    ...usage,
  })
  .describe('One socket talking to one remote endpoint over one interface.')
  .meta({ id: 'flow' }) satisfies z.ZodType<Exact<FlowSample>>;

const processSample = z
  .strictObject({
    pid,
    ppid: pid,
    startTicks: count.describe(
      'Start time in clock ticks since boot; with the pid it names one process for ever.',
    ),
    name: z.string(),
    exe: z.string().describe('Path of the executable; empty where it may not be read.'),
    command: z.string(),
    uid: count,
    user: z.string(),
    openFlows: count,
    alive: z.boolean(),
    ...estimateMarks,
    ...usage,
  })
  .describe('A process; its counters cover all of its flows, those closed by now included.')
  .meta({ id: 'process' }) satisfies z.ZodType<Exact<ProcessSample>>;

const watchedPid = pid.describe(
  'The process that was asked for, whose tree this line is about; 0 where all were.',
);

const sampleLine = z
  .strictObject({
    type: z.literal('sample'),
    watchedPid,
    sequence: count.describe('Counts up from 0 for each watched process, without gaps.'),
    time,
    monotonicMicros: z.number().min(0).describe('Microseconds since boot (CLOCK_MONOTONIC).'),
    total: z
      .strictObject({ ...usage, ...estimateMarks })
      .describe('The whole tree, each byte once in each direction.'),
    processes: z.array(processSample),
    flows: z.array(flowSample).describe('Flows that are new or differ from the sample before.'),
    removedFlows: z.array(count).describe('Ids of flows that exist no more.'),
    dropped: droppedCounters,
  })
  .describe('The state at one moment; one line each interval and watched process.')
  .meta({ id: 'sampleLine' });

const eventLine = z
  .strictObject({
    type: z.literal('event'),
    watchedPid,
    time,
    kind: z.enum([
      'opened',
      'established',
      'closed',
      'failed',
      'listening',
      'fork',
      'exec',
      'exit',
      'dropped',
    ]),
    pid,
    protocol: protocol.optional(),
    local: endpoint.optional(),
    remote: endpoint.optional(),
    direction: z.enum(['outgoing', 'incoming']).optional().describe('"established": which end began it.'),
    reason: reason.optional(),
    durationMicros: count
      .optional()
      .describe(
        '"established" at the end that connected: since the SYN; "closed", "failed": since it was opened.',
      ),
    childPid: pid.optional().describe('"fork": the new process.'),
    name: z.string().optional().describe('"exec": the new name.'),
    exitStatus: z.int().optional().describe('"exit": 128 + signal when killed.'),
    count: count.optional().describe('"dropped": how many events were lost.'),
  })
  .describe('Something that happened to a socket or a process.')
  .meta({ id: 'eventLine' });

const side = z.enum(['local', 'remote']);

const fact = {
  type: z.literal('fact'),
  watchedPid,
  time,
  pid,
  flow: count.describe('Id of the flow, as in sample lines.'),
  remote: endpoint.optional(),
  remoteName: z.string().optional().describe('Name of the remote host, where it is known.'),
};

const latencyMicros = count
  .optional()
  .describe('From the first byte of the request to the first byte of the answer.');

const requestNumber = count.describe(
  'Number of the request on its flow. A later line with the same number replaces this one: it holds the answer.',
);

const factLine = z
  .discriminatedUnion('kind', [
    z.strictObject({
      ...fact,
      kind: z.literal('http-exchange'),
      id: requestNumber,
      requestedBy: side,
      version: z.string(),
      method: z.string(),
      path: z.string().describe('Without query and fragment.'),
      host: z.string().optional().describe('The host that was asked for.'),
      status: count.optional(),
      grpcStatus: count.optional(),
      latencyMicros,
    }),
    z.strictObject({
      ...fact,
      kind: z.literal('dns-exchange'),
      id: requestNumber,
      requestedBy: side,
      question: z.string(),
      recordType: z.string(),
      answerCode: z.string().optional(),
      answers: z.array(z.string()).optional(),
      latencyMicros,
    }),
    z.strictObject({
      ...fact,
      kind: z.literal('tls-handshake'),
      version: z.string().optional(),
      durationMicros: count,
    }),
    z.strictObject({
      ...fact,
      kind: z.literal('tls-alert'),
      from: side,
      alert: z.string().optional(),
      meaning: z.string(),
    }),
    z.strictObject({ ...fact, kind: z.literal('software'), of: side, name: z.string() }),
    z.strictObject({
      ...fact,
      kind: z.literal('refused'),
      by: side,
      code: z.string(),
      meaning: z.string(),
    }),
  ])
  .describe('Something that was said on a flow: a request and its answer, a handshake, an alert.')
  .meta({ id: 'factLine' });

const requestSummary = z
  .strictObject({
    request: z.string().describe('Such as "GET /users" or "AAAA example.org".'),
    count: count.describe('How often it was made.'),
    answered: count,
    failed: count.describe('Answered with an error.'),
    averageLatencyMicros: count.nullable().describe('Null where it is not known.'),
    slowestLatencyMicros: count.nullable(),
  })
  .meta({ id: 'requestSummary' });

const endpointText = z
  .string()
  .describe('"address:port", IPv6 addresses in brackets: "192.0.2.1:443", "[2001:db8::1]:443".');

const flowSummary = z
  .strictObject({
    protocol,
    ...estimateMarks,
    local: endpointText,
    remote: endpointText
      .nullable()
      .describe('Null for listening sockets and datagram sockets without a peer.'),
    interface: interfaceName,
    state: state.describe('At the end; "closed" for flows that ended before.'),
    application: application.nullable().describe('Application protocol; null where it was not detected.'),
    applicationLabel: applicationLabel.nullable(),
    certainty: certainty.nullable(),
    host: z.string().nullable().describe('Name of the remote host; null where it is not known.'),
    hostSource: hostSource.nullable(),
    wire,
    payload,
    rttMicros,
    retransmits,
    requests: z.array(requestSummary).describe('Requests on it, the same ones together; at most 32.'),
    openedAt: time,
    closedAt: closedAt.nullable(),
    connectMicros: connectMicros.nullable(),
    reason: reason.nullable(),
  })
  .describe('One socket talking to one remote endpoint over one interface, over the whole run.')
  .meta({ id: 'flowSummary' });

const processSummary = z
  .strictObject({
    pid,
    ppid: pid,
    name: z.string(),
    exe: z.string().describe('Path of the executable; empty where it may not be read.'),
    wire,
    payload,
    ...estimateMarks,
    flows: z.array(flowSummary),
  })
  .meta({ id: 'processSummary' });

const summaryLine = z
  .strictObject({
    type: z.literal('summary'),
    processes: z
      .array(processSummary)
      .describe('Every process seen, those that exited included, as far as there is room.'),
    dropped: z.strictObject({
      ...dropped,
      summaryFlows: count.describe('Flows left out of this line because there were too many.'),
      summaryProcesses: count.describe('Processes that exited, left out because there were too many.'),
    }),
  })
  .describe('The last line: totals of every process and of every flow, closed ones included.')
  .meta({ id: 'summaryLine' });

const line = z.discriminatedUnion('type', [sampleLine, eventLine, factLine, summaryLine]);

/** One line of `--format json`, as a schema to check it against. */
export const outputLine: z.ZodType<OutputLine> = line;

export type OutputLine = z.infer<typeof line>;
export type SampleLine = z.infer<typeof sampleLine>;
export type EventLine = z.infer<typeof eventLine>;
export type FactLine = z.infer<typeof factLine>;
export type SummaryLine = z.infer<typeof summaryLine>;
export type ProcessSummary = z.infer<typeof processSummary>;
export type RequestSummary = z.infer<typeof requestSummary>;
export type FlowSummary = z.infer<typeof flowSummary>;

/** The line for a sample of the monitor that watches `watchedPid`. */
export function sampleToLine(watched: number, sample: MonitorSample): SampleLine {
  const line: Omit<MonitorSample, 'monitor' | 'facts'> & { facts?: unknown } = withoutMonitor(sample);
  // They have lines of their own.
  delete line.facts;
  return { type: 'sample', watchedPid: watched, ...line };
}

/** The line for a fact of a sample; `flow` is what it is about. */
export function factToLine(watched: number, fact: FlowFact, flow: FlowSample): FactLine {
  return {
    type: 'fact',
    watchedPid: watched,
    pid: flow.pid,
    ...(flow.remote !== undefined && { remote: flow.remote }),
    ...(flow.host !== undefined && { remoteName: flow.host.name }),
    ...fact,
  };
}

/** The line for an event of the monitor that watches `watchedPid`. */
export function eventToLine(watched: number, event: MonitorEvent): EventLine {
  return { type: 'event', watchedPid: watched, ...withoutMonitor(event) };
}

/** The name of a monitor means something between client and helper only. */
function withoutMonitor<Message extends { monitor: string }>(message: Message): Omit<Message, 'monitor'> {
  const copy: Omit<Message, 'monitor'> & { monitor?: string } = { ...message };
  delete copy.monitor;
  return copy;
}

/** The published JSON Schema (draft 2020-12) of one line. */
export function outputSchema(): object {
  const { $schema, ...body } = z.toJSONSchema(line, {
    override: ({ jsonSchema }) => {
      // A reader must accept the fields of a later version; only our own tests insist on just these.
      delete jsonSchema.additionalProperties;
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return {
    $schema,
    title: 'A line of the output of procnetmon --format json',
    description:
      'Counters are bytes or packets, rates are bytes per second. Fields may be added by later versions; those here keep their meaning.',
    ...body,
  };
}
