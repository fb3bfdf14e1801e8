// What still passes when a connection has no socket any more: this end has closed first, or has broken off while the peer
// was sending. Held against packet filters at both ends.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HostPair } from '../support/namespaces';
import { fromPlace, PairByPlace, type Place, together } from '../support/places';
import { compiledProgram } from '../support/programs';
import { tellsNetworkNamespace, withoutNetworkNamespace } from '../support/running-kernel';
import { crossed, expectNobodyElse, expectWire, processOf } from '../support/scenario';
import { connected, SocketProcess } from '../support/socket-steps';
import { Watching } from '../support/watching';

const pairs = new PairByPlace((options) => {
  const pair = new HostPair('end', options);
  pair.setOffloads('off');
  pair.retransmitLate();
  return pair;
});
let folder: string;
let program: string;
let pair: HostPair;
let near: SocketProcess;
let far: SocketProcess;
let watching: Watching;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
  program = compiledProgram('socket-steps', folder);
});
afterAll(() => {
  pairs.dispose();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  pair.filter(pair.far);
  await watching.dispose();
  await Promise.all([near.end(), far.end()]);
});

/** Starts a program at either end, and counts from now on. */
async function begin(place: Place): Promise<void> {
  pair = pairs.at(place);
  near = new SocketProcess(pair.near, program);
  far = new SocketProcess(pair.far, program);
  watching = await Watching.start(fromPlace(pair, place), near.pid);
  pair.startCounting();
}

/** The peer does not hear that this end has broken off. */
function loseResets(): void {
  pair.filter(pair.far, 'tcp flags rst drop');
}

/** Waits until so many packets have come to the near end. */
async function arrived(packets: number): Promise<void> {
  await watching.until(() => (pair.arrivedAt(pair.near).packets >= packets ? true : undefined));
}

describe.each(['ipv4', 'ipv6'] as const)('after the end, over %s', (family) => {
  it('a client has broken off, and the server goes on', async () => {
    await begin(together);
    const ends = await connected(near, far, pair.far[family]);
    await far.do('send', ends.far, 1_000);
    await near.do('receive', ends.near, 1_000);
    loseResets();
    await near.do('abort', ends.near);
    const before = pair.arrivedAt(pair.near).packets;
    await far.do('send', ends.far, 20_000);
    await arrived(before + 10);
    await far.do('abort', ends.far);
    const report = await watching.stop();
    const process = processOf(report, near.pid);
    expect(process.payload).toEqual({ txBytes: 0, rxBytes: 1_000 });
    expect(process.flows).toHaveLength(1);
    expectWire([process], crossed(pair));
    expectNobodyElse(report, [near.pid]);
  });

  it('a server has broken off, and the client goes on', async () => {
    await begin(together);
    const listener = await near.do('listen', pair.near[family]);
    const client = await far.do('connect', pair.near[family], listener.port);
    const { socket } = await near.do('accept', listener.socket);
    loseResets();
    await near.do('abort', socket);
    const before = pair.arrivedAt(pair.near).packets;
    await far.do('send', client.socket, 20_000);
    await arrived(before + 10);
    await far.do('abort', client.socket);
    const report = await watching.stop();
    const process = processOf(report, near.pid);
    expectWire([process], crossed(pair));
    const listening = process.flows.find(({ remote }) => remote === null);
    // The SYN and the end of the handshake.
    expect(listening?.wire.rxPackets).toBeLessThanOrEqual(2);
    expectNobodyElse(report, [near.pid]);
  });
});

describe.each(['ipv4', 'ipv6'] as const)('after the end, over %s again', (family) => {
  it('a connection between the same addresses and ports counts by itself', async () => {
    await begin(together);
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
    const report = await watching.stop();
    const process = processOf(report, near.pid);
    expectWire([process], crossed(pair));
    const connections = process.flows.filter(({ remote }) => remote !== null);
    expect(connections.map(({ payload }) => payload.rxBytes)).toEqual([1_000, 1_000]);
    // Besides its content: the end, and an acknowledgement or two. What opens it counts on the listening socket.
    for (const { wire } of connections) expect(wire.rxPackets).toBeLessThanOrEqual(4);
  });
});

describe('after the end, addresses translated', () => {
  it('of connections that this end has closed first, all that still passes counts', async ({ skip }) => {
    skip(!tellsNetworkNamespace, withoutNetworkNamespace);
    await begin('inside');
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
    const report = await watching.stop();
    const process = processOf(report, near.pid);
    expect(process.payload).toEqual({ txBytes: 2_000, rxBytes: 0 });
    expectWire([process], crossed(pair));
    expect(process.wireEstimate).toBe(true);
    expectNobodyElse(report, [near.pid]);
  });
});
