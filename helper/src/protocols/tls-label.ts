// What a TLS or QUIC connection is called, from what its handshake shows.
import { applications, type ApplicationId } from './applications';
import type { Certainty, ConnectionContext, Detection, TlsDetails } from './detection';

/** Names in ALPN (IANA's registry) of protocols that are told apart here. */
const applicationOfAlpn = new Map<string, ApplicationId>([
  ['http/1.0', 'http/1.0'],
  ['http/1.1', 'http/1.1'],
  ['h2', 'h2'],
  ['h3', 'h3'],
  ['h3-29', 'h3'],
  ['dot', 'dot'],
  ['doq', 'doq'],
  ['ftp', 'ftp'],
  ['imap', 'imap'],
  ['pop3', 'pop3'],
  ['mqtt', 'mqtt'],
  ['postgresql', 'postgresql'],
  ['ntske/1', 'ntp'],
  ['stun.turn', 'stun'],
]);

/** Public resolvers that answer DNS over HTTPS under a name used for nothing else. */
const dnsOverHttpsHosts = new Set([
  'dns.google',
  'cloudflare-dns.com',
  'mozilla.cloudflare-dns.com',
  'chrome.cloudflare-dns.com',
  'security.cloudflare-dns.com',
  'family.cloudflare-dns.com',
  'one.one.one.one',
  '1dot1dot1dot1.cloudflare-dns.com',
  'dns.quad9.net',
  'dns9.quad9.net',
  'dns10.quad9.net',
  'dns11.quad9.net',
  'doh.opendns.com',
  'doh.familyshield.opendns.com',
  'dns.adguard-dns.com',
  'unfiltered.adguard-dns.com',
  'dns.nextdns.io',
  'doh.cleanbrowsing.org',
  'dns.mullvad.net',
  'doh.mullvad.net',
  'dns0.eu',
  'doh.dns.sb',
  'dns.alidns.com',
  'doh.pub',
]);

export interface SecureConnection {
  context: ConnectionContext;
  /** The protocol that began the conversation and turned to TLS in it. */
  outer: ApplicationId | undefined;
  /** `QUIC v1`; undefined for TLS over TCP. */
  quic: string | undefined;
  host: string | undefined;
  tls: TlsDetails;
}

/** Puts together what is known about an encrypted connection. */
export function describeSecure(connection: SecureConnection): Detection {
  const { outer, quic, host, tls } = connection;
  const inner = innerApplication(connection);
  const carrier = quic ?? tls.version ?? 'TLS';
  const label =
    outer === undefined
      ? [carrier, protocolLabel(inner?.application, tls)]
      : [applications[outer], carrier, tls.alpn];
  return {
    application: outer ?? inner?.application ?? (quic === undefined ? 'tls' : 'quic'),
    label: label.filter((part) => part !== undefined).join(' · '),
    certainty: outer === undefined ? (inner?.certainty ?? 'certain') : 'certain',
    ...(host === undefined ? {} : { host: { name: host, source: 'sni' } }),
    tls,
    ...(tls.encryptedClientHello ? { encryptedClientHello: true } : {}),
  };
}

function protocolLabel(inner: ApplicationId | undefined, tls: TlsDetails): string | undefined {
  if (inner === 'doh' || inner === 'dot') return applications[inner];
  if (tls.alpn !== undefined) return tls.alpn;
  return tls.offeredAlpn.length === 0 ? undefined : `offers ${tls.offeredAlpn.join(', ')}`;
}

function innerApplication({
  context,
  host,
  tls,
  quic,
}: SecureConnection): { application: ApplicationId; certainty: Certainty } | undefined {
  const spoken = tls.alpn === undefined ? undefined : applicationOfAlpn.get(tls.alpn);
  const overHttp = spoken === undefined ? tls.alpn === undefined : /^(h[23]|http\/1\.1)$/.test(spoken);
  if (overHttp && host !== undefined && dnsOverHttpsHosts.has(host) && portOfServer(context) === 443)
    return { application: 'doh', certainty: 'likely' };
  if (spoken !== undefined)
    return { application: spoken, certainty: tls.alpnInferred === true ? 'likely' : 'certain' };
  if (quic !== undefined) return undefined;
  // Many name servers do not answer the offer, and are spoken to all the same.
  const [offered, ...others] = tls.offeredAlpn;
  const speaksDns =
    offered === undefined ? portOfServer(context) === 853 : offered === 'dot' && others.length === 0;
  if (speaksDns) return { application: 'dot', certainty: 'likely' };
  return undefined;
}

function portOfServer({ outgoing, localPort, remotePort }: ConnectionContext): number {
  return outgoing ? remotePort : localPort;
}
