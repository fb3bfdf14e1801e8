// A process with the addon in it, told what to do by lines of JSON on its standard input: `{method, args}`. Answers,
// in order, and events are lines on its standard output. For tests that need a process of its own: in another
// network namespace, killed, or without its rights.
import { createInterface } from 'node:readline';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { promisify } from 'node:util';

const loaded = { exports: {} };
process.dlopen(loaded, process.argv[2]);
const addon = loaded.exports;
let kernel;
let forbiddenCalls;

const methods = {
  ...addon,
  open(options) {
    kernel = addon.open(options);
    return { attachment: kernel.attachment, processEvents: kernel.processEvents };
  },
  listen() {
    kernel.listen(
      (events) => say({ events }),
      (samples) => say({ samples: samples.map(asText) }),
    );
  },
  flows() {
    const columns = 20;
    const rows = new Float64Array(1024 * columns);
    const count = kernel.readFlows(rows);
    return Array.from({ length: count }, (_, row) => [...rows.subarray(row * columns, (row + 1) * columns)]);
  },
  collect: () => kernel.collectSamples().map(asText),
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
  /** Loads a module that makes forbidden system calls. */
  loadForbiddenCalls(path) {
    const module = { exports: {} };
    process.dlopen(module, path);
    forbiddenCalls = module.exports;
  },
  tryForbiddenCalls: () => forbiddenCalls.tryAll(),
  /** Each answers with the name of the errno it met, or with `done`. */
  tryTo: (attempt, ...args) => {
    try {
      attempts[attempt](...args);
      return 'done';
    } catch (error) {
      return error.code ?? error.message;
    }
  },
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

/** O_PATH, which Node has no name for. */
const oPath = 0o10000000;
const temporary = `/tmp/procnetmon-confined-${process.pid}`;

/** What a helper that an attacker has taken over would try. */
const attempts = {
  'run a program': () => {
    const { error } = spawnSync('/bin/true');
    if (error) throw error;
  },
  'make a file': () => writeFileSync(temporary, ''),
  'write to a file': () => closeSync(openSync(process.argv[1], 'r+')),
  'truncate a file': () => truncateSync(process.argv[1], 1),
  'remove a file': () => unlinkSync(process.argv[1]),
  'rename a file': () => renameSync(process.argv[1], temporary),
  'make a folder': () => mkdirSync(temporary),
  'change a mode': () => chmodSync(process.argv[1], 0o777),
  'link a file': () => linkSync(process.argv[1], temporary),
  'change the root': () => process.chdir('/'),
  'signal another process': () => process.kill(process.ppid, 'SIGCONT'),
  'become root': () => process.setuid(0),
  'load programs': (cgroup) => addon.open({ cgroup, attachment: 'auto' }).close(),
  'filter less': () => addon.confine(0),
  'read a file': () => readFileSync(process.argv[1]),
  'look at a file before it opens it': () => {
    const held = openSync('/etc/hosts', oPath | constants.O_NOFOLLOW);
    closeSync(openSync(`/proc/self/fd/${held}`, 'r'));
  },
  'ask whether a process lives': () => process.kill(process.ppid, 0),
  'signal itself': () => process.kill(process.pid, 'SIGCONT'),
};

const asText = (sample) => ({ ...sample, bytes: sample.bytes.toString('latin1') });

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const lines = createInterface({ input: process.stdin });
const turnOfLoop = promisify(setImmediate);
let turn = Promise.resolve();

async function answer(line) {
  const { method, args } = JSON.parse(line);
  try {
    if (method === 'confine') await turnOfLoop();
    const result = method in methods ? methods[method](...args) : kernel[method](...args);
    say({ result: result ?? null });
  } catch (error) {
    say({ error: { message: error.message, code: error.code, operation: error.operation } });
  }
}
// In order, also where one takes a while.
lines.on('line', (line) => (turn = turn.then(() => answer(line))));
lines.on('close', () => {
  turn = turn.then(() => {
    kernel?.close();
    addon.exitNow(0);
  });
});
