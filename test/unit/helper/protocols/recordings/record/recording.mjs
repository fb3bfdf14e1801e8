// A proxy between client and server, which writes down what passes.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const maximumPiece = 2_500;
const maximumPieces = 12;

class Recording {
  #lines = [];
  #count = { '>': 0, '<': 0 };
  #offset = { '>': 0, '<': 0 };
  #start;

  constructor(transport, port) {
    this.head = `# ${transport} ${port}`;
    this.transport = transport;
  }

  add(direction, bytes) {
    this.#start ??= process.hrtime.bigint();
    const micros = (process.hrtime.bigint() - this.#start) / 1000n;
    const offset = this.#offset[direction];
    this.#offset[direction] += this.transport === 'tcp' ? bytes.length : 0;
    this.#count[direction] += 1;
    if (this.#count[direction] > maximumPieces) return;
    const kept = bytes.subarray(0, maximumPiece);
    const cut = kept.length < bytes.length ? '+' : '';
    this.#lines.push(`${direction} ${micros} ${offset} ${kept.toString('hex')}${cut}`);
  }

  get text() {
    return `${[this.head, ...this.#lines].join('\n')}\n`;
  }
}

/** Records the first connection that a client makes through the proxy. `port` is the one that the protocol uses. */
export async function throughTcp(port, upstream, client) {
  const recording = new Recording('tcp', port);
  let first = true;
  const sockets = new Set();
  const proxy = createServer((near) => {
    const far = connect(upstream, '127.0.0.1');
    const records = first;
    first = false;
    for (const [from, to, direction] of [
      [near, far, '>'],
      [far, near, '<'],
    ]) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (records) recording.add(direction, bytes);
        to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await Promise.race([client(proxy.address().port), sleep(10_000)]);
    await sleep(100);
  } catch (error) {
    console.error(`  the client ended with ${error.message?.split('\n')[0]}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  }
  return recording;
}

export async function throughUdp(port, upstream, client) {
  const recording = new Recording('udp', port);
  const near = createSocket('udp4');
  const far = createSocket('udp4');
  let peer;
  near.on('message', (bytes, from) => {
    peer = from;
    recording.add('>', bytes);
    far.send(bytes, upstream, '127.0.0.1');
  });
  far.on('message', (bytes) => {
    recording.add('<', bytes);
    near.send(bytes, peer.port, peer.address);
  });
  await new Promise((resolve) => near.bind(0, '127.0.0.1', resolve));
  await new Promise((resolve) => far.bind(0, '127.0.0.1', resolve));
  try {
    await Promise.race([client(near.address().port), sleep(8_000)]);
  } catch (error) {
    console.error(`  the client ended with ${error.message?.split('\n')[0]}`);
  }
  near.close();
  far.close();
  return recording;
}
