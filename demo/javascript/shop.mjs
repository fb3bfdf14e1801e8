// A small web shop. Press F5 and watch it in the Network Usage view:
//
//   customers ── HTTP ──▶ shop ── TCP, one line a question ──▶ warehouse
//                           └──── UDP, one datagram an event ──▶ metrics
//
// Each of the four is a process; this one starts the others. With `--customers-elsewhere` it leaves the
// customers to a second debug session, so that each session shows its own end of the same traffic.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { startProgram, startService } from './children.mjs';
import { publishShopAddress, withdrawShopAddress } from './shop-address.mjs';
import { whenStopped } from './stopping.mjs';
import { WarehouseClient } from './warehouse-client.mjs';

const largestPictureBytes = 400_000;
const largestOrderBytes = 16_000;
const pictures = randomBytes(largestPictureBytes);

const warehouseService = await startService('warehouse.mjs');
const metricsService = await startService('metrics.mjs');
const warehouse = new WarehouseClient(warehouseService.port);
const metricsSocket = createSocket('udp4').unref();
metricsSocket.on('error', (error) => console.error(`shop: metrics: ${error.message}`));

function count(name, value = 1) {
  metricsSocket.send(`${name}:${value}`, metricsService.port, '127.0.0.1');
}

async function sendCatalogue(response) {
  const catalogue = await warehouse.ask({ ask: 'catalogue' });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(catalogue));
}

/** Pictures are noise of 40 kB and more, the same size for the same product. */
function sendPicture(response, product) {
  const bytes = 40_000 + ((product * 77_777) % (largestPictureBytes - 40_000));
  response.writeHead(200, { 'content-type': 'image/x-noise' }).end(pictures.subarray(0, bytes));
  count('picture-bytes', bytes);
}

async function takeOrder(request, response) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > largestOrderBytes) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
  }
  // A good place for a breakpoint: about one order a second comes by.
  const { product } = JSON.parse(body);
  const reserved = await warehouse.ask({ ask: 'reserve', product });
  response.writeHead(reserved.error === undefined ? 201 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(reserved));
  count('orders');
}

async function handle(request, response) {
  const started = performance.now();
  const picture = /^\/pictures\/(\d{1,4})$/.exec(request.url ?? '');
  if (request.url === '/catalogue') await sendCatalogue(response);
  else if (picture !== null) sendPicture(response, Number(picture[1]));
  else if (request.url === '/orders' && request.method === 'POST') await takeOrder(request, response);
  else response.writeHead(404).end();
  count('requests');
  count('milliseconds', (performance.now() - started).toFixed(1));
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(`shop: ${request.method} ${request.url}: ${error.message}`);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
});
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
});
const { port } = server.address();

const children = [warehouseService.child, metricsService.child];
if (process.argv.includes('--customers-elsewhere')) publishShopAddress(port);
else children.push(startProgram('customers.mjs', [String(port)]));

/** A service that is down: now and then a connection that fails, as in real life. */
const nobodyListens = await unusedPort();
const recommendations = setInterval(() => {
  connect(nobodyListens, '127.0.0.1').on('error', (error) => {
    console.log(`shop: no recommendations today (${error.code})`);
  });
}, 15_000);

function unusedPort() {
  return new Promise((resolve) => {
    const placeholder = createServer().listen(0, '127.0.0.1', () => {
      const unused = placeholder.address().port;
      placeholder.close(() => resolve(unused));
    });
  });
}

whenStopped(() => {
  console.log('shop: closing');
  withdrawShopAddress();
  clearInterval(recommendations);
  for (const child of children) child.kill('SIGTERM');
  warehouse.close();
  server.close();
  server.closeAllConnections();
});
console.log(`shop: open on http://127.0.0.1:${port}/catalogue`);
