// What people call a connection: who is at the other end, and what is spoken.
import { formatEndpoint } from './format';
import type { FlowSample } from './protocol';
import { sanitise } from './sanitise';
import { english, type Texts } from './texts';

/** Ports that go without saying once the host has a name and the protocol stands beside it; 0: there is none. */
const ordinaryPorts: ReadonlySet<number> = new Set([0, 53, 80, 443]);

type Peer = Pick<FlowSample, 'remote' | 'host'>;
type Spoken = Pick<FlowSample, 'applicationLabel' | 'certainty'>;

/** The other end in a few words: its name, else its address, with the port unless that is an ordinary one. */
export function peerLabel({ remote, host }: Peer): string | undefined {
  if (remote === undefined) return undefined;
  if (host === undefined) return sanitise(formatEndpoint(remote));
  const name = sanitise(host.name);
  return ordinaryPorts.has(remote.port) ? name : `${name}:${String(remote.port)}`;
}

/** What is spoken: `TLS 1.3 · h2`; with a question mark where only the port says so. Empty where nothing is known. */
export function spokenLabel({ applicationLabel, certainty }: Spoken): string {
  if (applicationLabel === undefined) return '';
  return `${sanitise(applicationLabel, 64)}${certainty === 'guess' ? '?' : ''}`;
}

/** Name or address of the other end alone: what connections are grouped by. */
export function peerName({ remote, host }: Peer): string | undefined {
  const name = host?.name ?? remote?.address;
  return name === undefined ? undefined : sanitise(name);
}

/** Where the name of the other end comes from, in words. */
export function sourceOfName({ host }: Peer, { t }: Texts = english): string | undefined {
  switch (host?.source) {
    case undefined:
      return undefined;
    case 'sni':
      return t('named in the TLS handshake');
    case 'http-host':
      return t('named in the HTTP request');
    case 'dns':
      return t('the program asked the DNS for it');
    case 'mdns':
      return t('announced on the local network');
    case 'hosts-file':
      return t('from /etc/hosts');
    case 'local':
      return t('an address of this machine');
    case 'container':
      return t('a container on this machine');
    case 'reverse-lookup':
      return t('by reverse lookup');
  }
}
