// The root helper at the other end of its pipe: the real executable, spoken to properly and badly.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ErrorCode,
  limits,
  maximumFrameBytes,
  protocolVersion,
  type InterfaceListResult,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartResult,
  type ProcessListResult,
} from '../../src/shared/protocol';
import { RpcClient } from './support/rpc-client';

const nobody = { SUDO_UID: '65534', SUDO_GID: '65534', SUDO_USER: 'nobody' };
const clients: RpcClient[] = [];

function connect(environment?: NodeJS.ProcessEnv): RpcClient {
  const client = new RpcClient(environment);
  clients.push(client);
  return client;
}

async function initialized(environment?: NodeJS.ProcessEnv): Promise<RpcClient> {
  const client = connect(environment);
  expect(await client.initialize()).toMatchObject({ result: { capabilities: {} } });
  return client;
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()));
});

/** Sends some bytes over loopback from this process, and waits until they have arrived. */
async function transfer(bytes: number): Promise<void> {
  const server = net.createServer((socket) => socket.resume().on('end', () => socket.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  socket.resume().end(Buffer.alloc(bytes));
  await once(socket, 'close');
  server.close();
}

describe('a proper conversation', () => {
  it('names itself, watches a process from its first byte on, and ends when asked', async () => {
    const client = connect();
    expect(await client.initialize()).toMatchObject({
      result: {
        serverInfo: { name: 'procnetmon' },
        procnetmon: {
          pid: client.process.pid,
          attachment: expect.stringMatching(/^(tcx|clsact)$/) as string,
        },
      },
    });
    const started = await client.request('monitor/start', { pid: process.pid, intervalMillis: 100 });
    const { monitor } = started.result as MonitorStartResult;
    const first = (await client.notification('monitor/sample')).params as MonitorSample;
    expect(first).toMatchObject({ monitor, sequence: 0 });

    await transfer(1_000_000);
    let sample = first;
    let sent = 0;
    const before = first.total.payload.txBytes;
    for (let sequence = 1; sent < 1_000_000; sequence += 1) {
      sample = (await client.notification('monitor/sample')).params as MonitorSample;
      expect(sample.sequence).toBe(sequence);
      sent = sample.total.payload.txBytes - before;
    }
    expect(sent).toBe(1_000_000);
    expect(sample.total.payload.rxBytes - first.total.payload.rxBytes).toBe(1_000_000);

    expect(await client.request('monitor/stop', { monitor })).toMatchObject({ result: null });
    expect(await client.request('shutdown')).toMatchObject({ result: null });
    client.frame('{"jsonrpc":"2.0","method":"exit"}');
    expect(await client.exited).toBe(0);
  });

  it('tells of connections as they open, are established and close', async () => {
    const client = await initialized();
    await client.request('monitor/start', { pid: process.pid, intervalMillis: 60_000 });
    await transfer(10);
    const kinds = new Set<string>();
    while (!['opened', 'established', 'listening', 'closed'].every((kind) => kinds.has(kind))) {
      kinds.add(((await client.notification('monitor/event')).params as MonitorEvent).kind);
    }
  });

  it('lists processes and interfaces, and reports on itself', async () => {
    const client = await initialized();
    const { processes } = (await client.request('process/list')).result as ProcessListResult;
    expect(processes.map(({ pid }) => pid)).toContain(process.pid);
    const { interfaces } = (await client.request('interface/list')).result as InterfaceListResult;
    expect(interfaces).toContainEqual(expect.objectContaining({ name: 'lo', attached: true }));
    expect(await client.request('doctor')).toMatchObject({
      result: { version: expect.any(String) as string },
    });
  });

  it('ends with its input', async () => {
    const client = await initialized();
    expect(await client.leave()).toBe(0);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends on %s', async (signal) => {
    const client = await initialized();
    client.process.kill(signal);
    expect(await client.exited).toBe(0);
  });
});

describe('for an ordinary user', () => {
  it('has become that user, with two capabilities and no way to more, and says so', async () => {
    const client = connect(nobody);
    expect(await client.initialize()).toMatchObject({
      result: {
        procnetmon: {
          rights: {
            user: 'nobody',
            capabilities: ['cap_net_admin', 'cap_bpf'],
            noNewPrivileges: true,
            systemCallFilter: true,
          },
        },
      },
    });
    expect(await client.request('doctor')).toMatchObject({
      result: {
        checks: expect.arrayContaining([
          expect.objectContaining({ id: 'held-rights', status: 'ok' }),
        ]) as unknown,
      },
    });
    const status = readFileSync(`/proc/${String(client.process.pid)}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(status).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
    // CAP_NET_ADMIN is bit 12, CAP_BPF bit 39.
    expect(status).toMatch(/^CapPrm:\t0000008000001000$/m);
    expect(status).toMatch(/^CapEff:\t0000008000001000$/m);
    expect(status).toMatch(/^CapInh:\t0000000000000000$/m);
    expect(status).toMatch(/^CapBnd:\t0000000000000000$/m);
    expect(status).toMatch(/^CapAmb:\t0000000000000000$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    // A filter of system calls, in every thread.
    const threads = readdirSync(`/proc/${String(client.process.pid)}/task`);
    for (const thread of threads) {
      const own = readFileSync(`/proc/${String(client.process.pid)}/task/${thread}/status`, 'utf8');
      expect(own).toMatch(/^Seccomp:\t2$/m);
    }
    // Not dumpable: its files belong to root, though it runs as somebody else.
    expect(statSync(`/proc/${String(client.process.pid)}/mem`).uid).toBe(0);
  });

  it('refuses the processes of others, and does not list them', async () => {
    const client = await initialized(nobody);
    const { error } = await client.request('monitor/start', { pid: process.pid });
    expect(error).toMatchObject({ code: ErrorCode.AccessDenied });
    expect(error?.message).toContain('root');
    expect(error?.data?.remedy).toBeTruthy();
    const { processes } = (await client.request('process/list')).result as ProcessListResult;
    expect(processes.filter(({ uid }) => uid !== 65_534)).toEqual([]);
  });

  it('watches what is theirs', async () => {
    const client = await initialized(nobody);
    const child = spawn('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat']);
    try {
      child.stdin.write('x');
      await once(child.stdout, 'data'); // it is cat by now
      expect(await client.request('monitor/start', { pid: child.pid })).toMatchObject({
        result: { process: { pid: child.pid, name: 'cat', uid: 65_534 } },
      });
    } finally {
      child.stdin.end();
      await once(child, 'close');
    }
  });
});

describe('bad requests', () => {
  const start = 'monitor/start';
  it.each([
    ['an unknown process', start, { pid: 4_194_303 }, ErrorCode.NoSuchProcess, '4194303'],
    ['a pid that is none', start, { pid: -1 }, ErrorCode.InvalidParams, '-1'],
    ['a pid that is a string', start, { pid: '1' }, ErrorCode.InvalidParams, 'pid'],
    ['another process with the same id', start, { pid: 1, startTicks: 1e9 }, ErrorCode.NoSuchProcess, '1'],
    ['an unknown field', start, { pid: 1, shell: '/bin/sh' }, ErrorCode.InvalidParams, 'shell'],
    ['an unknown interface', start, { pid: 1, interfaces: ['wan7'] }, ErrorCode.NoSuchInterface, 'wan7'],
    ['an interval that is too short', start, { pid: 1, intervalMillis: 1 }, ErrorCode.InvalidParams, '100'],
    [
      'too many interfaces',
      start,
      { pid: 1, interfaces: Array(65).fill('lo') },
      ErrorCode.InvalidParams,
      '64',
    ],
    ['an unknown monitor', 'monitor/stop', { monitor: 'm99' }, ErrorCode.NoSuchMonitor, 'm99'],
    ['an unknown method', 'system/exec', {}, ErrorCode.MethodNotFound, 'system/exec'],
    ['a method of every object', 'constructor', {}, ErrorCode.MethodNotFound, 'constructor'],
  ])('%s is refused by name, and the conversation goes on', async (_what, method, params, code, named) => {
    const client = await initialized();
    const { error } = await client.request(method, params);
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(named);
    expect(error?.data?.remedy).toBeTruthy();
    expect(await client.request('interface/list')).toHaveProperty('result');
  });

  it('another version of the protocol is refused with both versions', async () => {
    const client = connect();
    const { error } = await client.initialize(999);
    expect(error).toMatchObject({ code: ErrorCode.ProtocolMismatch });
    expect(error?.message).toMatch(new RegExp(`999.*${String(protocolVersion)}`));
    expect(await client.request('process/list')).toMatchObject({
      error: { code: ErrorCode.ServerNotInitialized },
    });
  });

  it('more monitors than there may be are refused', async () => {
    const client = await initialized();
    for (let count = 0; count < limits.monitors; count += 1) {
      const answer = await client.request(start, { pid: process.pid, intervalMillis: 60_000 });
      expect(answer.error).toBeUndefined();
    }
    expect(await client.request(start, { pid: process.pid })).toMatchObject({
      error: { code: ErrorCode.LimitReached },
    });
  });
});

describe('broken input', () => {
  it('JSON that is none is answered, and monitoring goes on', async () => {
    const client = await initialized();
    await client.request('monitor/start', { pid: process.pid, intervalMillis: 100 });
    client.frame('{"jsonrpc":"2.0",');
    expect(await client.answer(null)).toMatchObject({ error: { code: -32_700 } });
    client.frame('[1,2,3]');
    expect(await client.answer(null)).toMatchObject({ error: { code: ErrorCode.InvalidRequest } });
    const { params } = await client.notification('monitor/sample');
    expect(params).toHaveProperty('total');
  });

  it('a frame of 100 MB is refused before it is read', async () => {
    const client = await initialized();
    client.write(`Content-Length: ${String(100 * 1024 * 1024)}\r\n\r\n`);
    const { error } = await client.answer(null);
    expect(error?.message).toContain(String(100 * 1024 * 1024));
    expect(error?.message).toContain(String(maximumFrameBytes));
    expect(await client.exited).not.toBe(0);
  });

  it('a header without end is refused', async () => {
    const client = await initialized();
    client.write('X'.repeat(100_000));
    expect(await client.answer(null)).toMatchObject({ error: { code: ErrorCode.InvalidRequest } });
    expect(await client.exited).not.toBe(0);
  });

  it('a flood of requests is held back, and answered again afterwards', async () => {
    const client = await initialized();
    for (let index = 0; index < 1_000; index += 1) {
      client.frame(
        JSON.stringify({ jsonrpc: '2.0', id: `f${String(index)}`, method: 'monitor/stop', params: {} }),
      );
    }
    const { error } = await client.answer('f999');
    expect(error?.code).toBe(ErrorCode.LimitReached);
    await expect
      .poll(async () => client.request('interface/list'), { timeout: 10_000 })
      .toHaveProperty('result');
  });
});
