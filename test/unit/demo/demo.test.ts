// The demo is the first thing that a newcomer runs: each program starts with nothing installed, has child
// processes, and leaves none behind however it is stopped.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildEcho, demoFolder, DemoProgram } from './demo-programs';

let echo = '';
beforeAll(async () => {
  echo = await buildEcho();
}, 30_000);

let running: DemoProgram | undefined;
afterEach(() => {
  running?.child.kill('SIGKILL');
  running = undefined;
});

const programs = [
  {
    name: 'JavaScript: shop',
    start: () => new DemoProgram(process.execPath, ['javascript/shop.mjs']),
    working: /open on http:\/\/127\.0\.0\.1:\d+/,
    children: 3,
  },
  {
    name: 'Python: courier',
    start: () => new DemoProgram('python3', ['python/courier.py']),
    working: /the depot is at (::1|127\.0\.0\.1) port \d+/,
    children: 1,
  },
  {
    name: 'C: echo',
    start: () => new DemoProgram(echo, []),
    working: /TCP on port \d+, UDP on port \d+/,
    children: 4,
  },
];

describe.each(programs)('$name', ({ start, working, children }) => {
  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'ends with all of its children on %s',
    async (signal) => {
      running = start();
      await running.printed(working);
      await expect.poll(() => running?.descendants().length).toBeGreaterThanOrEqual(children);
      const descendants = running.descendants();
      const { status, errors } = await running.stop(signal);
      if (signal !== 'SIGKILL') expect(status).toBe(0);
      expect(errors).toBe('');
      await expect.poll(() => descendants.filter(isRunning), { timeout: 10_000 }).toEqual([]);
    },
    30_000,
  );
});

/** Not a zombie: its parent is gone, and whoever inherits it may reap it late. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a shop without customers is found by customers of another session', async () => {
  running = new DemoProgram(process.execPath, ['javascript/shop.mjs', '--customers-elsewhere']);
  await running.printed(/open on/);
  const customers = new DemoProgram(process.execPath, ['javascript/customers.mjs']);
  await customers.printed(/customers: on the way to port \d+/);
  expect((await customers.stop('SIGTERM')).errors).toBe('');
  await running.stop('SIGTERM');
  expect(existsSync(path.join(demoFolder, '.run/shop.json'))).toBe(false);
}, 30_000);

interface LaunchFile {
  configurations: { name: string; type: string; program: string; preLaunchTask?: string }[];
  compounds: { configurations: string[] }[];
}

describe('launch.json', () => {
  const launch = JSON.parse(readFileSync(path.join(demoFolder, '.vscode/launch.json'), 'utf8')) as LaunchFile;

  test('names programs that exist, or that a task builds', () => {
    for (const { program, preLaunchTask } of launch.configurations) {
      const file = program.replace('${workspaceFolder}', demoFolder);
      expect(preLaunchTask !== undefined || existsSync(file), program).toBe(true);
    }
  });

  test('groups configurations that exist', () => {
    const names = launch.configurations.map(({ name }) => name);
    for (const { configurations } of launch.compounds)
      expect(names).toEqual(expect.arrayContaining(configurations));
  });

  test('uses debug types that the editor or the test adapters have', () => {
    const adapters = JSON.parse(
      readFileSync(path.join(demoFolder, '../test/editor/adapters/package.json'), 'utf8'),
    ) as { contributes: { debuggers: { type: string }[] } };
    const types = ['node', ...adapters.contributes.debuggers.map(({ type }) => type)];
    for (const { type } of launch.configurations) expect(types).toContain(type);
  });
});
