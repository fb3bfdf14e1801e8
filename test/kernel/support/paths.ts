// Both ends of an exchange over a path of any kind, each under the helper, and each held against what arrived at the other.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { WireCounters } from './namespaces';
import { tellsNetworkNamespace } from './running-kernel';
import {
  bytesOnWire,
  type Command,
  type Crossed,
  expectNobodyElse,
  expectPayload,
  expectWire,
  hasClosedFirst,
  processOf,
  type ProcessSummary,
  type Report,
  runWatched,
} from './scenario';
import type { NetworkHost } from './topology';

const traffic = fileURLToPath(new URL('./traffic.mjs', import.meta.url));
const bothEnds = fileURLToPath(new URL('./both-ends.mjs', import.meta.url));
export const port = 7_000;

/** One end of an exchange. */
export interface End {
  host: NetworkHost;
  /** The interface that its socket sends through, and at which its packets are counted. */
  device: string;
  /** Where the program listens; for a client the address that it connects to. */
  address: string;
  port: number;
}

export interface Path {
  client: End;
  server: End;
  /** Somebody who listens on the way, and whom none of it concerns. */
  bystander?: Pick<End, 'host' | 'port'>;
  /** Neither end's interface has a header of its own in front of packets. */
  withoutLinkHeader?: boolean;
  /** What of the traffic to count on its way, as an expression of nftables: TCP and UDP when absent. */
  carried?: string;
  /** IPsec encrypts it: of datagrams that are sent the content is an estimate. */
  isEncrypted?: boolean;
  /** IPsec puts it in a tunnel, of which nothing is left in another network namespace than the helper's. */
  hidesTunnel?: boolean;
}

/** Connections in both directions; datagrams with short answers. */
export const kinds = ['tcp-some', 'udp-up'] as const;
/** What is exchanged, as `traffic.mjs` names it. */
type Kind = (typeof kinds)[number] | 'tcp-few' | 'tcp-both';
/** Where the helper runs. */
export const places = ['client', 'server', 'outside'] as const;

/** The client is near and the server far, with one address each and nothing translated. */
export function straight(near: NetworkHost, far: NetworkHost, device: string, address: string): Path {
  return {
    client: { host: near, device, address, port },
    server: { host: far, device, address, port },
  };
}

/** Runs server and client under the helper, and counts what arrives at either end. */
export async function exchange(
  { client, server, bystander, carried }: Path,
  kind: Kind,
  from: NetworkHost | 'outside',
): Promise<Report> {
  for (const { host, device } of [client, server]) {
    host.sendOnce();
    host.count(device, carried);
  }
  const node = (...args: string[]): Command => [process.execPath, traffic, ...args];
  const commands = {
    server: server.host.command(...node('server', server.address, String(server.port))),
    client: client.host.command(...node('client', client.address, String(client.port), kind)),
    bystander: bystander?.host.command(...node('server', '0.0.0.0', String(bystander.port))),
  };
  return await runWatched(client.host, from, [process.execPath, bothEnds, JSON.stringify(commands)]);
}

/** What arrived at either end of a way. */
function arrivedAtBoth({ client, server }: Path): { up: WireCounters; down: WireCounters } {
  return { up: server.host.arrived(server.device), down: client.host.arrived(client.device) };
}

/**
 * What both ends should have been given: payload, and the wire as it arrived at the other end.
 * @param home the end in whose network namespace the helper runs
 */
export function expectBothEnds(
  report: Report,
  way: Path,
  kind: Kind,
  home: NetworkHost | 'outside',
  { up, down } = arrivedAtBoth(way),
): void {
  const { client, server, withoutLinkHeader } = way;
  const [clientTruth, serverTruth] = report.truths;
  for (const [end, truth, wire] of [
    [client, clientTruth, { sent: up, received: down }],
    [server, serverTruth, { sent: down, received: up }],
  ] as const) {
    if (!truth) throw new Error('An end said nothing');
    const process = processOf(report, truth.pid);
    const isOpaque = way.isEncrypted || way.hidesTunnel;
    if (isOpaque) expectMarks(process, way, end.host === home);
    const sent = way.isEncrypted ? estimateOf(process, truth.sent) : truth.sent;
    expectPayload(process, { ...truth, sent });
    const found = isOpaque && kind === 'tcp-few' ? lessUnfound(wire, process) : wire;
    const crossed = way.hidesTunnel && end.host !== home ? asEstimated(found, process) : found;
    expectWire([process], crossed, withoutLinkHeader ? noHeader : {});
    if (end.host === home && tellsNetworkNamespace) expectInterface(process, end.device);
  }
  expectNobodyElse(
    report,
    report.truths.map(({ pid }) => pid),
  );
}

/** Of interfaces without a header of their own. */
const noHeader = { sent: 0, received: 0 };

/** Packets that IPsec hides, of connections in TIME_WAIT, which have no socket: one for each of three connections, both ways together. */
const mostUnfound = 3;
/** What one of them takes, more or less. */
const acknowledgementBytes = 100;

/** What crossed the wire, less the packets that nobody could have found, where they are the ones that are missing. */
function lessUnfound({ sent, received }: Crossed, { wire }: ProcessSummary): Crossed {
  let left = mostUnfound;
  const less = ({ packets, bytes }: WireCounters, counted: number): WireCounters => {
    const unfound = Math.min(Math.max(packets - counted, 0), left);
    left -= unfound;
    return { packets: packets - unfound, bytes: bytes - unfound * acknowledgementBytes };
  };
  return { sent: less(sent, wire.txPackets), received: less(received, wire.rxPackets) };
}

/** What crossed the wire, with what the helper says for the bytes received where that is off by a hundredth at most. */
function asEstimated({ sent, received }: Crossed, { wire }: ProcessSummary): Crossed {
  const bytes = wire.rxBytes - bytesOnWire({ packets: received.packets, bytes: 0 });
  const isClose = Math.abs(bytes - received.bytes) <= received.bytes / 100;
  return { sent, received: isClose ? { ...received, bytes } : received };
}

/** As many bytes as a datagram may have been filled up with to be encrypted, above or below what is assumed. */
const mostFilled = 2;

/** What a process sent, where the helper's estimate is good enough: that itself. */
function estimateOf(process: ProcessSummary, sent: number): number {
  if (process.flows.every((flow) => flow.protocol === 'tcp')) return sent;
  const { txBytes } = process.payload;
  return Math.abs(txBytes - sent) <= mostFilled * process.wire.txPackets ? txBytes : sent;
}

/** What is not known exactly is said not to be, and nothing else. */
function expectMarks({ flows }: ProcessSummary, { isEncrypted, hidesTunnel }: Path, isHome: boolean): void {
  const isTold = isHome && tellsNetworkNamespace;
  for (const flow of flows) {
    const isDatagram = flow.protocol !== 'tcp';
    expect(flow.payloadEstimate ?? false, JSON.stringify(flow)).toBe(isDatagram && isEncrypted === true);
    // Of the answer to a SYN older kernels tell nothing.
    if (flow.remote === null) continue;
    expect(flow.wireEstimate ?? false, JSON.stringify(flow)).toBe(
      (!isHome && hidesTunnel === true) || (!isTold && hasClosedFirst(flow)),
    );
  }
}

/** All that a process did went over one interface. */
function expectInterface(process: ProcessSummary, name: string): void {
  expect([...new Set(process.flows.map((flow) => flow.interface))]).toEqual([name]);
}
