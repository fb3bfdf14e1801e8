// What the helper shows of real clients that speak to real servers. The run writes docs/protocols.md, and nothing that
// was secret on a connection may stand anywhere in what the helper has written.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  outputLine,
  type FactLine,
  type FlowSummary,
  type SummaryLine,
} from '../../../helper/src/cli/json-lines';
import { sourceOfName } from '../../../src/shared/flow-label';
import { NotToBeHad } from '../../debian/unpacked-packages.mjs';
import { helperPath } from '../support/helper';
import { HostPair, run } from '../support/namespaces';
import { conversations, farAddress, secret } from './conversations';
import { EditorSession } from './editor-session';
import { ports, zone } from './ports';
import { protocolsPage } from './protocols-page';
import { realPrograms, type RealPrograms } from './real-programs.mjs';
import { ServerHost } from './server-host';
import { startServers } from './servers';

let pair: HostPair | undefined;
let folder: string | undefined;
let programs: RealPrograms;
let serverHost: ServerHost | undefined;
let unavailable: string | undefined;
/** As an editor has one: of everything that this process starts, clients and servers. */
let session: EditorSession | undefined;
/** Everything that the helper wrote, whatever the form. */
const written: string[] = [];
/** Rows of the table in docs/protocols.md. */
const rows = new Map<string, string>();

beforeAll(async () => {
  try {
    programs = await realPrograms();
  } catch (error) {
    if (!(error instanceof NotToBeHad)) throw error;
    unavailable = error.message;
    return;
  }
  folder = mkdtempSync(join(tmpdir(), 'procnetmon-peers-'));
  pair = new HostPair('peers');
  for (const { namespace, interface: device } of [pair.near, pair.far]) {
    run('ip', '-n', namespace, 'route', 'add', '224.0.0.0/4', 'dev', device);
  }
  const { namespace, ipv4 } = pair.far;
  serverHost = new ServerHost({ programs, folder, namespace, address: ipv4, password: secret });
  await startServers(serverHost);
  session = await EditorSession.open(pair.near.namespace);
}, 300_000);

afterAll(async () => {
  await session?.close();
  await serverHost?.stop();
  pair?.dispose();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Seen {
  /** What the client and the helper told people. */
  said: string;
  flows: FlowSummary[];
  facts: FactLine[];
}

/** Runs a client on the near host, watched by the helper, and returns what was told of it. */
function watch(client: string[], options: string[] = [], input = ''): Seen {
  if (folder === undefined || pair === undefined) throw new Error('The servers are not there.');
  const output = join(folder, 'output.jsonl');
  const withNames = `mount --bind ${folder}/resolv.conf /etc/resolv.conf && exec "$@"`;
  const [command = '', ...args] = client;
  const line = [
    ...[`--net=/run/netns/${pair.near.namespace}`, 'unshare', '--mount', 'sh', '-c', withNames, 'sh'],
    ...[helperPath, 'run', '--format', 'json', '-o', output, ...options, '--'],
    ...[command.includes('/') ? command : programs.find(command), ...args],
  ];
  const { stdout, stderr, status } = spawnSync('nsenter', line, {
    encoding: 'utf8',
    timeout: 30_000,
    input,
    env: { ...programs.environment, HOME: folder, PGPASSWORD: secret, REDISCLI_AUTH: secret },
  });
  const text = readFileSync(output, 'utf8');
  written.push(text, stderr);
  const lines = text
    .trim()
    .split('\n')
    .map((json) => outputLine.parse(JSON.parse(json)));
  const summary = lines.findLast((entry): entry is SummaryLine => entry.type === 'summary');
  expect(summary, `${client.join(' ')} ended with ${String(status)}: ${stderr}`).toBeDefined();
  return {
    said: stdout + stderr,
    flows: (summary?.processes ?? []).flatMap(({ flows }) => flows),
    facts: lines.filter((entry): entry is FactLine => entry.type === 'fact'),
  };
}

/** The secret as it is, and as Basic, SASL and their like write it: in Base64, whatever stands before it; and in hex. */
const spellings = [
  secret,
  Buffer.from(secret).toString('hex'),
  ...['', 'x', 'xx'].map((before) => {
    const text = Buffer.from(before + secret).toString('base64');
    // Without what is mixed with the bytes before and behind.
    return text.slice(before === '' ? 0 : 4, -4);
  }),
];

/** What is known of the host, for the table. */
function describeHost({ host, hostSource }: FlowSummary): string {
  if (host === null || hostSource === null) return '–';
  return `\`${host}\`, ${sourceOfName({ host: { name: host, source: hostSource } }) ?? ''}`;
}

/** Facts by what they are about: the later one about a request replaces the earlier. */
function latestOf(facts: readonly FactLine[]): FactLine[] {
  const key = (fact: FactLine): string =>
    'id' in fact ? `${String(fact.flow)} ${fact.kind} ${String(fact.id)}` : JSON.stringify(fact);
  return [...new Map(facts.map((fact) => [key(fact), fact])).values()];
}

describe('a real conversation', () => {
  it.for(conversations)('$client with $server', (each, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const { flows, facts, said } = watch(each.command, [], each.input);
    const peer = each.remote ?? (each.port === undefined ? undefined : `${farAddress}:${String(each.port)}`);
    const met = flows.filter(({ remote }) =>
      peer === undefined ? remote?.startsWith('127.0.0.1:') : remote === peer,
    );
    const flow = met.find(({ application }) => application !== null) ?? met[0];
    expect(flow, `${JSON.stringify(flows)}\n${said}`).toMatchObject({
      application: each.application,
      applicationLabel: each.label,
      certainty: each.certainty ?? 'certain',
      host: each.host?.name ?? null,
      hostSource: each.host?.source ?? null,
    });
    for (const fact of each.facts ?? []) {
      expect(latestOf(facts)).toEqual(expect.arrayContaining([expect.objectContaining(fact)]));
    }
    if (flow === undefined) return;
    const cells = [
      ...[each.server, each.client, `\`${each.application}\``, each.label, flow.certainty ?? ''],
      ...[describeHost(flow), each.says],
    ];
    rows.set(`${each.server} ${each.client}`, `| ${cells.join(' | ')} |`);
  });
});

/** Of the far host, with counters that begin anew: the first segment with content is lost, each way. */
const lossy = `
table inet loss
delete table inet loss
table inet loss {
  chain arriving { type filter hook input priority 0; iifname wire0 tcp flags & psh == psh numgen inc mod 1000 < 1 drop; }
  chain leaving { type filter hook output priority 0; oifname wire0 tcp flags & psh == psh numgen inc mod 1000 < 1 drop; }
}
`;

const inFar = (...command: string[]): void => {
  if (pair !== undefined) run('ip', 'netns', 'exec', pair.far.namespace, ...command);
};

const wires = [
  {
    wire: 'that loses the first segment each way',
    lay: () => inFar('sh', '-c', `printf '%s' "$0" | nft -f -`, lossy),
    takeAway: () => inFar('nft', 'delete', 'table', 'inet', 'loss'),
    retransmits: true,
  },
  {
    wire: 'that carries no bundles, and little at a time',
    lay: () => {
      pair?.setOffloads('off');
      setMtu(576);
    },
    takeAway: () => {
      setMtu(1500);
      pair?.setOffloads('on');
    },
    retransmits: false,
  },
];

function setMtu(bytes: number): void {
  for (const { namespace, interface: device } of pair === undefined ? [] : [pair.near, pair.far]) {
    run('ip', '-n', namespace, 'link', 'set', device, 'mtu', String(bytes));
  }
}

describe.for(wires)('on a wire $wire', ({ lay, takeAway, retransmits }) => {
  beforeEach(lay);
  afterEach(takeAway);

  const apart = ['http/1.1', 'h2', 'postgresql', 'grpc', 'mysql', 'redis'];
  const tried = conversations.filter(
    ({ application, client }) => apart.includes(application) && !client.includes('trust'),
  );

  it.for(tried)('$client with $server', (each, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const { flows, said } = watch(each.command, [], each.input);
    const flow = flows.find(({ remote }) => remote === `${farAddress}:${String(each.port)}`);
    expect(flow, said).toMatchObject({
      application: each.application,
      applicationLabel: each.label,
      host: each.host?.name ?? null,
    });
    if (retransmits) expect(flow?.retransmits).toBeGreaterThan(0);
  });
});

describe('the name of an address that nothing else names', () => {
  const questions = (): string[] =>
    readFileSync(serverHost?.questions ?? '', 'utf8')
      .split('\n')
      .filter((line) => line.includes('query[PTR]'));
  const visit = `curl -s -o /dev/null http://${farAddress}:${String(ports.http)}/`;
  const peer = `${farAddress}:${String(ports.http)}`;

  it('is not asked for', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const before = questions();
    const { flows } = watch(['sh', '-c', visit]);
    expect(flows.find(({ remote }) => remote === peer)).toMatchObject({ host: null, hostSource: null });
    expect(questions()).toEqual(before);
  });

  it('is asked for where the user wants that, and shown', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const before = questions().length;
    // The program waits until the name server was asked.
    const wait = 'until [ "$(grep -c query.PTR "$1")" -gt "$2" ]; do sleep 0.1; done';
    const script = `${visit}; timeout 20 sh -c '${wait}' wait "$1" "$2"`;
    const command = ['sh', '-c', script, 'visit', serverHost?.questions ?? '', String(before)];
    const { flows, said } = watch(command, ['--reverse-lookup']);
    expect(
      flows.find(({ remote }) => remote === peer),
      said,
    ).toMatchObject({
      host: `db.${zone}`,
      hostSource: 'reverse-lookup',
    });
    expect(questions().slice(before)).toEqual([expect.stringContaining('2.0.77.10.in-addr.arpa')]);
  });
});

describe('what was said', () => {
  it('is not looked at with --no-inspect', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const [http] = conversations;
    const { flows, facts } = watch(http?.command ?? [], ['--no-inspect']);
    expect(flows.filter(({ remote }) => remote === `${farAddress}:${String(ports.http)}`)).toHaveLength(1);
    for (const { application, host, requests } of flows) {
      expect({ application, host, requests }).toEqual({ application: null, host: null, requests: [] });
    }
    expect(facts).toEqual([]);
  });

  it('can be filtered by host and by protocol', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const [http] = conversations;
    const only = (...options: string[]): (string | null)[] =>
      watch(http?.command ?? [], options).flows.map(({ remote }) => remote);
    expect(only('--protocol', 'http/1.1')).toEqual([`${farAddress}:${String(ports.http)}`]);
    expect(new Set(only('--protocol', 'dns'))).toEqual(new Set([`${farAddress}:53`]));
    expect(only('--host', `*.${zone}`)).toEqual([`${farAddress}:${String(ports.http)}`]);
    expect(only('--host', 'elsewhere.example')).toEqual([]);
  });

  it.for(['table', 'json'])('is told without secrets as %s', (form, { skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    const path = `${farAddress}:${String(ports.http)}/pay;${secret}?card=${secret}#${secret}`;
    const basic = ['curl', '-s', '-o', '/dev/null', `http://shop:${secret}@${path}`];
    const line = [
      `--net=/run/netns/${pair?.near.namespace ?? ''}`,
      helperPath,
      'run',
      '--format',
      form,
      '--',
    ];
    const { stdout, stderr, status } = spawnSync(
      'nsenter',
      [...line, programs.find('curl'), ...basic.slice(1)],
      {
        encoding: 'utf8',
        timeout: 30_000,
        env: programs.environment,
      },
    );
    written.push(stdout + stderr);
    expect(stdout + stderr).toMatch(/http\/1\.1/i);
    expect(status).toBe(0);
  });

  it('holds no secret, in whatever form it is written', ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(written.length).toBeGreaterThan(2 * conversations.length);
    // Command lines are those of the process list, which everybody on the machine can read.
    const told = written.map((text) => text.replaceAll(/"command":"(?:[^"\\]|\\.)*"/g, ''));
    const found = told.flatMap((text) => spellings.filter((spelling) => text.includes(spelling)));
    expect(found).toEqual([]);
  });

  it('leaves no secret in what an editor saves, exports, logs and tells a language model', async ({
    skip,
  }) => {
    if (unavailable !== undefined) skip(unavailable);
    if (session === undefined) throw new Error('There is no session.');
    await session.upToDate();
    const spoken = new Set([...session.figures.flows.values()].map(({ application }) => application));
    // All of those were overheard from which something could have got through.
    expect(
      [...new Set(conversations.map(({ application }) => application))].filter((id) => !spoken.has(id)),
    ).toEqual([]);
    const texts = session.texts();
    expect(texts['saved session']).toContain('"requests":[{');
    expect(texts['CSV']).toContain('PostgreSQL');
    expect(texts['HAR']).toContain('/buy');
    expect(texts['answers to a language model']).toContain('Redis');
    const found = Object.entries(texts).flatMap(([form, text]) =>
      spellings.filter((spelling) => text.includes(spelling)).map((spelling) => [form, spelling]),
    );
    expect(found).toEqual([]);
  });

  it('is in docs/protocols.md (vitest --update writes it)', async ({ skip }) => {
    if (unavailable !== undefined) skip(unavailable);
    expect(rows.size).toBe(conversations.length);
    const text = await format(protocolsPage([...rows.values()]), {
      parser: 'markdown',
      printWidth: 120,
      proseWrap: 'preserve',
    });
    await expect(text).toMatchFileSnapshot('../../../docs/protocols.md');
  });
});
