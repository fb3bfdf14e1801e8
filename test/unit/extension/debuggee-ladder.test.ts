// Messages as the adapters send them, and the process each of them names.
import { describe, expect, test } from 'vitest';
import {
  canEvaluatePid,
  clueFromAdapter,
  clueFromConfiguration,
  clueFromEditor,
  isRemoteDebuggee,
  isStartComplete,
  pidFromEvaluation,
  pidFromSessionName,
  Rung,
  toPid,
} from '../../../src/extension/debuggee/debuggee-ladder';

function processEvent(body: Record<string, unknown>): unknown {
  return { seq: 7, type: 'event', event: 'process', body };
}

describe('the process event', () => {
  test.each([
    [
      'debugpy',
      {
        name: '/w/courier.py',
        startMethod: 'launch',
        isLocalProcess: true,
        systemProcessId: 4711,
        pointerSize: 64,
      },
    ],
    ['cppdbg', { name: '/w/echo', startMethod: 'launch', isLocalProcess: true, systemProcessId: 4711 }],
    ['lldb-dap', { isLocalProcess: true, name: '/w/echo', startMethod: 'launch', systemProcessId: 4711 }],
    ['lldb-vscode', { isLocalProcess: true, name: '/w/echo', startMethod: 'attach', systemProcessId: 4711 }],
    ['go', { name: '/w/__debug_bin', isLocalProcess: true, startMethod: 'launch', systemProcessId: 4711 }],
    ['coreclr', { name: '/w/app.dll', systemProcessId: 4711, isLocalProcess: true, startMethod: 'launch' }],
  ])('of %s', (debugType, body) => {
    expect(clueFromAdapter(debugType, processEvent(body))).toEqual({
      rung: Rung.Process,
      pid: 4711,
      isShell: false,
    });
  });

  test.each([
    ['on another machine', { systemProcessId: 4711, isLocalProcess: false }],
    ['without an id', { name: 'app' }],
    ['with id 0', { systemProcessId: 0 }],
    ['with a negative id', { systemProcessId: -1 }],
    ['with a broken id', { systemProcessId: 4711.5 }],
    ['with an id beyond what Linux gives out', { systemProcessId: 4_194_305 }],
    ['with an object', { systemProcessId: { pid: 4711 } }],
  ])('%s names none', (_case, body) => {
    expect(clueFromAdapter('debugpy', processEvent(body))).toBeUndefined();
  });
});

describe('events of one adapter only', () => {
  test('Java names its process by `processid`', () => {
    const message = { type: 'event', event: 'processid', body: { processId: 4711, shellProcessId: 4700 } };
    expect(clueFromAdapter('java', message)).toEqual({ rung: Rung.Adapter, pid: 4711, isShell: false });
    expect(clueFromAdapter('other', message)).toBeUndefined();
  });

  const output = (category: string, text: string): unknown => ({
    type: 'event',
    event: 'output',
    body: { category, output: text },
  });

  test('CodeLLDB names its process in a line of the console', () => {
    const clue = { rung: Rung.Adapter, pid: 4711, isShell: false };
    expect(clueFromAdapter('lldb', output('console', "Launched process 4711 from '/w/echo'\n"))).toEqual(
      clue,
    );
    expect(clueFromAdapter('lldb', output('console', 'Attached to process 4711\n'))).toEqual(clue);
  });

  test('what the program prints is not taken for the adapter’s words', () => {
    expect(clueFromAdapter('lldb', output('stdout', 'Launched process 1\n'))).toBeUndefined();
    expect(clueFromAdapter('debugpy', output('console', 'Launched process 1\n'))).toBeUndefined();
    expect(clueFromAdapter('lldb', output('console', 'Not Launched process 1\n'))).toBeUndefined();
  });
});

describe('the attach configuration', () => {
  const attach = (more: Record<string, unknown>): Parameters<typeof clueFromConfiguration>[0] => ({
    type: 'cppdbg',
    name: 'Attach',
    request: 'attach',
    ...more,
  });

  test.each([
    ['processId as a number', { processId: 4711 }],
    ['processId as text', { processId: '4711' }],
    ['pid', { pid: 4711 }],
  ])('by %s', (_case, more) => {
    expect(clueFromConfiguration(attach(more))).toEqual({ rung: Rung.Attach, pid: 4711, isShell: false });
  });

  test.each([
    ['an unresolved variable', attach({ processId: '${command:pickProcess}' })],
    ['a launch', { ...attach({ processId: 4711 }), request: 'launch' }],
    ['another machine', attach({ processId: 4711, pipeTransport: { pipeProgram: 'ssh' } })],
    ['another host', attach({ processId: 4711, connect: { host: 'build.example', port: 5678 } })],
  ])('%s names none', (_case, configuration) => {
    expect(clueFromConfiguration(configuration)).toBeUndefined();
  });
});

test.each([
  [{ connect: { host: '127.0.0.1', port: 5678 } }, false],
  [{ address: 'localhost' }, false],
  [{ host: '::1' }, false],
  [{ miDebuggerServerAddress: '[::1]:1234' }, false],
  [{}, false],
  [{ address: '192.0.2.7' }, true],
  [{ miDebuggerServerAddress: 'localhost:1234' }, false],
  [{ miDebuggerServerAddress: 'board:1234' }, true],
  [{ pipeTransport: { pipeProgram: 'docker' } }, true],
])('%j is on another machine: %s', (more, expected) => {
  expect(isRemoteDebuggee({ type: 'x', name: 'x', request: 'attach', ...more })).toBe(expected);
});

describe('the answer to runInTerminal', () => {
  const answer = (body: unknown, success = true): unknown => ({
    type: 'response',
    command: 'runInTerminal',
    success,
    body,
  });

  test('names the process where the terminal knows it', () => {
    expect(clueFromEditor(answer({ processId: 4711, shellProcessId: 4700 }))).toEqual({
      rung: Rung.Terminal,
      pid: 4711,
      isShell: false,
    });
  });

  test('else names the shell, whose child it is', () => {
    expect(clueFromEditor(answer({ shellProcessId: 4700 }))).toEqual({
      rung: Rung.Terminal,
      pid: 4700,
      isShell: true,
    });
  });

  test.each([[answer({})], [answer({ processId: 4711 }, false)], [answer(null)], [null], ['text'], [42]])(
    'names none in %j',
    (message) => {
      expect(clueFromEditor(message)).toBeUndefined();
    },
  );
});

describe('the built-in JavaScript debugger', () => {
  test('names the process of a child session in its name', () => {
    expect(pidFromSessionName('pwa-node', 'shop.mjs [17414]', true)).toBe(17_414);
  });

  test.each([
    ['a root session, which the user names', 'pwa-node', 'Test [3000]', false],
    ['a worker thread', 'pwa-node', '[worker 1]', true],
    ['a process that is not known', 'pwa-node', 'Remote Process [0]', true],
    ['another debugger', 'debugpy', 'Subprocess [4711]', true],
    ['a page', 'pwa-chrome', 'Shop [4711]', true],
  ])('%s names none', (_case, debugType, name, isChild) => {
    expect(pidFromSessionName(debugType, name, isChild)).toBeUndefined();
  });

  test('is asked in child sessions only: the root session never answers', () => {
    expect(canEvaluatePid('pwa-node', true)).toBe(true);
    expect(canEvaluatePid('pwa-node', false)).toBe(false);
    expect(canEvaluatePid('node-terminal', false)).toBe(false);
    expect(canEvaluatePid('pwa-chrome', true)).toBe(false);
    expect(canEvaluatePid('debugpy', true)).toBe(false);
  });

  test('answers with the number as text', () => {
    expect(pidFromEvaluation({ result: '17414', type: 'number', variablesReference: 0 })).toBe(17_414);
    expect(pidFromEvaluation({ result: 'undefined' })).toBeUndefined();
    expect(pidFromEvaluation(undefined)).toBeUndefined();
  });
});

test('the surest rung is the process event, the least sure the terminal', () => {
  expect(Rung.Process).toBeGreaterThan(Rung.Adapter);
  expect(Rung.Adapter).toBeGreaterThan(Rung.Attach);
  expect(Rung.Attach).toBeGreaterThan(Rung.Terminal);
});

test('the start is complete when launch or attach is answered', () => {
  expect(isStartComplete({ type: 'response', command: 'launch', success: true })).toBe(true);
  expect(isStartComplete({ type: 'response', command: 'attach', success: true })).toBe(true);
  expect(isStartComplete({ type: 'response', command: 'launch', success: false })).toBe(false);
  expect(isStartComplete({ type: 'event', event: 'initialized' })).toBe(false);
});

test.each([
  ['0', undefined],
  ['007', 7],
  ['4194304', 4_194_304],
  ['4194305', undefined],
  ['99999999', undefined],
  ['1e3', undefined],
  [' 1', undefined],
  [Number.NaN, undefined],
  [true, undefined],
])('%j is process id %s', (value, pid) => {
  expect(toPid(value)).toBe(pid);
});
