// A process with the addon in it, told what to do by lines of JSON on its standard input: `{method, args}`. Answers,
// in order, and events are lines on its standard output. For tests that need a process of its own: in another
// network namespace, killed, or without its rights.
import { createInterface } from 'node:readline';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

const loaded = { exports: {} };
process.dlopen(loaded, process.argv[2]);
const addon = loaded.exports;
let kernel;

const methods = {
  ...addon,
  open(options) {
    kernel = addon.open(options);
    return { attachment: kernel.attachment, processEvents: kernel.processEvents };
  },
  listen() {
    kernel.listen((events) => say({ events }));
  },
  flows() {
    const columns = 16;
    const rows = new Float64Array(1024 * columns);
    const count = kernel.readFlows(rows);
    return Array.from({ length: count }, (_, row) => [...rows.subarray(row * columns, (row + 1) * columns)]);
  },
  /** `bpf` objects that this process holds, as [kind, id]. */
  objects() {
    const found = [];
    for (const descriptor of readdirSync('/proc/self/fd')) {
      let text;
      try {
        text = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1');
      } catch {
        continue; // the descriptor of the listing itself
      }
      for (const [, kind, id] of text.matchAll(/^(prog|map|link)_id:\s*(\d+)$/gm))
        found.push([kind, Number(id)]);
    }
    return found;
  },
  readFile: (path) => readFileSync(path, 'latin1'),
  readLink: (path) => readlinkSync(path),
  list: (path) => readdirSync(path),
  setuid: (uid) => process.setuid(uid),
  residentBytes: () => process.memoryUsage.rss(),
  exit: () => process.exit(0),
  ids: () => ({
    pid: process.pid,
    uid: process.getuid(),
    gid: process.getgid(),
    groups: process.getgroups(),
  }),
};

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { method, args } = JSON.parse(line);
  try {
    const result = method in methods ? methods[method](...args) : kernel[method](...args);
    say({ result: result ?? null });
  } catch (error) {
    say({ error: { message: error.message, code: error.code, operation: error.operation } });
  }
});
lines.on('close', () => kernel?.close());
