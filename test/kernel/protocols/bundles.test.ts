// What is spoken is told by the first bytes of a connection, also where these come within a bundle: a first write of
// 64 kB, which the kernel hands on as one packet of many segments, with the content in pages outside of its buffer.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowSummary } from '../../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from '../support/helper';
import { type Host, HostPair, run } from '../support/namespaces';
import { inside, readReport } from '../support/scenario';

const program = fileURLToPath(new URL('../support/large-opening.mjs', import.meta.url));
const segmentBytes = 1_500;
/** The first one of a connection carries half of the first window at most, which is 64 kB. */
const largeBundleBytes = 20_000;
/** Whether what arrives is bundled depends on how the kernel gets round to it. */
const mostAttempts = 20;

const applications = [
  { application: 'http/1.1', question: 'POST', answer: 'HTTP' },
  { application: 'redis', question: '*3\r\n', answer: '$655' },
];

let pair: HostPair;
afterEach(() => pair.dispose());

const sysctl = (host: Host, ...settings: string[]): void => {
  run('ip', 'netns', 'exec', host.namespace, 'sysctl', '-qw', ...settings);
};

/** Counts in a host the packets larger than that which begin with these four bytes, by direction. */
function countBundles(host: Host, bytes: number, ...beginnings: string[]): void {
  const rules = beginnings.map((text) => {
    const word = `0x${Buffer.from(text).toString('hex')}`;
    // Behind the header of 20 bytes and the time stamps.
    return `tcp flags & syn == 0 @th,256,32 ${word} meta length > ${String(bytes)} counter`;
  });
  const chain = (name: string, hook: string): string =>
    `chain ${name} { type filter hook ${hook} priority 0; ${rules.join('; ')}; }`;
  const table = `table ip bundles {\n${chain('arriving', 'input')}\n${chain('leaving', 'output')}\n}`;
  run('ip', 'netns', 'exec', host.namespace, 'nft', table);
}

/** How many bundles a host has counted, by direction. */
function bundles(host: Host): { arriving: number; leaving: number } {
  const count = (chain: string): number => {
    const text = run('ip', 'netns', 'exec', host.namespace, 'nft', 'list', 'chain', 'ip', 'bundles', chain);
    return [...text.matchAll(/counter packets (\d+)/g)].reduce(
      (sum, [, packets]) => sum + Number(packets),
      0,
    );
  };
  return { arriving: count('arriving'), leaving: count('leaving') };
}

const node = (...args: string[]): [string, ...string[]] => [process.execPath, program, ...args];
const watched = (...command: string[]): [string, ...string[]] => [
  ...([helperPath, 'run', '--format', 'json', '--'] as const),
  ...command,
];

async function finish(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function start(host: Host, command: readonly [string, ...string[]]): ChildProcessWithoutNullStreams {
  const [first, ...args] = inside(host, ...command);
  return spawn(first, args);
}

/** The connection as the watched end of it was shown. */
async function talk(application: string, watchedEnd: 'client' | 'server'): Promise<FlowSummary> {
  const { near, far } = pair;
  const [clientHost, serverHost] = watchedEnd === 'client' ? [near, far] : [far, near];
  const serverCommand = node('server', application, serverHost.ipv4);
  const server = start(serverHost, watchedEnd === 'server' ? watched(...serverCommand) : serverCommand);
  let said = '';
  let lines = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  server.stdout.setEncoding('utf8').on('data', (text: string) => (lines += text));
  // With lines of JSON on its standard output, what a command prints goes to standard error.
  const port = (): string | undefined => /^(\d+)$/m.exec(watchedEnd === 'server' ? said : lines)?.[1];
  await expect.poll(port).toBeDefined();
  const clientCommand = node('client', application, serverHost.ipv4, port() ?? '');
  const [first, ...args] = inside(
    clientHost,
    ...(watchedEnd === 'client' ? watched(...clientCommand) : clientCommand),
  );
  const client = await runToEnd(first, args);
  expect(client.status, client.stderr).toBe(0);
  await finish(server);
  const report = readReport(watchedEnd === 'client' ? client.stdout : lines, said);
  const flows = report.summary.processes.flatMap((process) => process.flows);
  const flow = flows.find(({ remote }) => remote !== null);
  if (flow === undefined) throw new Error(`No connection was shown: ${JSON.stringify(flows)}`);
  return flow;
}

describe('a first write of 64 kB', () => {
  beforeEach(() => {
    pair = new HostPair('bundles');
    for (const host of [pair.near, pair.far]) {
      sysctl(host, 'net.ipv4.tcp_wmem=4096 1048576 4194304', 'net.ipv4.tcp_rmem=4096 1048576 4194304');
      const subnet = '10.77.0.0/24';
      run('ip', '-n', host.namespace, 'route', 'change', subnet, 'dev', host.interface, 'initcwnd', '64');
    }
  });

  it.each(applications)('tells $application at the client', async ({ application, question, answer }) => {
    countBundles(pair.near, largeBundleBytes, question, answer);
    expect(await talk(application, 'client')).toMatchObject({ application, certainty: 'certain' });
    expect(bundles(pair.near)).toEqual({ leaving: 1, arriving: 1 });
  });

  it.each(applications)('tells $application at the server', async ({ application, question, answer }) => {
    countBundles(pair.near, largeBundleBytes, question, answer);
    expect(await talk(application, 'server')).toMatchObject({ application, certainty: 'certain' });
    expect(bundles(pair.near)).toEqual({ leaving: 1, arriving: 1 });
  });
});

describe('segments that are put together as they arrive', () => {
  beforeEach(() => {
    pair = new HostPair('gathered', { wire: 'segmenting' });
  });

  it.each(applications)('tell $application at both ends', async ({ application, question, answer }) => {
    countBundles(pair.near, 2 * segmentBytes, question, answer);
    let seen = 0;
    for (let attempt = 0; seen < 2 && attempt < mostAttempts; attempt += 1) {
      for (const end of ['client', 'server'] as const)
        expect(await talk(application, end)).toMatchObject({ application, certainty: 'certain' });
      seen = bundles(pair.near).arriving;
    }
    expect(seen).toBeGreaterThanOrEqual(2);
  });
});
