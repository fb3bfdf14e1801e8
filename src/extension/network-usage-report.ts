// What is on show, in words: the answer of the tool for language models.
import { estimateLegend, estimateNotes } from '../shared/estimate';
import {
  formatBytes,
  formatDuration,
  formatEndpoint,
  formatMicroseconds,
  formatRate,
  inEnglish,
} from '../shared/format';
import { processTitle } from '../shared/process-title';
import { sanitise } from '../shared/sanitise';
import { applicationOf, failureOf, hostOf } from './flow-names';
import type { WatchedSession } from './sessions';

/** Connections told of one session, those with the most bytes. */
const maximumConnections = 50;

/** What is on show, as plain text in English. */
export function networkUsageReport(sessions: readonly WatchedSession[], filter?: string): string {
  if (sessions.length === 0) {
    return 'Nothing is being watched. Start a debug session, or use the command “ProcNetMon: Monitor PID…”.';
  }
  return inEnglish(() =>
    sessions.map((session) => sessionReport(session, filter?.toLowerCase() ?? '')).join('\n\n'),
  );
}

function sessionReport(session: WatchedSession, filter: string): string {
  const { total, state, startedAt } = session;
  const lines = [...session.flows.values()]
    .sort((one, other) => bytes(other) - bytes(one))
    .map((flow) => {
      const process = session.processes.get(flow.pid);
      const parts = [
        `${process === undefined ? 'process' : sanitise(processTitle(process))} [${String(flow.pid)}]`,
        applicationOf(flow) ?? flow.protocol,
        `${formatEndpoint(flow.local)} → ${formatEndpoint(flow.remote)}`,
        hostOf(flow),
        failureOf(flow) ?? flow.state,
        `sent ${formatBytes(flow.wire.txBytes)}`,
        `received ${formatBytes(flow.wire.rxBytes)}`,
        flow.rttMicros > 0 ? `round trip ${formatMicroseconds(flow.rttMicros)}` : undefined,
        ...estimateLegend(flow),
        flow.retransmits > 0 ? `${String(flow.retransmits)} retransmits` : undefined,
      ];
      return `- ${sanitise(parts.filter((part) => part !== undefined).join(', '), 400)}`;
    })
    .filter((line) => line.toLowerCase().includes(filter));
  const { rates, wire } = total;
  const left = lines.length - maximumConnections;
  return [
    `Session “${sanitise(session.label)}”, ${state}, began ${new Date(startedAt).toISOString()}, ${formatDuration(
      (session.history.at(-1)?.timeMillis ?? startedAt) - startedAt,
    )} watched.`,
    `On the wire: ${formatBytes(wire.txBytes)} sent, ${formatBytes(wire.rxBytes)} received; now sending ${formatRate(
      rates.wire.tx,
    )}, receiving ${formatRate(rates.wire.rx)}.`,
    ...estimateNotes(total),
    ...(session.failure === undefined ? [] : [`Failure: ${sanitise(session.failure.message)}`]),
    `Connections${filter === '' ? '' : ` with “${sanitise(filter, 64)}”`}: ${String(lines.length)}`,
    ...lines.slice(0, maximumConnections),
    ...(left > 0 ? [`… and ${String(left)} more`] : []),
  ].join('\n');
}

function bytes({ wire }: { wire: { txBytes: number; rxBytes: number } }): number {
  return wire.txBytes + wire.rxBytes;
}
