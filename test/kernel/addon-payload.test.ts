// What the kernel half copies of payload, and above all what it does not.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InspectFlag, type KernelInterface, type KernelStatistics } from '../../helper/src/kernel';
import { AddonProcess, type SampledText } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';

const budget = 4_096;

let addon: AddonProcess;
let server: Server;
let client: Socket;
let served: Socket;
let closing: (() => void)[];

/** A connection of this process to itself over loopback. */
async function connectPair(): Promise<void> {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.setNoDelay(true);
  [served] = await accepted;
  served.setNoDelay(true);
  closing.push(
    () => client.destroy(),
    () => served.destroy(),
    () => server.close(),
  );
}

/** Writes at one end and waits until it has come to the other. */
async function send(from: Socket, to: Socket, text: string): Promise<void> {
  let left = text.length;
  const arrived = new Promise<void>((resolve) => {
    const take = (data: Buffer): void => {
      left -= data.length;
      if (left > 0) return;
      to.off('data', take);
      resolve();
    };
    to.on('data', take);
  });
  from.write(text);
  await arrived;
}

async function statistics(): Promise<KernelStatistics> {
  return addon.call<KernelStatistics>('statistics');
}

/** Everything that was copied, whether or not it was handed out by itself. */
async function samples(): Promise<SampledText[]> {
  addon.samples.push(...(await addon.call<SampledText[]>('collect')));
  return addon.samples;
}

/** What one end of the connection has sent, or received, by its place in the stream. */
async function copied(end: Socket, sent: boolean): Promise<Pick<SampledText, 'offset' | 'bytes'>[]> {
  const all = await samples();
  return all
    .filter((sample) => sample.localPort === end.localPort && sample.sent === sent)
    .map(({ offset, bytes }) => ({ offset, bytes }));
}

beforeEach(async () => {
  closing = [];
  addon = new AddonProcess();
  await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
  const interfaces = await addon.call<KernelInterface[]>('interfaces');
  await addon.call('attachInterface', interfaces.find(({ name }) => name === 'lo')?.index);
  await addon.call('listen');
});

afterEach(async () => {
  for (const close of closing) close();
  await addon.end();
});

describe('payload of a process', () => {
  it('is not copied when it is watched without inspection, nor when others are inspected', async () => {
    const other = spawn('sleep', ['60']);
    try {
      await addon.call('watch', process.pid, true);
      await connectPair();
      await send(client, served, 'GET / HTTP/1.1\r\n\r\n');
      expect(await statistics()).toMatchObject({ samples: 0, droppedSamples: 0, skippedMessages: 0 });
      await addon.call('watch', other.pid, false, true);
      await send(client, served, 'GET / HTTP/1.1\r\n\r\n');
      expect(await statistics()).toMatchObject({ samples: 0, droppedSamples: 0, skippedMessages: 0 });
      expect(await samples()).toEqual([]);
    } finally {
      other.kill();
    }
  });

  it('is copied at both ends, with its place in the stream', async () => {
    await addon.call('watch', process.pid, true, true);
    await connectPair();
    await send(client, served, 'question');
    await send(served, client, 'an answer');
    await send(client, served, 'more');
    await expect
      .poll(() => copied(client, true))
      .toEqual([
        { offset: 0, bytes: 'question' },
        { offset: 8, bytes: 'more' },
      ]);
    expect(await copied(served, false)).toEqual(await copied(client, true));
    expect(await copied(client, false)).toEqual([{ offset: 0, bytes: 'an answer' }]);
    expect(await copied(served, true)).toEqual(await copied(client, false));
    const [first] = await samples();
    expect(first).toMatchObject({
      processId: process.pid,
      protocol: 6,
      outgoing: true,
      localAddress: '127.0.0.1',
      remotePort: (server.address() as AddressInfo).port,
      payloadBytes: 8,
    });
    expect((await statistics()).samples).toBe(6);
  });

  it('is copied up to the budget, each way, however large the pieces', async () => {
    await addon.call('watch', process.pid, true, true);
    await connectPair();
    await send(client, served, 'a'.repeat(3_000));
    await send(client, served, 'b'.repeat(50_000));
    await send(client, served, 'c');
    await send(served, client, 'd'.repeat(100_000));
    await send(served, client, 'e');
    for (const [end, sent] of [
      [client, true],
      [served, false],
      [served, true],
      [client, false],
    ] as const) {
      const bytes = (await copied(end, sent)).map((piece) => piece.bytes).join('');
      expect(bytes).toHaveLength(budget);
      expect(bytes).toMatch(sent === (end === client) ? /^a{3000}b{1096}$/ : /^d{4096}$/);
    }
  });

  it('is copied no more once enough was seen, or inspection is turned off', async () => {
    await addon.call('watch', process.pid, true, true);
    await connectPair();
    await send(client, served, 'one');
    await expect.poll(async () => (await samples()).length).toBe(2);
    for (const { slot, socketCookie } of await samples()) {
      await addon.call('inspectFlow', slot, socketCookie, InspectFlag.SentDone, 0);
    }
    await send(client, served, 'two');
    await send(served, client, 'three');
    expect(await copied(client, true)).toEqual([{ offset: 0, bytes: 'one' }]);
    expect(await copied(served, false)).toHaveLength(2);
    expect(await copied(client, false)).toEqual([{ offset: 0, bytes: 'three' }]);
    const before = (await statistics()).samples;
    await addon.call('watch', process.pid, true, false);
    await send(served, client, 'four');
    await send(client, served, 'five');
    expect((await statistics()).samples).toBe(before);
  });

  it('is copied from where it stands when watching begins later', async () => {
    await connectPair();
    await send(client, served, 'early');
    await addon.call('watch', process.pid, true, true);
    await send(client, served, 'late');
    await expect.poll(() => copied(client, true)).toEqual([{ offset: 5, bytes: 'late' }]);
  });

  it('of children is copied as that of their parent', async () => {
    await addon.call('watch', process.pid, true, true);
    await connectPair();
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const script = `require('node:net').connect(${String(port)}, '127.0.0.1').end('child')`;
    const child: ChildProcess = spawn(process.execPath, ['-e', script]);
    const [socket] = await accepted;
    await once(socket, 'data');
    await expect
      .poll(async () => (await samples()).filter(({ processId }) => processId === child.pid))
      .toMatchObject([{ bytes: 'child', sent: true, offset: 0 }]);
    socket.destroy();
  });
});

describe('further messages', () => {
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: example.org\r\n\r\n`;

  /** Uses the budget up and asks for heads of HTTP from there on. */
  async function keepAlive(credit: number): Promise<void> {
    await addon.call('watch', process.pid, true, true);
    await connectPair();
    await send(client, served, 'x'.repeat(budget));
    await expect.poll(async () => (await samples()).length).toBeGreaterThanOrEqual(2);
    const wanted = InspectFlag.SentDone | InspectFlag.Messages | InspectFlag.HttpHeads;
    const slots = new Map((await samples()).map(({ slot, socketCookie }) => [slot, socketCookie]));
    for (const [slot, cookie] of slots) await addon.call('inspectFlow', slot, cookie, wanted, credit);
    addon.samples.length = 0;
  }

  it('are heads of HTTP only, without waking anybody', async () => {
    await keepAlive(100);
    await send(client, served, request('/one'));
    await send(client, served, '{"name":"GET"}'.repeat(100));
    await send(client, served, request('/two'));
    expect(addon.samples).toEqual([]);
    expect((await copied(client, true)).map(({ bytes }) => bytes)).toEqual([
      request('/one'),
      request('/two'),
    ]);
  });

  it('end with the credit, and those that are skipped are counted', async () => {
    await keepAlive(2);
    for (const path of ['/1', '/2', '/3', '/4', '/5']) await send(client, served, request(path));
    expect((await copied(client, true)).map(({ bytes }) => bytes)).toEqual([request('/1'), request('/2')]);
    // What one end sends the other receives; both ends are inspected here.
    expect(await statistics()).toMatchObject({ skippedMessages: 6, droppedSamples: 0 });
  });
});

describe('datagrams', () => {
  let sockets: DatagramSocket[];

  beforeEach(async () => {
    sockets = [createSocket('udp4'), createSocket('udp4'), createSocket('udp4')];
    for (const socket of sockets) {
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    }
  });

  afterEach(() => {
    for (const socket of sockets) socket.close();
  });

  it('to each peer have a budget of their own, and no place in a stream', async () => {
    await addon.call('watch', process.pid, true, true);
    const [asker, ...answerers] = sockets as [DatagramSocket, DatagramSocket, DatagramSocket];
    for (const answerer of answerers) {
      for (let round = 0; round < 5; round++) {
        const arrived = once(answerer, 'message');
        asker.send('y'.repeat(1_000), answerer.address().port, '127.0.0.1');
        await arrived;
      }
    }
    const sent = (await samples()).filter(
      (sample) => sample.sent && sample.localPort === asker.address().port,
    );
    for (const answerer of answerers) {
      const lengths = sent
        .filter(({ remotePort }) => remotePort === answerer.address().port)
        .map(({ bytes, offset, payloadBytes }) => [bytes.length, payloadBytes, offset]);
      expect(lengths).toEqual([
        [1_000, 1_000, 0],
        [1_000, 1_000, 0],
        [1_000, 1_000, 0],
        [1_000, 1_000, 0],
        [96, 1_000, 0],
      ]);
    }
  });
});
