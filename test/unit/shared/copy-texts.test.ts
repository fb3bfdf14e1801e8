import { describe, expect, test } from 'vitest';
import { addressText, ownFilter, packetFilter, socketFilter } from '../../../src/shared/copy-texts';
import { parseFilter } from '../../../src/shared/filter-language';

const local = { address: '192.0.2.10', port: 40_001 };
const tcp = { protocol: 'tcp', local, remote: { address: '198.51.100.7', port: 443 } } as const;
const listening = { protocol: 'udp', local: { address: '::', port: 53 } } as const;
const scoped = {
  protocol: 'tcp',
  local: { address: 'fe80::1%eth0', port: 1 },
  remote: { address: 'fe80::2%eth0', port: 2 },
} as const;

describe('a connection as text', () => {
  test.each([
    [tcp, '198.51.100.7:443'],
    [listening, '[::]:53'],
  ])('the address', (connection, expected) => {
    expect(addressText(connection)).toBe(expected);
  });

  test.each([
    [tcp, "ss -tanp 'src 192.0.2.10:40001 and dst 198.51.100.7:443'"],
    [listening, "ss -uanp 'src :53'"],
    [scoped, "ss -tanp 'src [fe80::1]:1 and dst [fe80::2]:2'"],
  ])('for ss', (connection, expected) => {
    expect(socketFilter(connection)).toBe(expected);
  });

  test.each([
    [tcp, 'tcp and host 192.0.2.10 and port 40001 and host 198.51.100.7 and port 443'],
    [listening, 'udp and port 53'],
    [scoped, 'tcp and host fe80::1 and port 1 and host fe80::2 and port 2'],
  ])('for tcpdump', (connection, expected) => {
    expect(packetFilter(connection)).toBe(expected);
  });

  test.each([
    [tcp, 'proto:tcp host:198.51.100.7 remoteport:443'],
    [{ ...tcp, host: 'example.org' }, 'proto:tcp host:example.org remoteport:443'],
    [listening, 'proto:udp localport:53'],
  ])('for the filter of the panel, which understands it', (connection, expected) => {
    expect(ownFilter(connection)).toBe(expected);
    expect(parseFilter(expected).ok).toBe(true);
  });
});
