// Sockets from before the programs were loaded, and sockets that go from one process to another.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FlowColumn, FlowFlag, type FlowIdentity } from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { trafficProgram } from './support/far-server';
import { run } from './support/namespaces';
import { compiledProgram } from './support/programs';
import { tellsSender } from './support/running-kernel';
import { Server } from './support/scenario';

const holderScript = fileURLToPath(new URL('support/socket-holder.mjs', import.meta.url));

let addon: AddonProcess;
let server: NetServer;
let port: number;
const accepted: Socket[] = [];
const holders: ChildProcess[] = [];

beforeEach(async () => {
  addon = new AddonProcess();
  server = createServer((socket) => accepted.push(socket.on('error', () => undefined).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await addon.end();
  for (const holder of holders.splice(0)) {
    const closed = once(holder, 'close');
    holder.kill();
    await closed;
  }
  for (const socket of accepted.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

async function openKernel(): Promise<void> {
  await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
}

async function startHolder(): Promise<ChildProcess & { pid: number }> {
  const holder = fork(holderScript);
  await once(holder, 'spawn');
  holders.push(holder);
  return holder as ChildProcess & { pid: number };
}

async function tell(holder: ChildProcess, message: object, socket?: Socket, keepOpen = false): Promise<void> {
  const answer = once(holder, 'message');
  if (socket) holder.send(message, socket, { keepOpen });
  else holder.send(message);
  await answer;
}

/** Has a holder give its socket away. */
async function given(holder: ChildProcess): Promise<Socket> {
  const answer = once(holder, 'message') as Promise<[object, Socket]>;
  holder.send({ give: true });
  const [, socket] = await answer;
  return socket;
}

async function serverReceived(bytes: number): Promise<void> {
  await expect.poll(() => accepted.reduce((sum, socket) => sum + socket.bytesRead, 0)).toBe(bytes);
}

interface Seen {
  processId: number;
  sent: number;
  received: number;
  flags: number;
}

/** The flows of connections, as one end sees them. */
async function flowsOf(end: 'localPort' | 'remotePort'): Promise<Seen[]> {
  const flows: Seen[] = [];
  for (const row of await addon.call<number[][]>('flows')) {
    const identity = await addon.call<FlowIdentity | null>('describeFlow', row[FlowColumn.Slot]);
    if (identity?.[end] !== port || identity.remoteAddress === '') continue;
    flows.push({
      processId: row[FlowColumn.ProcessId] ?? 0,
      sent: row[FlowColumn.PayloadTxBytes] ?? 0,
      received: row[FlowColumn.PayloadRxBytes] ?? 0,
      flags: row[FlowColumn.Flags] ?? 0,
    });
  }
  return flows;
}

const clientFlows = () => flowsOf('remotePort');
const serverFlows = () => flowsOf('localPort');

it('counts a connection from before, from the moment on that it is adopted', async () => {
  const holder = await startHolder();
  await tell(holder, { connect: port });
  await tell(holder, { write: 100_000 });
  await serverReceived(100_000);

  await openKernel();
  expect(await addon.call('adoptSockets', holder.pid)).toBe(1);
  expect(await addon.call('adoptSockets', holder.pid)).toBe(0);
  await tell(holder, { write: 5000 });
  await serverReceived(105_000);
  accepted[0]?.write(Buffer.alloc(7000));
  await expect
    .poll(clientFlows)
    .toEqual([{ processId: holder.pid, sent: 5000, received: 7000, flags: expect.any(Number) as number }]);
});

it('looks at so many descriptors of a process, and says where there are more', async () => {
  const holder = await startHolder();
  run('prlimit', `--pid=${String(holder.pid)}`, '--nofile=20000');
  await tell(holder, { connect: port });
  await openKernel();
  await tell(holder, { descriptors: 16_384 });
  await expect(addon.call('adoptSockets', holder.pid)).rejects.toMatchObject({ code: 'E2BIG' });
  await tell(holder, { write: 5000 });
  await serverReceived(5000);
  accepted[0]?.write('answer');
  await expect.poll(clientFlows).toMatchObject([{ processId: holder.pid, sent: 5000, received: 6 }]);
});

it('leaves the end of stream out of the baseline of a connection that is half closed', async () => {
  const holder = await startHolder();
  await tell(holder, { connect: port });
  await expect.poll(() => accepted).toHaveLength(1);
  const [socket] = accepted;
  if (!socket) throw new Error('Nothing was accepted');
  const finished = once(socket, 'finish');
  socket.end(Buffer.alloc(300));
  await finished;

  await openKernel();
  await addon.call('adoptSockets', process.pid);
  expect(await addon.call('adoptSockets', holder.pid)).toBe(1);
  // What was acknowledged is seen with the next packet.
  const sent = async () => {
    await tell(holder, { write: 1000 });
    return (await clientFlows())[0]?.sent;
  };
  await expect.poll(sent).toBeGreaterThanOrEqual(2000);
  expect(await clientFlows()).toMatchObject([{ processId: holder.pid, received: 0 }]);
  expect(await serverFlows()).toMatchObject([{ processId: process.pid, sent: 0 }]);
  const [flow] = await serverFlows();
  expect(flow?.received).toBeGreaterThanOrEqual(2000);
  expect((flow?.received ?? 0) % 1000).toBe(0);
});

it('gives a connection to the process that it was passed on to', async () => {
  await openKernel();
  const holder = await startHolder();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(Buffer.alloc(1000));
  await serverReceived(1000);
  await expect.poll(clientFlows).toMatchObject([{ processId: process.pid, sent: 1000 }]);

  await tell(holder, { take: true }, socket);
  await expect.poll(() => addon.call('adoptSockets', holder.pid)).toBe(1);
  await tell(holder, { write: 2000 });
  await serverReceived(3000);
  await expect.poll(clientFlows).toHaveLength(2);
  await expect
    .poll(async () => (await clientFlows()).toSorted((a, b) => a.sent - b.sent))
    .toMatchObject([
      { processId: process.pid, sent: 1000 },
      { processId: holder.pid, sent: 2000 },
    ]);
  const [before, after] = (await clientFlows()).toSorted((a, b) => a.sent - b.sent);
  expect((before?.flags ?? 0) & FlowFlag.Retired).toBe(FlowFlag.Retired);
  expect((after?.flags ?? 0) & FlowFlag.Retired).toBe(0);
});

it('leaves a shared connection with its owner for as long as that one holds it', async () => {
  await openKernel();
  const holder = await startHolder();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');

  await tell(holder, { take: true }, socket, true);
  expect(await addon.call('adoptSockets', holder.pid)).toBe(0);
  expect(await addon.call('adoptSockets', process.pid)).toBeGreaterThan(0); // the server's, from before
  expect(await addon.call('adoptSockets', holder.pid)).toBe(0);
  socket.destroy();
  await expect.poll(() => addon.call('adoptSockets', holder.pid)).toBe(1);
  await tell(holder, { write: 2000 });
  await serverReceived(2000);
  const payload = async () =>
    (await clientFlows()).filter(({ processId }) => processId === holder.pid).map(({ sent }) => sent);
  await expect.poll(payload).toEqual([2000]);
});

it('is not taken for a user of the sockets that it looks at', async () => {
  await openKernel();
  const { server: peer, port: peerPort } = await Server.start([
    process.execPath,
    trafficProgram,
    'server',
    '127.0.0.1',
  ]);
  try {
    const client = fork(trafficProgram, ['client', '127.0.0.1', String(peerPort), 'tcp-small'], {
      silent: true,
    });
    holders.push(client);
    // Some of the 200 connections are closed at the very moment at which the addon holds a descriptor of them.
    while (client.exitCode === null)
      await addon.call('adoptSockets', client.pid).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'ESRCH') throw error;
      });
    holders.pop();

    port = peerPort;
    const flows = await clientFlows();
    expect(flows).toHaveLength(200);
    for (const { processId, flags } of flows)
      expect({ processId, estimate: flags & FlowFlag.Estimate }).toEqual({
        processId: client.pid,
        estimate: 0,
      });
  } finally {
    await peer.dispose();
  }
});

it.skipIf(!tellsSender)(
  'does not give a connection back that has been passed on, used and closed while it was looked at',
  async () => {
    await addon.end();
    const folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-adoption-'));
    const preloaded = compiledProgram('stop-at-looks-module', folder);
    try {
      addon = new AddonProcess({ preloaded });
      await openKernel();
      const [first, second] = [await startHolder(), await startHolder()];
      await addon.call('watch', second.pid, false);
      await tell(first, { connect: port });

      const look = addon.call('adoptSockets', first.pid);
      await expect.poll(() => readFileSync(`/proc/${String(addon.pid)}/stat`, 'utf8')).toContain(') T ');
      const socket = await given(first);
      await tell(second, { take: true }, socket);
      await tell(second, { write: 2000 });
      await serverReceived(2000);
      await tell(second, { close: true });
      process.kill(addon.pid, 'SIGCONT');

      expect(await look).toBe(0);
      const [flow, ...others] = await clientFlows();
      expect(others).toEqual([]);
      expect(flow).toMatchObject({ processId: second.pid, sent: 2000 });
      expect((flow?.flags ?? 0) & FlowFlag.Estimate).toBe(0);
    } finally {
      process.kill(addon.pid, 'SIGCONT');
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

it('names a process that does not exist', async () => {
  await openKernel();
  const holder = await startHolder();
  const closed = once(holder, 'close');
  holder.kill();
  await closed;
  holders.pop();
  await expect(addon.call('adoptSockets', holder.pid)).rejects.toMatchObject({ code: 'ESRCH' });
});

it('hands slots back to be used again', async () => {
  await openKernel();
  const exchange = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
    await once(socket, 'close');
  };
  const clientSlots = async () => {
    const slots: number[] = [];
    for (const row of await addon.call<number[][]>('flows')) {
      const slot = row[FlowColumn.Slot] ?? -1;
      const identity = await addon.call<{ remotePort: number } | null>('describeFlow', slot);
      if (identity?.remotePort === port) slots.push(slot);
    }
    return slots;
  };
  await exchange();
  const [slot] = await clientSlots();
  expect(slot).toBeDefined();
  await addon.call('retireFlow', slot);
  await addon.call('recycleFlow', slot);
  await addon.call('recycleFlow', slot);
  expect(await clientSlots()).toEqual([]);
  expect(await addon.call('describeFlow', slot)).toBeNull();
  await exchange();
  expect(await clientSlots()).toEqual([slot]);
});
