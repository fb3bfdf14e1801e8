// Many connections of one process, all of them in this network namespace: `crowd COUNT` opens that many at once and
// sends 100 bytes each way over each; `scan FROM TO` knocks at closed ports. Prints what it counted itself, as JSON, on
// standard error.
import { once } from 'node:events';
import net from 'node:net';

const bytes = 100;
/** Connections that are being opened at a time: more would overflow the listener's queue. */
const atATime = 100;

/** Does something so many times, some of them at a time. */
async function inParallel(count, action) {
  let next = 0;
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (next < count) await action(next++);
    }),
  );
}

async function crowd(count) {
  let received = 0;
  const server = net.createServer({ backlog: 4_096 }, (socket) => {
    socket.on('data', (data) => {
      received += data.length;
      socket.write(data);
    });
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = [];
  await inParallel(count, async () => {
    const socket = net.connect(server.address().port, '127.0.0.1');
    await once(socket, 'connect');
    sockets.push(socket);
    socket.write(Buffer.alloc(bytes));
    for (let answered = 0; answered < bytes;) {
      const [data] = await once(socket, 'data');
      answered += data.length;
      received += data.length;
    }
  });
  // All of them stand until the last one does.
  await inParallel(count, async (index) => {
    const closed = once(sockets[index], 'close');
    sockets[index].resume().end();
    await closed;
  });
  server.close();
  return { sent: 2 * count * bytes, received };
}

async function scan(from, to) {
  let refused = 0;
  await inParallel(to - from, async (index) => {
    const socket = net.connect(from + index, '127.0.0.1');
    const [error] = await once(socket, 'error');
    if (error.code === 'ECONNREFUSED') refused += 1;
  });
  return { sent: 0, received: 0, refused };
}

const [kind, ...numbers] = process.argv.slice(2);
const counted = await { crowd, scan }[kind](...numbers.map(Number));
console.error(JSON.stringify({ pid: process.pid, ...counted }));
