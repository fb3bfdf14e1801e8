// Records what real debug adapters say, trimmed to what the extension looks at and without this machine's
// paths. How to run it stands in the README beside it.
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  DebugAdapterClient,
  type AdapterCommand,
  type LaunchConfiguration,
  type RecordedMessage,
} from '../../../fixtures/debug-adapter-client';
import { findDebugpy, findLldb } from '../../../editor/adapters/find-adapters.js';

const folder = path.resolve('test/unit/extension/recordings');
const demo = path.resolve('demo');
const build = mkdtempSync(path.join(tmpdir(), 'procnetmon-recording-'));
const run = promisify(execFile);

/** Messages that say nothing about the process, and would be most of the file. */
const uninteresting = new Set(['module', 'thread', 'capabilities']);

function isInteresting({ message }: RecordedMessage): boolean {
  if (message.type === 'event') {
    const { event, body } = message as unknown as { event: string; body?: { category?: string } };
    return !uninteresting.has(event) && body?.category !== 'telemetry' && body?.category !== 'stderr';
  }
  return true;
}

/** Capabilities are long and no clue. */
function withoutCapabilities(recorded: RecordedMessage): RecordedMessage {
  const message = recorded.message as { command?: string; body?: object };
  return message.command === 'initialize' && message.body !== undefined
    ? { ...recorded, message: { ...recorded.message, body: {} } as RecordedMessage['message'] }
    : recorded;
}

function withoutPaths(text: string): string {
  return text.replaceAll(demo, '/workspace').replaceAll(build, '/workspace/build');
}

async function record(
  file: string,
  adapter: AdapterCommand,
  version: string,
  configuration: LaunchConfiguration,
  until: (client: DebugAdapterClient) => Promise<unknown>,
): Promise<void> {
  const messages: RecordedMessage[] = [];
  const client = await DebugAdapterClient.start(adapter, configuration, messages);
  await until(client);
  await client.stop();
  const recording = {
    source: `recorded from ${version}`,
    debugType: configuration.type,
    configuration,
    messages: messages.filter(isInteresting).map(withoutCapabilities),
  };
  writeFileSync(path.join(folder, file), `${withoutPaths(JSON.stringify(recording, undefined, 2))}\n`);
}

async function recordPython(): Promise<void> {
  const debugpy = await findDebugpy();
  const debugpyVersion = (await run(debugpy.command, ['-m', 'debugpy', '--version'])).stdout.trim();
  await record(
    'debugpy-subprocess.json',
    debugpy,
    `debugpy ${debugpyVersion}`,
    {
      type: 'debugpy',
      request: 'launch',
      name: 'Python: courier',
      program: path.join(demo, 'python/courier.py'),
      console: 'internalConsole',
      env: { PYTHONWARNINGS: 'ignore', PYDEVD_DISABLE_FILE_VALIDATION: '1' },
    },
    async (client) => {
      const { child } = (await client.next('child')) as unknown as { child: DebugAdapterClient };
      await child.next('process');
    },
  );
}

async function recordC(): Promise<void> {
  await run('cc', ['-g', '-o', path.join(build, 'echo'), path.join(demo, 'c/echo.c')]);
  const lldb = await findLldb();
  const lldbVersion = `LLDB's ${path.basename(lldb.command)}`;

  await record(
    'lldb-launch.json',
    lldb,
    lldbVersion,
    {
      type: 'lldb-dap',
      request: 'launch',
      name: 'C: echo',
      program: path.join(build, 'echo'),
      cwd: demo,
    },
    async (client) => client.next('process'),
  );

  const running = execFile(path.join(build, 'echo'));
  await record(
    'lldb-attach.json',
    lldb,
    lldbVersion,
    { type: 'lldb-dap', request: 'attach', name: 'C: attach', pid: running.pid },
    async (client) => client.next('process'),
  );
  running.kill('SIGKILL');
}

void recordPython().then(recordC);
