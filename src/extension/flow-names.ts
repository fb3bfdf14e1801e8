// What a connection is called: names and reasons that the helper adds where it knows them.
import { spokenLabel } from '../shared/flow-label';
import { formatEndpoint } from '../shared/format';
import type { Endpoint, FlowSample, MonitorEvent, TransportProtocol } from '../shared/protocol';
import { reasonText } from '../shared/reason-text';
import { sanitise } from '../shared/sanitise';

/** Host name of the peer, clean. */
export function hostOf({ host }: FlowSample): string | undefined {
  return host === undefined ? undefined : sanitise(host.name);
}

/** What is spoken, such as `TLS 1.3 · h2`, clean; with a question mark where only the port says so. */
export function applicationOf(flow: FlowSample): string | undefined {
  return spokenLabel(flow) || undefined;
}

/** Why a connection failed, in English: for files, filters and programs. */
export function failureOf(flowOrEvent: FlowSample | MonitorEvent): string | undefined {
  return reasonText(flowOrEvent.reason) || undefined;
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
