import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  ancestorsOf,
  identifyProcess,
  newestChildOf,
  parseStat,
} from '../../../src/extension/debuggee/process-table';

test('a name with blanks and parentheses does not shift the fields', () => {
  const rest = Array.from({ length: 50 }, (_, index) => String(index)).join(' ');
  expect(parseStat(`4711 (a) b (c) S 1 ${rest}`)).toEqual({ pid: 4711, ppid: 1, startTicks: 17 });
});

test.each([[''], ['4711'], ['4711 (a) S 1 2'], ['x (a) S y z']])('%j is not taken for a process', (stat) => {
  expect(parseStat(stat)).toBeUndefined();
});

test('knows this process, its parent and its newest child', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  try {
    const identity = await identifyProcess(process.pid);
    expect(identity?.ppid).toBe(process.ppid);
    expect((await identifyProcess(child.pid ?? 0))?.startTicks).toBeGreaterThanOrEqual(
      identity?.startTicks ?? 0,
    );
    expect(await ancestorsOf(child.pid ?? 0)).toEqual(expect.arrayContaining([process.pid, process.ppid]));
    expect((await newestChildOf(process.pid))?.pid).toBe(child.pid);
  } finally {
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  }
  expect(await identifyProcess(child.pid ?? 0)).toBeUndefined();
});
