// Talks while the network changes under it, step by step, and counts its own payload.
//
//   changing.mjs server ADDRESS              sends back what it gets over TCP and UDP; prints {"port"}; serves until
//                                            its standard input ends
//   changing.mjs client ADDRESS PORT STEPS   takes steps, JSON, over one connection and one datagram socket, then
//                                            prints {"pid","sent","received"}
//
// A step is {"tcp": BYTES}, {"udp": COUNT, "to": [ADDRESS...]} with datagrams to each address in turn, {"run": [COMMAND...]},
// or {"peers": COUNT}, a datagram to each of that many ports, which nobody answers. The others wait until everything has
// come back.
import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';

const datagram = Buffer.alloc(700, 'd');
/** Ports above it are in nobody's use: below the range that sockets without a wish are given theirs from. */
const unansweredPort = 2_000;

async function serve(address) {
  const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address();
  const datagrams = dgram.createSocket('udp4');
  datagrams.on('message', (message, peer) => datagrams.send(message, peer.port, peer.address));
  datagrams.bind(port, address);
  await once(datagrams, 'listening');
  console.log(JSON.stringify({ port }));
  process.stdin.resume();
  await once(process.stdin, 'end');
  process.exit(0);
}

async function talk(address, port, steps) {
  const totals = { sent: 0, received: 0 };
  const datagrams = dgram.createSocket('udp4');
  const stream = steps.some(({ tcp }) => tcp) ? net.connect({ host: address, port }) : undefined;
  let awaited = 0;
  let arrived = () => {};
  const take = (data) => {
    totals.received += data.length;
    awaited -= data.length;
    if (awaited === 0) arrived();
  };
  const exchange = async (bytes, send) => {
    const back = new Promise((resolve) => (arrived = resolve));
    totals.sent += bytes;
    awaited += bytes;
    send();
    await back;
  };
  stream?.on('data', take);
  datagrams.on('message', take);
  const sendTo = promisify(datagrams.send.bind(datagrams));
  for (const { tcp, udp, to, run, peers } of steps) {
    if (run) execFileSync(run[0], run.slice(1));
    for (let count = 1; count <= (peers ?? 0); count += 1) {
      totals.sent += datagram.length;
      await sendTo(datagram, unansweredPort + count, address);
    }
    if (tcp) await exchange(tcp, () => stream.write(Buffer.alloc(tcp, 't')));
    for (let count = 0; count < (udp ?? 0); count += 1) {
      const peer = to[count % to.length];
      await exchange(datagram.length, () => datagrams.send(datagram, port, peer));
    }
  }
  datagrams.close();
  stream?.end();
  if (stream) await once(stream, 'close');
  console.log(JSON.stringify({ pid: process.pid, ...totals }));
}

const [role, address, port, steps] = process.argv.slice(2);
if (role === 'server') await serve(address);
else await talk(address, Number(port), JSON.parse(steps));
