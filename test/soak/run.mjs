// Whether a helper stays as it is while processes and connections come and go: `npm run soak -- [--minutes N]`, as root.
// Its memory, descriptors, BPF objects, entries of its maps and slots of its flow pool are read from outside, after a
// time in which it reaches its working state; the end is compared with the beginning. An hour at most.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inProject } from '../../scripts/lib/paths.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Math.min(60, Math.max(0.2, Number(values.minutes) || 10));
const namespace = `pnm-soak-${process.pid}`;
/** Growth of what is flat in itself is none; memory breathes with the engine's sweeping. */
const memory = 24 * 1024 * 1024;
const allowed = {
  residentBytes: memory,
  anonymousBytes: memory,
  fileBytes: memory,
  slots: 400,
  mapEntries: 400,
};
/** What is at rest for a minute gives its slot and entries back: before that they only become more. */
const isLongEnough = minutes >= 4;
const protocolVersion = Number(
  /protocolVersion = (\d+)/.exec(readFileSync(inProject('src/shared/protocol.ts'), 'utf8'))?.[1],
);

class Helper {
  samples = 0;
  #buffer = Buffer.alloc(0);
  #waiting = new Map();
  #nextId = 1;

  constructor() {
    const command = [
      'nsenter',
      `--net=/run/netns/${namespace}`,
      '--',
      inProject('dist/helper/procnetmon'),
      'serve',
    ];
    this.process = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exited = once(this.process, 'close');
    this.process.stdout.on('data', (bytes) => this.#take(bytes));
  }

  #take(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const match = /^Content-Length: (\d+)\r\n\r\n/.exec(this.#buffer.toString('latin1', 0, 64));
      const end = match ? match[0].length + Number(match[1]) : Infinity;
      if (this.#buffer.length < end) return;
      const message = JSON.parse(this.#buffer.toString('utf8', match[0].length, end));
      this.#buffer = this.#buffer.subarray(end);
      if (message.method === 'monitor/sample') this.samples += 1;
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    }
  }

  async ask(method, params) {
    const id = this.#nextId++;
    const content = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.process.stdin.write(`Content-Length: ${content.length}\r\n\r\n${content}`);
    const { result, error } = await Promise.race([
      answer,
      this.exited.then(() => Promise.reject(new Error('The helper has ended.'))),
    ]);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** Objects that it holds, by kind. */
  objects() {
    const folder = `/proc/${this.process.pid}`;
    const found = { prog: new Set(), map: new Set(), link: new Set() };
    for (const descriptor of readdirSync(`${folder}/fd`)) {
      let text;
      try {
        text = readFileSync(`${folder}/fdinfo/${descriptor}`, 'latin1');
      } catch {
        continue; // closed since
      }
      for (const [, kind, id] of text.matchAll(/^(prog|map|link)_id:\s*(\d+)$/gm))
        found[kind].add(Number(id));
    }
    return found;
  }

  resources() {
    const folder = `/proc/${this.process.pid}`;
    const objects = this.objects();
    const status = readFileSync(`${folder}/status`, 'utf8');
    const descriptors = readdirSync(`${folder}/fd`);
    const kilobytes = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1]) * 1_024;
    return {
      residentBytes: kilobytes('VmRSS'),
      // What it holds itself, and pages of its executable, which come in as they are first used.
      anonymousBytes: kilobytes('RssAnon'),
      fileBytes: kilobytes('RssFile') + kilobytes('RssShmem'),
      descriptors: descriptors.length,
      threads: Number(/^Threads:\s*(\d+)/m.exec(status)?.[1]),
      programs: objects.prog.size,
      maps: objects.map.size,
      links: objects.link.size,
      ...mapEntries(objects.map),
    };
  }
}

/** Slots of the flow pool in use, and entries of the hashes that nothing but a deletion makes smaller. */
function mapEntries(ids) {
  let slots = 0;
  let entries = 0;
  for (const id of ids) {
    const { type, name } = JSON.parse(bpftool('map', 'show', 'id', String(id)));
    if (name === 'flows') {
      const dumped = JSON.parse(bpftool('map', 'dump', 'id', String(id)));
      slots = dumped.filter(({ value, formatted }) =>
        formatted === undefined
          ? value.slice(0, 8).some((byte) => byte !== '0x00')
          : Number(Object.values(formatted.value)[0]?.socket_cookie ?? formatted.value.cookie ?? 0) !== 0,
      ).length;
    } else if (type === 'hash') {
      // Those that push out what is oldest fill up to their bound, and stay there.
      entries += JSON.parse(bpftool('map', 'dump', 'id', String(id))).length;
    }
  }
  return { slots, mapEntries: entries };
}

function bpftool(...args) {
  return execFileSync('bpftool', ['-j', ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

execFileSync('ip', ['netns', 'add', namespace]);
const cleanUp = () => {
  try {
    execFileSync('ip', ['netns', 'del', namespace]);
  } catch {
    // Gone already.
  }
};
process.once('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);

const traffic = spawn(
  'nsenter',
  [`--net=/run/netns/${namespace}`, '--', process.execPath, inProject('test/soak/traffic.mjs')],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
await once(traffic.stdout, 'data');
const helper = new Helper();
await helper.ask('initialize', { initializationOptions: { protocolVersion } });
await helper.ask('monitor/start', { pid: traffic.pid, intervalMillis: 200 });

const readings = [];
const deadline = Date.now() + minutes * 60_000;
const pauseMillis = Math.max(500, (minutes * 60_000) / 120);
while (Date.now() < deadline) {
  await delay(pauseMillis);
  // Monitors come and go as well, and interfaces.
  const { monitor } = await helper.ask('monitor/start', { pid: process.pid });
  execFileSync('ip', ['-n', namespace, 'link', 'add', 'soak0', 'type', 'veth', 'peer', 'name', 'soak1']);
  await helper.ask('process/list', {});
  execFileSync('ip', ['-n', namespace, 'link', 'del', 'soak0']);
  await helper.ask('monitor/stop', { monitor });
  // The kernel's own tidying runs behind.
  await delay(100);
  readings.push({
    seconds: Math.round(minutes * 60 - (deadline - Date.now()) / 1_000),
    ...helper.resources(),
  });
}
helper.process.stdin.end();
const [status] = await helper.exited;
traffic.stdin.end();

// The first third is for getting into its stride.
const third = Math.floor(readings.length / 3);
const names = Object.keys(readings[0]).filter((name) => name !== 'seconds');
const failures = [];
const rows = names.map((name) => {
  const values = readings.map((reading) => reading[name]);
  const [before, after] = [median(values.slice(third, 2 * third)), median(values.slice(2 * third))];
  const isBounded = isLongEnough || (name !== 'slots' && name !== 'mapEntries');
  if (isBounded && after - before > (allowed[name] ?? 0))
    failures.push(`${name} has grown from ${before} to ${after}`);
  return { what: name, first: values[0], middle: before, end: after, most: Math.max(...values) };
});
console.table(rows);
if (status !== 0) failures.push(`the helper ended with ${status}`);
// A busy machine gets fewer: they are skipped as long as the one before was not read.
if (helper.samples < (minutes * 60_000) / 200 / 10) failures.push(`only ${helper.samples} samples came`);
console.log(`${minutes} minutes, ${readings.length} readings, ${helper.samples} samples`);
mkdirSync(inProject('build', 'logs'), { recursive: true });
writeFileSync(inProject('build', 'logs', 'soak.json'), JSON.stringify(readings));
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
