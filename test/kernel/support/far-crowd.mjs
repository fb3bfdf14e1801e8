// Very many connections, all at once.
//
//   far-crowd.mjs server ADDRESS             sends back what it gets, and closes after its clients; prints {"port"}; serves
//                                        until its standard input ends
//   far-crowd.mjs client ADDRESS PORT COUNT  COUNT connections that are all open before the first is used; each closes first
//
// The client prints {"pid","sent","received"}.
import { once } from 'node:events';
import net from 'node:net';

const message = Buffer.alloc(100, 'c');

async function serve(address) {
  const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, address, 16_384);
  await once(server, 'listening');
  console.log(JSON.stringify({ port: server.address().port }));
  process.stdin.resume();
  await once(process.stdin, 'end');
  process.exit(0);
}

async function open(host, port) {
  const socket = net.connect({ host, port, allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

async function exchange(socket) {
  let received = 0;
  const closed = once(socket, 'close');
  socket.on('data', (data) => (received += data.length));
  socket.end(message);
  await closed;
  return received;
}

/** So many at the same moment: a slow machine drops what exceeds its queue of 1,000 packets, after it was counted. */
const waveSize = 250;

async function inWaves(values, step) {
  const results = [];
  for (let first = 0; first < values.length; first += waveSize)
    results.push(...(await Promise.all(values.slice(first, first + waveSize).map(step))));
  return results;
}

async function useAtOnce(address, port, count) {
  const sockets = await inWaves(Array.from({ length: count }), () => open(address, port));
  const received = await inWaves(sockets, exchange);
  return { sent: count * message.length, received: received.reduce((sum, bytes) => sum + bytes, 0) };
}

const [role, address, port, count] = process.argv.slice(2);
if (role === 'server') {
  await serve(address);
} else {
  const counted = await useAtOnce(address, Number(port), Number(count));
  console.log(JSON.stringify({ pid: process.pid, ...counted }));
}
