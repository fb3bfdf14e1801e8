// What a soaked helper watches: connections that open, carry something and close, datagrams, and children that come and
// go, at a steady pace, until its input ends.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import net from 'node:net';

const server = net.createServer((socket) => {
  socket.on('error', () => undefined);
  socket.pipe(socket);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();

function converse() {
  const socket = net.connect(port, '127.0.0.1', () => socket.end(Buffer.alloc(10_000)));
  socket.on('error', () => undefined);
  socket.resume();
}

function datagram() {
  const socket = dgram.createSocket('udp4');
  socket.send(Buffer.alloc(100), port, '127.0.0.1', () => socket.close());
}

setInterval(() => {
  for (let count = 0; count < 10; count += 1) converse();
  datagram();
}, 100);
setInterval(() => spawn('sh', ['-c', ':'], { stdio: 'ignore' }), 200);
process.stdin.resume().on('end', () => process.exit(0));
process.stdout.write('ready\n');
