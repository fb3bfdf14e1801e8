// A connection as text for other places: this product's own filter, `ss`, and tcpdump.
import { quoteFilterValue } from './filter-language';
import { formatEndpoint } from './format';
import type { Endpoint, TransportProtocol } from './protocol';

/** What identifies a connection. */
export interface ConnectionEnds {
  protocol: TransportProtocol;
  local: Endpoint;
  remote?: Endpoint;
  host?: string | undefined;
}

/** The address that people mean: the peer's, or the own one of a socket without peer. */
export function addressText({ local, remote }: ConnectionEnds): string {
  return formatEndpoint(remote ?? local);
}

/** A filter of this product that finds this connection and those like it. */
export function ownFilter({ protocol, local, remote, host }: ConnectionEnds): string {
  if (remote === undefined) return `proto:${protocol} localport:${local.port}`;
  return `proto:${protocol} host:${quoteFilterValue(host ?? remote.address)} remoteport:${remote.port}`;
}

/** An address as `ss` and pcap filters read it, without the zone. */
function bareAddress(address: string): string {
  return address.replace(/%.*$/, '');
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '';
}

/** A command that lists this socket: `ss -tnp 'src … and dst …'`. */
export function socketFilter({ protocol, local, remote }: ConnectionEnds): string {
  const options = `-${protocol === 'tcp' ? 't' : 'u'}anp`;
  const written = ({ address, port }: Endpoint): string =>
    isUnspecified(address) ? `:${port}` : formatEndpoint({ address: bareAddress(address), port });
  const parts = [`src ${written(local)}`];
  if (remote !== undefined) parts.push(`dst ${written(remote)}`);
  return `ss ${options} '${parts.join(' and ')}'`;
}

/** A filter for tcpdump and whatever else reads pcap's language, both directions. */
export function packetFilter({ protocol, local, remote }: ConnectionEnds): string {
  const parts: string[] = [protocol];
  for (const end of remote === undefined ? [local] : [local, remote]) {
    if (!isUnspecified(end.address)) parts.push(`host ${bareAddress(end.address)}`);
    parts.push(`port ${end.port}`);
  }
  return parts.join(' and ');
}
