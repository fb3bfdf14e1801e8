// WireGuard: what it sends is encrypted, in UDP, and still has the program's socket. It counts once, as its interface
// carries it.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { exchange, expectBothEnds, kinds, type Path, places, straight } from '../support/paths';
import { useProgram } from '../support/programs';
import { type NetworkHost, Topology } from '../support/topology';

const port = '51820';
const device = 'wg0';
const addresses = { wire: ['10.78.0.1', '10.78.0.2'], inner: ['10.78.1.1', '10.78.1.2'] } as const;

/** A pair of keys of X25519, in hexadecimal digits. */
function keys(): { own: string; shown: string } {
  const { d = '', x = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const hexadecimal = (text: string) => Buffer.from(text, 'base64url').toString('hex');
  return { own: hexadecimal(d), shown: hexadecimal(x) };
}

function hasWireguard(host: NetworkHost): boolean {
  try {
    host.add(device, 'mtu', '1400', 'type', 'wireguard');
    return true;
  } catch {
    return false;
  }
}

describe('wireguard', () => {
  let topology: Topology;
  const program = useProgram('wireguard');
  let way: Path | undefined;
  beforeAll(() => {
    topology = new Topology('wg');
    const near = topology.host('a');
    const far = topology.host('b');
    topology.wire(near, 'wire0', far, 'wire0');
    const [nearKeys, farKeys] = [keys(), keys()];
    for (const [host, own, other, { own: key }, { shown: peerKey }] of [
      [near, 0, 1, nearKeys, farKeys],
      [far, 1, 0, farKeys, nearKeys],
    ] as const) {
      host.up('wire0', `${addresses.wire[own]}/24`);
      if (!hasWireguard(host)) return;
      topology.run(host.command(program.path, device, port, key, peerKey, addresses.wire[other], port));
      host.address(device, `${addresses.inner[own]}/24`);
    }
    way = { ...straight(near, far, device, addresses.inner[1]), withoutLinkHeader: true };
  });
  afterAll(() => {
    topology.dispose();
  });

  const cases = kinds.flatMap((kind) => places.map((place) => ({ kind, place })));
  it.for(cases)('wireguard: $kind, helper at $place', async ({ kind, place }, { skip }) => {
    if (way === undefined) return skip('this kernel is built without WireGuard');
    const home = place === 'outside' ? place : way[place].host;
    expectBothEnds(await exchange(way, kind, home), way, kind, home);
  });
});
