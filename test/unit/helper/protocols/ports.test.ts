import { describe, expect, it } from 'vitest';
import { guessByPort } from '../../../../helper/src/protocols/ports';

describe('guessByPort', () => {
  it.each([
    { transport: 'tcp', localPort: 50_000, remotePort: 5432, outgoing: true, application: 'postgresql' },
    { transport: 'tcp', localPort: 5432, remotePort: 50_000, outgoing: false, application: 'postgresql' },
    { transport: 'udp', localPort: 50_000, remotePort: 53, outgoing: true, application: 'dns' },
    { transport: 'udp', localPort: 50_000, remotePort: 443, outgoing: true, application: 'quic' },
    { transport: 'udp', localPort: 68, remotePort: 67, outgoing: true, application: 'dhcp' },
  ] as const)(
    'takes the port of the side that is asked: $transport $localPort $remotePort',
    ({ application, ...context }) => {
      expect(guessByPort(context)).toMatchObject({ application, certainty: 'guess' });
    },
  );

  it('does not take the port of the side that asks', () => {
    expect(guessByPort({ transport: 'tcp', localPort: 5432, remotePort: 50_000, outgoing: true })).toBe(
      undefined,
    );
  });
});
