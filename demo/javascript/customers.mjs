// The customers: they come in waves, look at pictures, and buy something now and then. Every minute there
// is a sale. The wave and the sale are what gives the chart its shape.
//
// Run as `customers.mjs PORT`, or without an argument to find the shop that runs in another session.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { findShop } from './shop-address.mjs';
import { whenStopped } from './stopping.mjs';

const mostCustomers = 14;
const port = process.argv[2] === undefined ? await findShop() : Number(process.argv[2]);

/** Regulars share connections that stay open; everybody else brings a connection of their own. */
const sharedConnections = new Agent({ keepAlive: true, maxSockets: 3 });

/** Sends one request and resolves with the status and the bytes that came back. */
function visit(path, { agent, order } = {}) {
  const body = order === undefined ? undefined : JSON.stringify(order);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, agent: agent ?? false, method: body === undefined ? 'GET' : 'POST' },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk) => (bytes += chunk.length));
        response.on('end', () => resolve({ status: response.statusCode, bytes }));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** How many customers are in the shop `seconds` after it opened: a wave of 24 s and a sale every minute. */
function customersWanted(seconds) {
  const wave = 3.5 + 2.5 * Math.sin((2 * Math.PI * seconds) / 24);
  const sale = seconds % 60 >= 45 && seconds % 60 < 52 ? 8 : 0;
  return Math.min(mostCustomers, Math.round(wave + sale));
}

let present = 0;
let served = 0;
let stopping = false;

async function shopAround(isRegular) {
  const agent = isRegular ? sharedConnections : undefined;
  present += 1;
  try {
    await visit('/catalogue', { agent });
    for (let look = 0; look < 3 && !stopping; look++) {
      await sleep(300 + 700 * Math.random());
      await visit(`/pictures/${Math.floor(80 * Math.random())}`, { agent });
    }
    if (Math.random() < 0.6 && !stopping) {
      const order = { product: Math.floor(80 * Math.random()), note: 'Please ring twice. '.repeat(40) };
      await visit('/orders', { agent, order });
    }
    served += 1;
  } catch (error) {
    if (!stopping) console.error(`customers: ${error.message}`);
    // A shop that is stopped at a breakpoint or gone is not asked again at once.
    await sleep(1_000);
  } finally {
    present -= 1;
  }
}

console.log(`customers: on the way to port ${port}`);
const opened = performance.now();
const door = setInterval(() => {
  const wanted = customersWanted((performance.now() - opened) / 1_000);
  if (present < wanted) void shopAround(served % 3 !== 0);
}, 150);

const report = setInterval(() => console.log(`customers: ${served} served, ${present} in the shop`), 10_000);

whenStopped(() => {
  stopping = true;
  clearInterval(door);
  clearInterval(report);
  sharedConnections.destroy();
});
