// What a connection is called: names and reasons that the helper adds where it knows them. A helper that knows none
// leaves them out, so each is looked at before it is believed.
import { spokenLabel } from '../shared/flow-label';
import { formatEndpoint } from '../shared/format';
import type { Endpoint, FlowSample, MonitorEvent, TransportProtocol } from '../shared/protocol';
import { sanitise } from '../shared/sanitise';

function textOf(holder: object, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = (holder as Readonly<Record<string, unknown>>)[name];
    if (typeof value === 'string' && value !== '') return sanitise(value);
  }
  return undefined;
}

/** Host name of the peer, clean. */
export function hostOf({ host }: FlowSample): string | undefined {
  return host === undefined ? undefined : sanitise(host.name);
}

/** What is spoken, such as `TLS 1.3 · h2`, clean; with a question mark where only the port says so. */
export function applicationOf(flow: FlowSample): string | undefined {
  return spokenLabel(flow) || undefined;
}

/** Why a connection failed, clean. */
export function failureOf(flowOrEvent: FlowSample | MonitorEvent): string | undefined {
  return textOf(flowOrEvent, 'failure', 'reason');
}

interface SocketEnds {
  protocol?: TransportProtocol;
  local?: Endpoint;
  remote?: Endpoint;
}

/** Tells the sockets of a session apart, as far as events name them. */
export function socketName(pid: number, { protocol, local, remote }: SocketEnds): string {
  return `${pid} ${protocol ?? ''} ${formatEndpoint(local)} ${formatEndpoint(remote)}`;
}
