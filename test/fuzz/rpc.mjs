// Talks nonsense to the real helper, as root, on behalf of nobody: `npm run fuzz:rpc -- [--minutes N] [--seed N]`.
// The nonsense has structure: proper conversations in which one thing or another is wrong, from the bytes of a frame to
// the meaning of a field. After each round the helper must still answer, hold no more than before, and have the rights
// it had. The seed that is printed repeats a run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { inProject } from '../../scripts/lib/paths.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const firstSeed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);

const protocolVersion = Number(
  /protocolVersion = (\d+)/.exec(readFileSync(inProject('src/shared/protocol.ts'), 'utf8'))?.[1],
);
const helper = inProject('dist', 'helper', 'procnetmon');
const nobody = { SUDO_UID: '65534', SUDO_GID: '65534', SUDO_USER: 'nobody' };
const messagesPerRound = 150;
const roundsPerHelper = 400;
/** What the engine is allowed (`--max-old-space-size` in scripts/make/helper.mjs): it sweeps up no sooner than it has to. */
const maximumGrowthBytes = 256 * 1024 * 1024;
const answerMillis = 20_000;

// ── What is said ────────────────────────────────────────────────────────────────────────────────────────────────────

const known = [
  ...['initialize', 'initialized', 'monitor/start', 'monitor/update', 'monitor/stop'],
  ...['process/list', 'interface/list', 'doctor', '$/cancelRequest', '$/setTrace'],
];
const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...known) },
  fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', '', 'monitor', 'monitor/'),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const strangeNumber = fc.constantFrom(
  0,
  -0,
  -1,
  1,
  0.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  4_194_304,
  4_194_305,
);
const text = fc.oneof(
  fc.constantFrom('lo', 'm1', 'm2', '', '../../etc/passwd', '\u0000', '\u001b[2J', '%s%n', '__proto__'),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer({ min: 1, max: 200_000 }).map((length) => 'x'.repeat(length)),
);
const deep = fc
  .tuple(fc.integer({ min: 1, max: 20_000 }), fc.boolean())
  .map(
    ([depth, array]) =>
      new Raw(
        array ? '['.repeat(depth) + ']'.repeat(depth) : '{"a":'.repeat(depth) + '1' + '}'.repeat(depth),
      ),
  );
const anything = fc.oneof(
  strangeNumber,
  text,
  fc.constantFrom(null, true, false),
  fc.jsonValue({ maxDepth: 4 }),
  { weight: 1, arbitrary: deep },
);
/** Text that stands in the message as it is. */
class Raw {
  constructor(json) {
    this.json = json;
  }
}

const field = (usual) => fc.oneof({ weight: 5, arbitrary: usual }, anything);
/** Most fields as they should be, some missing, some unknown ones. */
const params = (pids) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record(
        {
          pid: field(fc.constantFrom(...pids)),
          startTicks: field(fc.nat()),
          monitor: field(fc.integer({ min: 1, max: 40 }).map((number) => `m${number}`)),
          children: field(fc.boolean()),
          interfaces: field(fc.array(fc.constantFrom('lo', 'eth0', 'no'), { maxLength: 80 })),
          intervalMillis: field(fc.integer({ min: 90, max: 60_100 })),
          windowMillis: field(fc.integer({ min: 90, max: 600_100 })),
          initializationOptions: field(fc.record({ protocolVersion: field(fc.constant(protocolVersion)) })),
          __proto__x: anything,
        },
        { requiredKeys: [] },
      ),
    },
    { weight: 2, arbitrary: fc.record({ pid: fc.constantFrom(...pids) }) },
    { weight: 2, arbitrary: fc.constant(undefined) },
    anything,
  );
const id = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 1e6 }) },
  { weight: 2, arbitrary: fc.constant(undefined) },
  anything,
);
const message = (pids) =>
  fc.record({
    jsonrpc: fc.oneof({ weight: 20, arbitrary: fc.constant('2.0') }, anything),
    id,
    method: fc.oneof({ weight: 20, arbitrary: method }, anything),
    params: params(pids),
  });
const content = (pids) =>
  fc.oneof(
    { weight: 30, arbitrary: message(pids).map(encode) },
    { weight: 2, arbitrary: anything.map(encode) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(message(pids).map(encode), fc.nat())
        .map(([json, at]) => json.slice(0, at % (json.length + 1))),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
    {
      weight: 1,
      arbitrary: fc.array(message(pids).map(encode), { maxLength: 5 }).map((all) => `[${all.join()}]`),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  );

function encode(value) {
  if (value instanceof Raw) return value.json;
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return `[${value.map((each) => encode(each) ?? 'null').join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .map(([name, each]) => [name === '__proto__x' ? '__proto__' : name, encode(each)])
    .filter(([, json]) => json !== undefined);
  return `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
}

const header = fc.oneof(
  { weight: 40, arbitrary: fc.constant((length) => `Content-Length: ${length}\r\n\r\n`) },
  fc.constant(
    (length) => `content-length:${length}\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n`,
  ),
);
/** Beginnings of frames after which nothing can be understood. */
const brokenFrame = fc.oneof(
  fc.constantFrom(
    'Content-Length: -1\r\n\r\n',
    'Content-Length: 9999999999\r\n\r\n',
    'Content-Length: 1e3\r\n\r\n',
  ),
  fc.constantFrom('Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', '\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n'),
  fc.string({ unit: 'binary', minLength: 5_000, maxLength: 6_000 }),
);

// ── To whom ─────────────────────────────────────────────────────────────────────────────────────────────────────────

class Helper {
  answers = 0;
  stderr = '';
  #buffer = Buffer.alloc(0);
  #waiting = new Map();

  constructor() {
    this.process = spawn(helper, ['serve'], { env: { ...process.env, ...nobody } });
    this.exited = once(this.process, 'close');
    this.process.stdin.on('error', () => undefined);
    this.process.stdout.on('data', (bytes) => this.#take(bytes));
    this.process.stderr
      .setEncoding('utf8')
      .on('data', (said) => (this.stderr = (this.stderr + said).slice(-20_000)));
  }

  #take(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const match = /^Content-Length: (\d+)\r\n\r\n/.exec(this.#buffer.toString('latin1', 0, 64));
      const end = match ? match[0].length + Number(match[1]) : Infinity;
      if (this.#buffer.length < end) return;
      const said = JSON.parse(this.#buffer.toString('utf8', match[0].length, end));
      this.#buffer = this.#buffer.subarray(end);
      if (!('id' in said)) continue;
      this.answers += 1;
      const started = said.result?.process;
      if (started !== undefined && started.uid !== 65_534)
        fail(`Process ${started.pid} of another user is watched.`);
      this.#waiting.get(said.id)?.(said);
    }
  }

  write(bytes) {
    this.process.stdin.write(bytes);
  }

  frame(bytes, head = (length) => `Content-Length: ${length}\r\n\r\n`) {
    this.write(head(bytes.length));
    this.write(bytes);
  }

  /** Asks until it is let through the rate limit. */
  async ask(method, parameters) {
    for (let attempt = 0; ; attempt += 1) {
      const name = `probe-${Math.random()}`;
      const answer = new Promise((resolve, reject) => {
        this.#waiting.set(name, resolve);
        const late = () => reject(new Error(`No answer to ${method} in ${answerMillis} ms.`));
        setTimeout(late, answerMillis).unref();
        this.exited.then(() => reject(new Error('The helper has ended.')));
      });
      this.frame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: name, method, params: parameters })));
      const said = await answer;
      this.#waiting.delete(name);
      if (said.error?.code !== -33_006 || attempt > 1_000) return said;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  resources() {
    const folder = `/proc/${this.process.pid}`;
    const status = readFileSync(`${folder}/status`, 'utf8');
    const value = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
    return {
      residentBytes: Number.parseInt(value('VmRSS'), 10) * 1_024,
      descriptors: readdirSync(`${folder}/fd`).length,
      rights: ['Uid', 'Gid', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp']
        .map(value)
        .join(' '),
      children: readFileSync(`${folder}/task/${this.process.pid}/children`, 'utf8').trim(),
    };
  }
}

let seed = firstSeed;
let current;

function fail(what) {
  console.error(`\nFAILED at seed ${seed}: ${what}\n${current?.stderr ?? ''}`);
  process.exit(1);
}

function sample(arbitrary, count) {
  seed += 1;
  return fc.sample(arbitrary, { numRuns: count, seed });
}

const own = spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sleep', '100000']);
process.once('exit', () => own.kill('SIGKILL'));
const pids = [own.pid, own.pid, process.pid, 1, 2, 4_194_303];
const deadline = Date.now() + minutes * 60_000;
const figures = { helpers: 0, messages: 0, answers: 0, broken: 0, largestGrowthBytes: 0 };
console.log(`seed ${firstSeed}, ${minutes} minutes`);

async function begin() {
  const started = new Helper();
  current = started;
  figures.helpers += 1;
  await started.ask('initialize', { initializationOptions: { protocolVersion } });
  return started;
}

while (Date.now() < deadline) {
  const victim = await begin();
  // What is loaded with the first requests is no leak.
  for (const asked of ['process/list', 'doctor', 'interface/list']) await victim.ask(asked);
  const before = victim.resources();
  for (let round = 0; round < roundsPerHelper && Date.now() < deadline; round += 1) {
    const frames = sample(fc.tuple(content(pids), header), messagesPerRound);
    for (const [said, head] of frames) victim.frame(Buffer.from(said ?? ''), head);
    figures.messages += frames.length;
    const answer = await victim.ask('interface/list').catch((error) => fail(error.message));
    if (answer.result === undefined) fail(`It does not answer properly any more: ${JSON.stringify(answer)}`);
    const now = victim.resources();
    if (now.rights !== before.rights) fail(`Its rights were ${before.rights}, and are ${now.rights}.`);
    if (now.children !== '') fail(`It has started processes: ${now.children}`);
    if (now.descriptors > before.descriptors)
      fail(`Descriptors: ${before.descriptors}, then ${now.descriptors}.`);
    const growth = now.residentBytes - before.residentBytes;
    figures.largestGrowthBytes = Math.max(figures.largestGrowthBytes, growth);
    if (growth > maximumGrowthBytes) fail(`It has grown by ${growth} bytes.`);
    if (/\n\s+at .*\(|Unexpected failure/.test(victim.stderr)) fail('It has met an unexpected failure.');
  }
  figures.answers += victim.answers;
  if (victim.answers === 0) fail('Nothing was answered.');
  // The last words are such that no conversation is possible any more: it must leave by itself.
  const [broken] = sample(brokenFrame, 1);
  victim.write(broken);
  figures.broken += 1;
  const late = setTimeout(() => fail('It does not leave after a broken frame.'), answerMillis);
  victim.process.stdin.end();
  const [status, signal] = await victim.exited;
  clearTimeout(late);
  if (signal !== null || ![0, 1].includes(status)) fail(`It ended with ${signal ?? status}.`);
  process.stdout.write(`\r${JSON.stringify(figures)} `);
}
own.kill('SIGKILL');
console.log(`\nNo failure: ${JSON.stringify(figures)}`);
process.exit(0);
