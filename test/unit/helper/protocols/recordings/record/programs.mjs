// Starts servers and clients: other programs, and servers of Node.js.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clients from the npm registry, in a folder of their own; see README.md. */
export const fromNpm = createRequire(
  path.join(process.env['RECORDING_PACKAGES'] ?? process.cwd(), 'package.json'),
);

export async function freePort(type = 'tcp') {
  if (type === 'udp') {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    await new Promise((resolve) => socket.close(resolve));
    return port;
  }
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function waitForPort(port) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`Nothing listens on ${port}.`);
}

/** What programs say is shown where that is wanted. */
const output = process.env['RECORDING_VERBOSE'] ? 'inherit' : 'ignore';

/** Runs a client to its end, for eight seconds at most. */
export function command(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['ignore', output, output], timeout: 8_000 });
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** Runs a server while something else happens. */
export async function whileRunning(name, args, port, action) {
  const child = spawn(name, args, { stdio: output });
  const failed = new Promise((_, reject) => child.once('error', reject));
  try {
    await Promise.race([failed, port === undefined ? sleep(2_500) : waitForPort(port)]);
    return await Promise.race([failed, action()]);
  } finally {
    child.kill();
  }
}

/** A server of Node's while something happens. */
export async function whileListening(server, action) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await action(server.address().port);
  } finally {
    server.close();
    server.closeAllConnections?.();
  }
}

/** A server that swallows what it gets: some clients need no answer for their first bytes. */
export const swallow = () => createServer((socket) => socket.on('data', () => {}).on('error', () => {}));

export async function datagram(port, bytes) {
  const socket = createSocket('udp4');
  socket.send(bytes, port, '127.0.0.1');
  await sleep(300);
  socket.close();
}

export function raw(port, ...pieces) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', () => {});
    for (const piece of pieces) socket.write(piece);
    setTimeout(() => (socket.destroy(), resolve()), 300);
  });
}

export const lines = (port, texts) => raw(port, ...texts.map((text) => `${text}\r\n`));
