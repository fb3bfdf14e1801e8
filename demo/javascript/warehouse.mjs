// The warehouse: a TCP server that knows what is in stock. One JSON object a line goes in, one comes out,
// in the same order. It is a process of its own, so it has a row of its own in the Network Usage view.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { whenStopped } from './stopping.mjs';

/** Name, price in cents and stock of everything that the shop sells. */
const products = Array.from({ length: 80 }, (_, id) => ({
  id,
  name: `${['Red', 'Green', 'Blue', 'Grey'][id % 4]} ${['kettle', 'lamp', 'chair', 'radio', 'clock'][id % 5]}`,
  description: 'Made to last, easy to mend, and delivered within two days. '.repeat(1 + (id % 4)),
  cents: 990 + 350 * (id % 17),
  stock: 100,
}));

function answer(question) {
  switch (question.ask) {
    case 'catalogue':
      return { products };
    case 'reserve': {
      const product = products[question.product];
      if (product === undefined) return { error: `there is no product ${question.product}` };
      // The shelves are filled overnight, and a night is short here.
      if (product.stock === 0) product.stock = 100;
      product.stock -= 1;
      return { product: product.name, left: product.stock };
    }
    default:
      return { error: `the warehouse does not know the question ${JSON.stringify(question.ask)}` };
  }
}

const connections = new Set();
const server = createServer((connection) => {
  connections.add(connection);
  connection.on('close', () => connections.delete(connection));
  connection.on('error', (error) => console.error(`warehouse: ${error.message}`));
  createInterface({ input: connection }).on('line', (line) => {
    let reply;
    try {
      reply = answer(JSON.parse(line));
    } catch (error) {
      reply = { error: String(error) };
    }
    connection.write(`${JSON.stringify(reply)}\n`);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));

whenStopped(() => {
  server.close();
  for (const connection of connections) connection.destroy();
});
