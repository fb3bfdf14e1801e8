// A process that holds a socket: one that it connects itself, or one that its parent hands to it. Obeys messages
// `{connect: port}`, `{take: true}` (with the socket), `{write: bytes}`, `{give: true}`, `{close: true}` and
// `{descriptors: number}` to have so many more, and answers each with `{done: true}`, with the socket when it gives it.
import { openSync } from 'node:fs';
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
  } else if (message.descriptors) {
    for (let more = 0; more < message.descriptors; more += 1) openSync('/dev/null');
    done();
  }
  socket.on('error', () => undefined).resume();
});
