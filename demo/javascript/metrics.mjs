// The metrics collector: receives one small UDP datagram for each thing that happens in the shop, in the
// form `name:value`, and prints a summary every ten seconds.
import { createSocket } from 'node:dgram';
import { whenStopped } from './stopping.mjs';

const sums = new Map();

const socket = createSocket('udp4');
socket.on('message', (datagram) => {
  const [name, value] = datagram.toString('utf8').split(':');
  sums.set(name, (sums.get(name) ?? 0) + Number(value));
});
socket.on('error', (error) => {
  console.error(`metrics: ${error.message}`);
  process.exit(1);
});
socket.bind(0, '127.0.0.1', () => process.send?.({ port: socket.address().port }));

const summary = setInterval(() => {
  const parts = [...sums].map(([name, sum]) => `${name} ${Math.round(sum)}`);
  if (parts.length > 0) console.log(`metrics: ${parts.join(', ')} in 10 s`);
  sums.clear();
}, 10_000);

whenStopped(() => {
  clearInterval(summary);
  socket.close();
});
