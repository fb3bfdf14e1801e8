// When a network breakpoint is hit. Free of the editor's API: events and samples in, hits out.
import { peerLabel } from '../../shared/flow-label';
import { parseFilter, type FilterPredicate, type FilterSubject } from '../../shared/filter-language';
import { formatEndpoint } from '../../shared/format';
import { processTitle } from '../../shared/process-title';
import type { FlowSample, MonitorEvent } from '../../shared/protocol';
import { sanitise } from '../../shared/sanitise';
import { applicationOf, failureOf, hostOf } from '../flow-names';
import type { WatchedSession } from '../sessions';

const breakpointKinds = ['connect', 'accept', 'send'] as const;
export type BreakpointKind = (typeof breakpointKinds)[number];

export interface NetworkBreakpoint {
  readonly id: string;
  readonly kind: BreakpointKind;
  /** In the language of the panel's filter; empty: anything. */
  readonly filter: string;
  /** Of `send`: bytes on the wire that one connection may send, from when the breakpoint was set. */
  readonly bytes?: number;
  readonly enabled: boolean;
}

export interface BreakpointHit {
  readonly breakpoint: NetworkBreakpoint;
  readonly session: string;
  readonly pid: number;
  /** When it happened, in Unix milliseconds. */
  readonly timeMillis: number;
  /** The peer, clean. */
  readonly peer: string;
}

/** Longest filter of a breakpoint, in characters. */
export const maximumBreakpointFilter = 512;
export const maximumBreakpoints = 100;

/** Reads breakpoints from what was remembered, which may be anything. */
export function parseBreakpoints(value: unknown): NetworkBreakpoint[] {
  if (!Array.isArray(value)) return [];
  const known = new Set<string>();
  return (value as unknown[]).slice(0, maximumBreakpoints).flatMap((each) => {
    if (typeof each !== 'object' || each === null) return [];
    const { id, kind, filter, bytes, enabled } = each as Readonly<Record<string, unknown>>;
    const kindKnown = breakpointKinds.find((name) => name === kind);
    if (typeof id !== 'string' || known.has(id) || kindKnown === undefined) return [];
    if (typeof filter !== 'string' || filter.length > maximumBreakpointFilter || !parseFilter(filter).ok)
      return [];
    if (kindKnown === 'send' && !(typeof bytes === 'number' && Number.isFinite(bytes) && bytes > 0))
      return [];
    known.add(id);
    return [
      {
        id,
        kind: kindKnown,
        filter,
        enabled: enabled !== false,
        ...(kindKnown === 'send' ? { bytes: bytes as number } : {}),
      },
    ];
  });
}

/** Watches for what the enabled breakpoints are about. */
export class BreakpointMatcher {
  #armed: { breakpoint: NetworkBreakpoint; matches: FilterPredicate }[] = [];
  /** Of `send`: what each connection had sent when it was first seen, by breakpoint and connection. */
  readonly #sentBefore = new Map<string, number>();
  /** Sockets that were reported already: one is opened first and established later. */
  readonly #reported = new Set<string>();

  set(breakpoints: readonly NetworkBreakpoint[]): void {
    this.#armed = breakpoints.flatMap((breakpoint) => {
      const parsed = parseFilter(breakpoint.filter);
      return breakpoint.enabled && parsed.ok ? [{ breakpoint, matches: parsed.matches }] : [];
    });
    this.#sentBefore.clear();
    this.#reported.clear();
  }

  /** Whether anything has to be looked at. */
  get isArmed(): boolean {
    return this.#armed.length > 0;
  }

  /** Hits by an event. */
  ofEvent(session: WatchedSession, event: MonitorEvent): BreakpointHit[] {
    const kind = kindOf(event);
    if (kind === undefined || event.remote === undefined) return [];
    const peer = sanitise(formatEndpoint(event.remote));
    const socket = `${session.id} ${String(event.pid)} ${formatEndpoint(event.local)} ${peer} ${kind}`;
    const subject = subjectOfEvent(session, event);
    const hits = this.#armed
      .filter(({ breakpoint, matches }) => breakpoint.kind === kind && matches(subject))
      .filter(({ breakpoint }) => {
        const name = `${breakpoint.id} ${socket}`;
        const isNew = !this.#reported.has(name);
        if (event.kind === 'established' || event.kind === 'failed') this.#reported.delete(name);
        else this.#reported.add(name);
        return isNew;
      });
    return hits.map(({ breakpoint }) => ({
      breakpoint,
      session: session.id,
      pid: event.pid,
      timeMillis: Date.parse(event.time) || Date.now(),
      peer,
    }));
  }

  /** Hits by what connections have sent. Each connection hits a breakpoint once. */
  ofSample(session: WatchedSession, nowMillis: number): BreakpointHit[] {
    const hits: BreakpointHit[] = [];
    for (const { breakpoint, matches } of this.#armed) {
      const { bytes } = breakpoint;
      if (breakpoint.kind !== 'send' || bytes === undefined) continue;
      for (const flow of session.flows.values()) {
        const name = `${breakpoint.id} ${session.id} ${String(flow.id)}`;
        const before = this.#sentBefore.get(name);
        const isOlder = Date.parse(flow.openedAt) < session.startedAt;
        if (before === undefined) this.#sentBefore.set(name, isOlder ? flow.wire.txBytes : 0);
        const sent = flow.wire.txBytes - (before ?? (isOlder ? flow.wire.txBytes : 0));
        if (sent <= bytes || !matches(subjectOfFlow(session, flow, nowMillis))) continue;
        this.#sentBefore.set(name, Infinity);
        const peer = peerLabel(flow) ?? '*';
        hits.push({ breakpoint, session: session.id, pid: flow.pid, timeMillis: nowMillis, peer });
      }
    }
    return hits;
  }
}

function kindOf(event: MonitorEvent): BreakpointKind | undefined {
  switch (event.kind) {
    case 'opened':
    case 'failed':
      return 'connect';
    case 'established':
      return event.direction === 'incoming' ? 'accept' : 'connect';
    default:
      return undefined;
  }
}

/** What a filter sees of a connection. */
function subjectOfFlow(session: WatchedSession, flow: FlowSample, nowMillis: number): FilterSubject {
  const process = session.processes.get(flow.pid);
  const subject: FilterSubject = {
    process: process === undefined ? '' : processTitle(process),
    pid: flow.pid,
    protocol: flow.protocol,
    application: applicationOf(flow) ?? '',
    localAddress: flow.local.address,
    localPort: flow.local.port,
    remoteAddress: flow.remote?.address ?? '',
    remotePort: flow.remote?.port ?? 0,
    host: hostOf(flow) ?? '',
    interface: flow.interface,
    state: flow.state,
    failure: failureOf(flow) ?? '',
    size: flow.wire.txBytes + flow.wire.rxBytes,
    sent: flow.wire.txBytes,
    received: flow.wire.rxBytes,
    rate: flow.rates.wire.tx + flow.rates.wire.rx,
    rtt: flow.rttMicros / 1e6,
    retransmits: flow.retransmits,
    age: Math.max(0, nowMillis - Date.parse(flow.openedAt)) / 1_000,
    text: '',
  };
  return { ...subject, text: textOf(subject) };
}

function subjectOfEvent(session: WatchedSession, event: MonitorEvent): FilterSubject {
  const { local, remote } = event;
  const process = session.processes.get(event.pid);
  const known = [...session.flows.values()].find(
    ({ remote: other }) => other?.address === remote?.address && other !== undefined,
  );
  const subject: FilterSubject = {
    process: process === undefined ? '' : processTitle(process),
    pid: event.pid,
    protocol: event.protocol ?? '',
    application: '',
    localAddress: local?.address ?? '',
    localPort: local?.port ?? 0,
    remoteAddress: remote?.address ?? '',
    remotePort: remote?.port ?? 0,
    host: known === undefined ? '' : (hostOf(known) ?? ''),
    interface: '',
    state: event.kind === 'failed' ? 'closed' : event.kind,
    failure: event.kind === 'failed' ? (failureOf(event) ?? 'failed') : '',
    size: 0,
    sent: 0,
    received: 0,
    rate: 0,
    rtt: 0,
    retransmits: 0,
    age: 0,
    text: '',
  };
  return { ...subject, text: textOf(subject) };
}

function textOf(subject: FilterSubject): string {
  const { process, pid, protocol, application, host, state, failure } = subject;
  const local = formatEndpoint({ address: subject.localAddress, port: subject.localPort });
  const remote = formatEndpoint({ address: subject.remoteAddress, port: subject.remotePort });
  return [process, pid, protocol, application, host, local, remote, state, failure, subject.interface]
    .join(' ')
    .toLowerCase();
}
