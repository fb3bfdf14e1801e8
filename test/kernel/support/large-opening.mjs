// A connection whose first write is large, from either end: the kernel hands it on as one bundle of segments, in pages
// outside of the packet's own buffer.
//
//   large-opening.mjs server APPLICATION ADDRESS   prints its port; answers one connection, then leaves
//   large-opening.mjs client APPLICATION ADDRESS PORT
import { once } from 'node:events';
import net from 'node:net';

const bulk = 'x'.repeat(64 * 1024);

const talks = {
  'http/1.1': {
    question: `POST /upload HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${bulk.length}\r\n\r\n${bulk}`,
    answer: `HTTP/1.1 200 OK\r\nContent-Length: ${bulk.length}\r\n\r\n${bulk}`,
  },
  redis: {
    question: `*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$${bulk.length}\r\n${bulk}\r\n`,
    answer: `$${bulk.length}\r\n${bulk}\r\n`,
  },
};

/** Resolves when as many bytes have come. */
async function receive(socket, bytes) {
  for (let left = bytes; left > 0;) {
    const [data] = await once(socket, 'data');
    left -= data.length;
  }
}

const [role, application, address, port] = process.argv.slice(2);
const { question, answer } = talks[application];
if (role === 'server') {
  const server = net.createServer().listen(0, address);
  await once(server, 'listening');
  console.log(server.address().port);
  const [socket] = await once(server, 'connection');
  await receive(socket, question.length);
  socket.end(answer);
  await once(socket, 'close');
  server.close();
} else {
  const socket = net.connect(Number(port), address);
  await once(socket, 'connect');
  socket.write(question);
  await receive(socket, answer.length);
  socket.end();
}
