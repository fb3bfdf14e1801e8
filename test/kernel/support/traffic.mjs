// Makes traffic and counts its own payload: the ground truth of the accuracy tests. Runs on any Node.
//
//   traffic.mjs server ADDRESS [PORT]     prints {"port"}; serves until its standard input ends, then prints
//                                         {"sent","received"}
//   traffic.mjs cluster ADDRESS SOCKET COUNT
//                                         serves COUNT connections in the workers of a cluster; tells the Unix socket
//                                         {"port"}; every process prints {"pid","sent","received"}
//   traffic.mjs client ADDRESS PORT KIND  runs one kind of traffic, prints {"pid","sent","received"}
import cluster from 'node:cluster';
import net from 'node:net';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const totals = { sent: 0, received: 0 };

/**
 * A request is a line: how many bytes will follow, how many the server is to answer, and who closes first: `server`,
 * `client`, or `long-before`, the client and long before the server does.
 */
function header(upload, download, closes) {
  return Buffer.from(`${upload} ${download} ${closes}\n`.padEnd(32, ' '));
}

async function write(socket, bytes) {
  const chunk = Buffer.alloc(65_536, 'x');
  for (let left = bytes; left > 0; left -= chunk.length) {
    const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
    totals.sent += part.length;
    if (!socket.write(part)) await once(socket, 'drain');
  }
}

/** Answers one request. The end that closes first has TIME_WAIT. */
function serveConnection(socket) {
  let head = Buffer.alloc(0);
  let left = Infinity;
  let answered = Promise.resolve();
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    totals.received += data.length;
    if (left === Infinity) {
      head = Buffer.concat([head, data]);
      if (head.length < 32) return;
      const [upload, download, closes] = head.subarray(0, 32).toString().trim().split(' ');
      left = Number(upload) - (head.length - 32);
      // Both directions at once, where both are asked for.
      answered = write(socket, Number(download));
      if (closes !== 'server') answered = Promise.all([answered, once(socket, 'end')]);
      // An acknowledgement that waits for something to go with is sent within 200 ms.
      if (closes === 'long-before') answered = answered.then(() => delay(300));
    } else {
      left -= data.length;
    }
    if (left === 0) void answered.then(() => socket.end());
  });
}

async function serve(address, wantedPort = 0) {
  const family = net.isIPv6(address) ? 'udp6' : 'udp4';
  const server = net.createServer({ allowHalfOpen: true }, serveConnection);
  server.listen(wantedPort, address);
  await once(server, 'listening');
  const { port } = server.address();
  const datagrams = dgram.createSocket(family);
  datagrams.on('message', (message, peer) => {
    totals.received += message.length;
    // The first four bytes ask for an answer of that length.
    const answer = message.readUInt32BE(0);
    if (answer === 0) return;
    totals.sent += answer;
    datagrams.send(Buffer.alloc(answer, 'y'), peer.port, peer.address);
  });
  datagrams.bind(port, address);
  await once(datagrams, 'listening');
  console.log(JSON.stringify({ port }));
  process.stdin.resume();
  await once(process.stdin, 'end');
  console.log(JSON.stringify(totals));
  process.exit(0);
}

const workers = 3;

async function leadCluster(told, count) {
  let listening = 0;
  let served = 0;
  cluster.on('listening', (_worker, { port }) => {
    listening += 1;
    if (listening === workers) net.connect(told).end(JSON.stringify({ port }));
  });
  cluster.on('message', () => {
    served += 1;
    if (served < count) return;
    for (const worker of Object.values(cluster.workers ?? {})) worker.send('leave');
  });
  const ends = Array.from({ length: workers }, () => once(cluster.fork(), 'exit'));
  await Promise.all(ends);
}

async function workInCluster(address) {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    serveConnection(socket);
    socket.on('close', () => process.send('served'));
  });
  server.listen(0, address);
  await once(process, 'message');
  server.close();
}

async function exchange(address, port, upload, download, closes = 'server') {
  const socket = net.connect({ port: Number(port), host: address, allowHalfOpen: true });
  socket.on('data', (data) => (totals.received += data.length));
  await once(socket, 'connect');
  const request = header(upload, download, closes);
  totals.sent += request.length;
  socket.write(request);
  const ended = once(socket, 'end');
  const closed = once(socket, 'close');
  await write(socket, upload);
  if (closes === 'server') await ended;
  socket.end();
  await closed;
}

async function sendDatagrams(address, port, { count, bytes, answer, sockets, connected }) {
  const family = net.isIPv6(address) ? 'udp6' : 'udp4';
  const message = Buffer.alloc(bytes, 'z');
  message.writeUInt32BE(answer, 0);
  for (let index = 0; index < sockets; index += 1) {
    const socket = dgram.createSocket(family);
    let answered = () => {};
    socket.on('message', (data) => {
      totals.received += data.length;
      answered();
    });
    if (connected) {
      socket.connect(port, address);
      await once(socket, 'connect');
    }
    for (let sent = 0; sent < count; sent += 1) {
      const reply = new Promise((resolve) => (answered = resolve));
      await new Promise((resolve, reject) => {
        const done = (error) => (error ? reject(error) : resolve());
        if (connected) socket.send(message, done);
        else socket.send(message, port, address, done);
      });
      totals.sent += bytes;
      // One at a time: no datagram is lost to a full buffer, so both ends must agree.
      if (answer > 0) await reply;
    }
    socket.close();
  }
}

/** Writes that leave as they come, each in a segment of its own as far as TCP lets them. */
async function sendBits(address, port, { count, bytes, pauseMillis = 0 }) {
  const socket = net.connect({ port: Number(port), host: address, allowHalfOpen: true, noDelay: true });
  socket.on('data', (data) => (totals.received += data.length));
  await once(socket, 'connect');
  const ended = once(socket, 'end');
  const request = header(count * bytes, count * bytes, 'server');
  totals.sent += request.length;
  socket.write(request);
  for (let index = 0; index < count; index += 1) {
    await new Promise((resolve) => socket.write(Buffer.alloc(bytes, 'b'), resolve));
    totals.sent += bytes;
    if (pauseMillis > 0) await delay(pauseMillis);
  }
  await ended;
  const closed = once(socket, 'close');
  socket.end();
  await closed;
}

/** Small datagrams, as fast as they can be made while no more than `window` are without an answer. */
async function sendRapidly(address, port, { count, bytes, window }) {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  socket.connect(port, address);
  await once(socket, 'connect');
  const message = Buffer.alloc(bytes);
  message.writeUInt32BE(bytes, 0);
  let sent = 0;
  let answered = 0;
  await new Promise((resolve, reject) => {
    const fill = () => {
      for (; sent < count && sent - answered < window; sent += 1) {
        totals.sent += bytes;
        socket.send(message, (error) => error && reject(error));
      }
    };
    socket.on('message', (data) => {
      totals.received += data.length;
      answered += 1;
      if (answered === count) resolve();
      else fill();
    });
    fill();
  });
  socket.close();
}

/** Bursts of connections at once, with rests in between. */
async function exchangeInBursts(address, port) {
  for (let burst = 0; burst < 4; burst += 1) {
    await Promise.all(Array.from({ length: 12 }, () => exchange(address, port, 100_000, 100_000)));
    await delay(100);
  }
}

const kinds = {
  'tcp-up': (address, port) => exchange(address, port, 20_000_000, 0),
  'tcp-down': (address, port) => exchange(address, port, 0, 20_000_000),
  'tcp-both': (address, port) => exchange(address, port, 10_000_000, 10_000_000),
  'tcp-small': async (address, port) => {
    for (let index = 0; index < 200; index += 1) await exchange(address, port, 300, 2_000);
  },
  'tcp-parallel': (address, port) =>
    Promise.all(Array.from({ length: 16 }, () => exchange(address, port, 500_000, 500_000))),
  'tcp-bursts': exchangeInBursts,
  'tcp-drip': (address, port) => sendBits(address, port, { count: 12, bytes: 20, pauseMillis: 150 }),
  'tcp-small-writes': (address, port) => sendBits(address, port, { count: 5_000, bytes: 30 }),
  'tcp-closing-first': (address, port) =>
    Promise.all(Array.from({ length: 16 }, () => exchange(address, port, 200_000, 200_000, 'client'))),
  'tcp-some': async (address, port) => {
    await exchange(address, port, 2_000_000, 1_000_000);
    for (const closes of ['server', 'client']) await exchange(address, port, 3_000, 10_000, closes);
  },
  'tcp-few': async (address, port) => {
    await exchange(address, port, 300_000, 200_000);
    for (const closes of ['server', 'client']) await exchange(address, port, 3_000, 10_000, closes);
  },
  'udp-up': (address, port) =>
    sendDatagrams(address, port, { count: 300, bytes: 1_200, answer: 4, sockets: 1, connected: false }),
  'udp-down': (address, port) =>
    sendDatagrams(address, port, { count: 300, bytes: 16, answer: 1_200, sockets: 1, connected: true }),
  'udp-rapid': (address, port) => sendRapidly(address, port, { count: 20_000, bytes: 32, window: 64 }),
  'udp-fragments': (address, port) =>
    sendDatagrams(address, port, { count: 50, bytes: 9_000, answer: 20_000, sockets: 1, connected: false }),
  'udp-sockets': (address, port) =>
    sendDatagrams(address, port, { count: 5, bytes: 100, answer: 100, sockets: 40, connected: false }),
};

const [role, address, port, kind] = process.argv.slice(2);
if (role === 'server') {
  await serve(address, Number(port ?? 0));
} else if (role === 'cluster') {
  await (cluster.isPrimary ? leadCluster(port, Number(kind)) : workInCluster(address));
  console.log(JSON.stringify({ pid: process.pid, ...totals }));
  process.exit(0);
} else {
  await kinds[kind](address, Number(port));
  console.log(JSON.stringify({ pid: process.pid, ...totals }));
}
