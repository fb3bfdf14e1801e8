// Many connections of one process, all of them in this network namespace: `crowd COUNT` opens that many at once and
// sends 100 bytes each way over each. `scan ADDRESS FROM TO` knocks at closed ports, of any host. Prints what it counted itself, as JSON, on
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
  await inParallel(Number(count), async () => {
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
  await inParallel(Number(count), async (index) => {
    const closed = once(sockets[index], 'close');
    sockets[index].resume().end();
    await closed;
  });
  server.close();
  return { sent: 2 * Number(count) * bytes, received };
}

async function scan(address, from, to) {
  let refused = 0;
  await inParallel(Number(to) - Number(from), async (index) => {
    const socket = net.connect(Number(from) + index, address);
    const [error] = await once(socket, 'error');
    if (error.code === 'ECONNREFUSED') refused += 1;
  });
  return { sent: 0, received: 0, refused };
}

const [kind, ...words] = process.argv.slice(2);
const counted = await { crowd, scan }[kind](...words);
console.error(JSON.stringify({ pid: process.pid, ...counted }));
