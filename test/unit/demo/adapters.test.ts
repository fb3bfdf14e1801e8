// The debug adapters of the distribution, driven for real: what the extension relies on is what they say.
import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DebugAdapterClient, type AdapterCommand } from '../../fixtures/debug-adapter-client';
import { findDebugpy, findLldb } from '../../editor/adapters/find-adapters.js';
import { buildEcho, demoFolder } from './demo-programs';

const noAdapter = (): undefined => undefined;
const debugpy: AdapterCommand | undefined = await findDebugpy().catch(noAdapter);
const lldb: AdapterCommand | undefined = await findLldb().catch(noAdapter);

let client: DebugAdapterClient | undefined;
afterEach(async () => {
  await client?.stop();
  client = undefined;
});

function installed(adapter: AdapterCommand | undefined): AdapterCommand {
  if (adapter === undefined) throw new Error('The adapter is not installed.');
  return adapter;
}

function executableOf(pid: unknown): string {
  return readlinkSync(`/proc/${String(pid)}/exe`);
}

describe.skipIf(debugpy === undefined)('debugpy (skipped where python3-debugpy is not installed)', () => {
  test('tells the process id of the program and of its subprocess', async () => {
    const program = path.join(demoFolder, 'python/courier.py');
    client = await DebugAdapterClient.start(installed(debugpy), {
      type: 'debugpy',
      request: 'launch',
      name: 'Python: courier',
      program,
      console: 'internalConsole',
    });
    const childStarted = client.next('child');
    const main = await client.next('process');
    expect(main).toMatchObject({ isLocalProcess: true, startMethod: 'launch', name: program });
    expect(executableOf(main['systemProcessId'])).toMatch(/python3/);

    const { child } = (await childStarted) as { child: DebugAdapterClient };
    const depot = await child.next('process');
    expect(depot).toMatchObject({ startMethod: 'attach', name: path.join(demoFolder, 'python/depot.py') });
    expect(depot['systemProcessId']).not.toBe(main['systemProcessId']);
  }, 30_000);
});

describe.skipIf(lldb === undefined)('LLDB (skipped where lldb is not installed)', () => {
  test('tells the process id of a compiled program', async () => {
    const program = await buildEcho();
    client = await DebugAdapterClient.start(installed(lldb), {
      type: 'lldb-dap',
      request: 'launch',
      name: 'C: echo',
      program,
      cwd: demoFolder,
    });
    const started = await client.next('process');
    expect(started).toMatchObject({ startMethod: 'launch' });
    expect(executableOf(started['systemProcessId'])).toBe(program);
  }, 30_000);
});
