// Servers that tell names and the time.
import { writeFile } from 'node:fs/promises';
import { file } from './files.mjs';
import { command, datagram, freePort, whileRunning } from './programs.mjs';
import { throughTcp, throughUdp } from './recording.mjs';

export const recordings = {
  dns: () => dns((proxy) => command('dig', ['@127.0.0.1', '-p', String(proxy), 'alias.example.org'])),
  'dns-missing': () =>
    dns((proxy) =>
      command('dig', ['@127.0.0.1', '-p', String(proxy), '+noedns', 'nowhere.example.org', 'AAAA']),
    ),
  'dns-tcp': () =>
    dns((proxy) => command('dig', ['@127.0.0.1', '-p', String(proxy), '+tcp', 'alias.example.org']), 'tcp'),
  ntp: async () => {
    const upstream = await freePort('udp');
    await writeFile(
      file('chrony.conf'),
      `port ${upstream}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 5\ncmdport 0\nbindcmdaddress /\npidfile ${file('chrony.pid')}\n`,
    );
    return whileRunning('chronyd', ['-x', '-d', '-u', 'root', '-f', file('chrony.conf')], undefined, () =>
      throughUdp(123, upstream, async (proxy) => {
        const query = Buffer.alloc(48);
        query[0] = 0x23;
        query.writeUInt32BE(Math.floor(Date.now() / 1000) + 2_208_988_800, 40);
        await datagram(proxy, query);
      }),
    );
  },
};

async function dns(client, transport = 'udp') {
  const port = await freePort();
  const options = [
    '--keep-in-foreground',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
    '--pid-file',
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    `--port=${port}`,
  ];
  const records = [
    '--host-record=target.example.org,192.0.2.7,2001:db8::7',
    '--cname=alias.example.org,target.example.org',
    '--local=/example.org/',
  ];
  return whileRunning('dnsmasq', [...options, ...records], port, () =>
    transport === 'udp' ? throughUdp(53, port, client) : throughTcp(53, port, client),
  );
}
