// What still passes when a connection has no socket any more: this end has closed first, or has broken off while the peer
// was sending. Held against packet filters at both ends.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Host, HostPair, retransmitLate } from '../support/namespaces';
import { compiledProgram } from '../support/programs';
import { tellsNetworkNamespace, withoutNetworkNamespace } from '../support/running-kernel';
import { crossed, expectNobodyElse, expectWire, processOf } from '../support/scenario';
import { connected, SocketProcess } from '../support/socket-steps';
import { Watching } from '../support/watching';

let folder: string;
let program: string;
let pair: HostPair;
let near: SocketProcess;
let far: SocketProcess;
let watching: Watching;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
  program = compiledProgram('socket-steps', folder);
  pair = new HostPair('end');
  pair.setOffloads('off');
  for (const host of [pair.near, pair.far]) retransmitLate(host.namespace);
});
afterAll(() => {
  pair.dispose();
  rmSync(folder, { recursive: true });
});
beforeEach(async ({ skip }) => {
  skip(!tellsNetworkNamespace, withoutNetworkNamespace);
  near = new SocketProcess(pair.near, program);
  far = new SocketProcess(pair.far, program);
  watching = await Watching.start(pair.near, near.pid);
  pair.startCounting();
});
afterEach(async () => {
  for (const host of [pair.near, pair.far]) load(host, '');
  await watching.dispose();
  await Promise.all([near.end(), far.end()]);
});

/** Gives a host's packet filter these chains, instead of those before. */
function load(host: Host, chains: string): void {
  const input = `table inet after_the_end\ndelete table inet after_the_end\n${chains === '' ? '' : `table inet after_the_end {\n${chains}\n}`}`;
  execFileSync('ip', ['netns', 'exec', host.namespace, 'nft', '-f', '-'], { input });
}

/** The peer does not hear that this end has broken off. */
function loseResets(): void {
  load(pair.far, 'chain in {\ntype filter hook input priority 0;\ntcp flags rst drop\n}');
}

/** Waits until so many packets have come to the near end. */
async function arrived(packets: number): Promise<void> {
  await watching.until(() => (pair.arrivedAt(pair.near).packets >= packets ? true : undefined));
}

describe.each(['ipv4', 'ipv6'] as const)('after the end, over %s', (family) => {
  it('a client has broken off, and the server goes on', async () => {
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

describe('after the end, addresses translated', () => {
  it('of connections that this end has closed first, all that still passes counts', async () => {
    const address = '10.77.0.200';
    load(
      pair.near,
      `chain out {\ntype nat hook output priority -100;\nip daddr ${address} dnat ip to ${pair.far.ipv4}\n}`,
    );
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
    expect(process.wireEstimate).toBeUndefined();
    expectNobodyElse(report, [near.pid]);
  });
});
