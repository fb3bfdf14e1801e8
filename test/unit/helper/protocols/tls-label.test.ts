import { describe, expect, it } from 'vitest';
import { describeSecure, type SecureConnection } from '../../../../helper/src/protocols/tls-label';

const context = { transport: 'tcp', localPort: 50_000, remotePort: 443, outgoing: true } as const;

function described(alpn: string | undefined, change: Partial<SecureConnection> = {}) {
  return describeSecure({
    context,
    outer: undefined,
    quic: undefined,
    host: undefined,
    tls: {
      version: 'TLS 1.3',
      offeredAlpn: [],
      encryptedClientHello: false,
      ...(alpn === undefined ? {} : { alpn }),
    },
    ...change,
  });
}

describe('describeSecure', () => {
  it('names the protocol within by what was agreed on', () => {
    expect(described('h2')).toMatchObject({ application: 'h2', label: 'TLS 1.3 · h2', certainty: 'certain' });
    expect(described('http/1.0')).toMatchObject({ application: 'http/1.0' });
    expect(described('made-up')).toMatchObject({ application: 'tls', label: 'TLS 1.3 · made-up' });
    expect(described('doq', { quic: 'QUIC v1' })).toMatchObject({
      application: 'doq',
      label: 'QUIC v1 · doq',
    });
  });

  it('recognises DNS over TLS by its name, and by its port as likely', () => {
    const onPort = { context: { ...context, remotePort: 853 } };
    expect(described('dot', onPort)).toMatchObject({ application: 'dot', certainty: 'certain' });
    expect(described(undefined, onPort)).toMatchObject({
      application: 'dot',
      label: 'TLS 1.3 · DNS over TLS',
      certainty: 'likely',
    });
    expect(described(undefined)).toMatchObject({ application: 'tls', certainty: 'certain' });
  });

  it('recognises DNS over HTTPS by the host, as likely', () => {
    expect(described('h2', { host: 'dns.google' })).toMatchObject({
      application: 'doh',
      label: 'TLS 1.3 · DNS over HTTPS',
      certainty: 'likely',
      host: { name: 'dns.google', source: 'sni' },
    });
    expect(described('h3', { host: 'cloudflare-dns.com', quic: 'QUIC v1' })).toMatchObject({
      application: 'doh',
    });
    expect(described('h2', { host: 'google.example.org' })).toMatchObject({ application: 'h2' });
  });
});
