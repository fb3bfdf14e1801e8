// Traffic at a steady rate over many connections at once, paced and bounded in time.
//
//   steady-traffic.mjs receive ADDRESS                                  prints {"port"}; ends with its standard input,
//                                                                       and prints {"received"} then
//   steady-traffic.mjs send ADDRESS PORT CONNECTIONS BYTES_PER_SECOND SECONDS   prints {"connected"}; begins when a line
//                                                                       is read; prints {"sent","seconds"} at the end
import net from 'node:net';
import { once } from 'node:events';

const slicesPerSecond = 100;

async function receive(address) {
  let received = 0;
  const server = net.createServer({ highWaterMark: 256 * 1024 });
  server.on('connection', (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => (received += data.length));
  });
  server.listen(0, address);
  await once(server, 'listening');
  console.log(JSON.stringify({ port: server.address().port }));
  process.stdin.resume();
  await once(process.stdin, 'end');
  console.log(JSON.stringify({ received }));
  process.exit(0);
}

async function send(address, port, connections, bytesPerSecond, seconds) {
  const sockets = Array.from({ length: connections }, () => net.connect({ port, host: address }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  console.log(JSON.stringify({ connected: sockets.length }));
  await once(process.stdin, 'data');
  const slice = Buffer.alloc(Math.round(bytesPerSecond / slicesPerSecond / connections), 'x');
  const started = performance.now();
  let sent = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const elapsed = (performance.now() - started) / 1000;
      if (elapsed >= seconds) {
        clearInterval(timer);
        resolve();
        return;
      }
      // What a late timer missed is made up for, unless a receiver does not keep up.
      const owed = Math.min(elapsed * bytesPerSecond - sent, bytesPerSecond / 4);
      for (let round = 0; round < Math.floor(owed / (slice.length * connections)); round += 1) {
        for (const socket of sockets) {
          if (socket.writableLength > slice.length) continue;
          socket.write(slice);
          sent += slice.length;
        }
      }
    }, 1000 / slicesPerSecond);
  });
  const elapsed = (performance.now() - started) / 1000;
  console.log(JSON.stringify({ sent, seconds: elapsed }));
  // The connections stay until they have been looked at.
  await once(process.stdin, 'end');
  await Promise.all(
    sockets.map((socket) => {
      socket.end();
      return once(socket, 'close');
    }),
  );
  process.exit(0);
}

const [role, address, ...figures] = process.argv.slice(2);
if (role === 'receive') await receive(address);
else await send(address, ...figures.map(Number));
