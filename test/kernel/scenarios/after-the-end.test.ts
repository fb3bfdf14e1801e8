// What still passes when a connection has no socket any more: this end has closed first, or has broken off while the peer
// was sending. Held against packet filters at both ends.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { together } from '../support/places';
import { tellsNetworkNamespace, withoutNetworkNamespace } from '../support/running-kernel';
import { expectInAll, far, near, pair, useSocketEnds, watch } from '../support/socket-ends';
import { connected } from '../support/socket-steps';
import type { Watching } from '../support/watching';

useSocketEnds('end', (made) => {
  made.setOffloads('off');
  made.sendOnce();
});

/** The near end breaks a connection off; the far one does not hear of it, and goes on sending. */
async function breakOff(helper: Watching, nearSocket: number, farSocket: number): Promise<void> {
  pair.filter(pair.far, 'tcp flags rst drop');
  await near.do('abort', nearSocket);
  const arrived = (): number => pair.arrivedAt(pair.near).packets;
  const before = arrived();
  await far.do('send', farSocket, 20_000);
  await helper.until(() => (arrived() >= before + 10 ? true : undefined));
  await far.do('abort', farSocket);
}

describe.each(['ipv4', 'ipv6'] as const)('after the end, over %s', (family) => {
  it('a client has broken off, and the server goes on', async () => {
    const helper = await watch(together);
    const ends = await connected(near, far, pair.far[family]);
    await far.do('send', ends.far, 1_000);
    await near.do('receive', ends.near, 1_000);
    await breakOff(helper, ends.near, ends.far);
    const process = await expectInAll(helper, { rxBytes: 1_000 });
    expect(process.flows).toHaveLength(1);
  });

  it('a server has broken off, and the client goes on', async () => {
    const helper = await watch(together);
    const listener = await near.do('listen', pair.near[family]);
    const client = await far.do('connect', pair.near[family], listener.port);
    const { socket } = await near.do('accept', listener.socket);
    await breakOff(helper, socket, client.socket);
    const process = await expectInAll(helper, {});
    const listening = process.flows.find(({ remote }) => remote === null);
    // The SYN and the end of the handshake.
    expect(listening?.wire.rxPackets).toBeLessThanOrEqual(2);
  });
});

describe.each(['ipv4', 'ipv6'] as const)('after the end, over %s again', (family) => {
  it('a connection between the same addresses and ports counts by itself', async () => {
    const helper = await watch(together);
    const listener = await near.do('listen', pair.near[family]);
    await far.do('option', 'local-port', 7_777);
    for (let made = 0; made < 2; made += 1) {
      const client = await far.do('connect', pair.near[family], listener.port);
      const { socket } = await near.do('accept', listener.socket);
      await far.do('send', client.socket, 1_000);
      await near.do('receive', socket, 1_000);
      await near.do('close', socket);
      await far.do('wait', client.socket);
      await far.do('close', client.socket);
    }
    const process = await expectInAll(helper, { rxBytes: 2_000 });
    const connections = process.flows.filter(({ remote }) => remote !== null);
    expect(connections.map(({ payload }) => payload.rxBytes)).toEqual([1_000, 1_000]);
    // Besides its content: the end, and an acknowledgement or two. What opens it counts on the listening socket.
    for (const { wire } of connections) expect(wire.rxPackets).toBeLessThanOrEqual(4);
  });
});

describe('after the end, addresses translated', () => {
  it('of connections that this end has closed first, all that still passes counts', async ({ skip }) => {
    skip(!tellsNetworkNamespace, withoutNetworkNamespace);
    const helper = await watch('inside');
    const address = pair.far.ipv4.replace(/\d+$/, '200');
    const input = `table ip translate {
      chain out {
        type nat hook output priority -100;
        ip daddr ${address} dnat to ${pair.far.ipv4}
      }
    }`;
    execFileSync('ip', ['netns', 'exec', pair.near.namespace, 'nft', '-f', '-'], { input });
    const listener = await far.do('listen', pair.far.ipv4);
    for (let made = 0; made < 20; made += 1) {
      const { socket } = await near.do('connect', address, listener.port);
      const accepted = await far.do('accept', listener.socket);
      await near.do('send', socket, 100);
      await far.do('receive', accepted.socket, 100);
      await near.do('close', socket);
      await far.do('wait', accepted.socket);
      await far.do('close', accepted.socket);
    }
    const process = await expectInAll(helper, { txBytes: 2_000 });
    expect(process.wireEstimate).toBe(true);
  });
});
