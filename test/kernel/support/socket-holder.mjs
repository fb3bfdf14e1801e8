// A process that holds a socket: one that it connects itself, or one that its parent hands to it. Obeys messages
// `{connect: port}`, `{take: true}` (with the socket), `{write: bytes}`, `{give: true}` and `{close: true}`, and answers
// each with `{done: true}`, with the socket when it gives it.
import { connect } from 'node:net';

let socket;

process.on('message', (message, handle) => {
  const done = () => process.send({ done: true });
  if (message.connect) {
    socket = connect({ port: message.connect, host: '127.0.0.1', allowHalfOpen: true }, done);
  } else if (message.take) {
    socket = handle;
    done();
  } else if (message.write) {
    socket.write(Buffer.alloc(message.write), done);
  } else if (message.give) {
    process.send({ done: true }, socket);
    return;
  } else if (message.close) {
    socket.on('close', done).destroy();
  }
  socket.on('error', () => undefined).resume();
});
