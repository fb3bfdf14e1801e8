// Connects to itself over loopback, one connection at a time with a rest in between:
//   connect-now-and-then.mjs COUNT      prints {"ready"}, begins when a line is read, prints {"done"} at the end
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const restMillis = 10;

const server = net.createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.resume();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ ready: true }));
await once(process.stdin, 'data');
for (let index = 0; index < Number(process.argv[2]); index += 1) {
  const socket = net.connect(server.address().port, '127.0.0.1');
  await once(socket, 'connect');
  await delay(restMillis);
  socket.destroy();
  await delay(restMillis);
}
console.log(JSON.stringify({ done: true }));
