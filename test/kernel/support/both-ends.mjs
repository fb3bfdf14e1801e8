// Runs a serving program and a client that talks to it, so that both ends are watched: as its children, each in the
// network namespace that its command puts it into.
//
//   both-ends.mjs '{"server": [COMMAND...], "client": [COMMAND...], "bystander": [COMMAND...]}'
//
// A bystander, where there is one, is another server, which nobody talks to.
//
// The server prints {"port"} when it is ready, and {"sent","received"} when its input has ended. "PORT" among the
// client's arguments becomes that port. Prints what each end counted, {"pid","sent","received"}, on standard error:
// the client's line first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const { server, client, bystander } = JSON.parse(process.argv[2]);

function start([program, ...args], stdin) {
  const child = spawn(program, args, { stdio: [stdin, 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${program} ${args.join(' ')} ended early`);
    return { pid: child.pid, ...JSON.parse(value) };
  };
  return { child, next, closed: once(child, 'close') };
}

const serving = start(server, 'pipe');
const idling = bystander && start(bystander, 'pipe');
try {
  await idling?.next();
  const { port } = await serving.next();
  const talking = start(
    client.map((word) => (word === 'PORT' ? String(port) : word)),
    'ignore',
  );
  const talked = await talking.next();
  const [status] = await talking.closed;
  if (status !== 0) throw new Error(`The client ended with ${String(status)}`);
  console.error(JSON.stringify(talked));
  serving.child.stdin.end();
  console.error(JSON.stringify(await serving.next()));
} finally {
  for (const started of [serving, idling]) {
    started?.child.stdin.end();
    await started?.closed;
  }
}
