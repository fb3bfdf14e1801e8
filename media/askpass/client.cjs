// Asks the editor for the sudo password over the socket that the extension listens on, and prints it for sudo.
// Plain JavaScript without dependencies: it is run from the packed extension, outside of any bundle.
'use strict';
const net = require('node:net');

const socketPath = process.env.PROCNETMON_ASKPASS_SOCKET;
const token = process.env.PROCNETMON_ASKPASS_TOKEN;

// sudo takes a status other than 0 as "no password was given" and stops.
function refuse() {
  process.exitCode = 1;
}

if (socketPath && token) {
  const socket = net.createConnection(socketPath);
  const chunks = [];
  socket.on('error', refuse);
  socket.on('connect', () => socket.write(`${token}\n`));
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => {
    const answer = Buffer.concat(chunks).toString('utf8');
    // An answer starts with `=`, so that an empty password differs from none.
    if (answer.startsWith('=')) {
      process.stdout.write(`${answer.slice(1)}\n`);
    } else {
      refuse();
    }
    socket.end();
  });
} else {
  refuse();
}
