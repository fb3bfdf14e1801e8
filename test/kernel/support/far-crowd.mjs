// Very many connections, all at once.
//
//   far-crowd.mjs server ADDRESS             sends back what it gets, and closes after its clients; prints {"port"}; serves
//                                        until its standard input ends
//   far-crowd.mjs client ADDRESS PORT COUNT  COUNT connections that are all open before the first is used; each closes first
//   far-crowd.mjs scan ADDRESS PORT COUNT    tries COUNT ports from PORT on, a few at a time
//
// Clients print {"pid","sent","received"}, and how many attempts were refused.
import { once } from 'node:events';
import net from 'node:net';

const message = Buffer.alloc(100, 'c');
const atATime = 64;

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

async function useAtOnce(address, port, count) {
  const sockets = await Promise.all(Array.from({ length: count }, () => open(address, port)));
  const received = await Promise.all(sockets.map(exchange));
  return { sent: count * message.length, received: received.reduce((sum, bytes) => sum + bytes, 0) };
}

async function scan(address, first, count) {
  let next = first;
  let refused = 0;
  const tryOn = async () => {
    while (next < first + count) {
      next += 1;
      await open(address, next - 1).catch((error) => {
        if (error.code !== 'ECONNREFUSED') throw error;
        refused += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: atATime }, tryOn));
  return { sent: 0, received: 0, refused };
}

const [role, address, port, count] = process.argv.slice(2);
if (role === 'server') {
  await serve(address);
} else {
  const act = role === 'scan' ? scan : useAtOnce;
  console.log(JSON.stringify({ pid: process.pid, ...(await act(address, Number(port), Number(count))) }));
}
