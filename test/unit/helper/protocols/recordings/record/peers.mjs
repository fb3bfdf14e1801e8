// Those that peers talk to which find each other, or each other's address.
import { datagram, freePort, raw, swallow, whileListening } from './programs.mjs';
import { throughTcp, throughUdp } from './recording.mjs';

export const recordings = {
  stun: async () => {
    const port = await freePort('udp');
    return throughUdp(3478, port, (proxy) =>
      datagram(proxy, Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex')),
    );
  },
  bittorrent: () =>
    whileListening(swallow(), (port) =>
      throughTcp(6881, port, (proxy) =>
        raw(
          proxy,
          Buffer.concat([
            Buffer.from('\x13BitTorrent protocol', 'latin1'),
            Buffer.alloc(8),
            Buffer.alloc(40, 7),
          ]),
        ),
      ),
    ),
};
