// What goes wrong around a helper: its client dies, what it watches stops or dies in odd ways, an interface or a control
// group goes, the disk is full, and the kernel refuses in the middle of attaching.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ErrorCode, type MonitorSample, type MonitorStartResult } from '../../src/shared/protocol';
import { ScarceMemory } from '../fixtures/scarce-memory';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { helperPath, runToEnd } from './support/helper';
import { exists, objectsOf } from './support/kernel-objects';
import { run } from './support/namespaces';
import { NetworkNamespace } from './support/network-namespace';
import { RpcClient } from './support/rpc-client';
import { hasTcx, withoutTcx } from './support/running-kernel';

const children: ChildProcess[] = [];
const clients: RpcClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()));
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
});

function start(command: string, ...args: string[]): ChildProcess & { pid: number } {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return child as ChildProcess & { pid: number };
}

async function watching(pid: number): Promise<RpcClient> {
  const client = new RpcClient();
  clients.push(client);
  await client.initialize();
  const { result } = await client.request('monitor/start', { pid, intervalMillis: 100 });
  expect((result as MonitorStartResult).process.pid).toBe(pid);
  return client;
}

/** The next sample that is as it should be. */
async function sampleWhere(
  client: RpcClient,
  accept: (sample: MonitorSample) => boolean,
): Promise<MonitorSample> {
  for (;;) {
    const sample = (await client.notification('monitor/sample')).params as MonitorSample;
    if (accept(sample)) return sample;
  }
}

/** Also one that nobody has waited for: with its parent gone, that is up to the first process of the machine. */
function hasEnded(pid: number): boolean {
  try {
    const [, state] = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${String(pid)}/stat`, 'latin1')) ?? [];
    return state === 'Z' || state === 'X';
  } catch {
    return true;
  }
}

it('a client that is killed takes the helper with it, and nothing is left in the kernel', async () => {
  // Stands for the extension host.
  const host = start(
    process.execPath,
    '-e',
    `const { spawn } = require('node:child_process');
     const helper = spawn(process.argv[1], ['serve']);
     const content = process.argv[2];
     helper.stdin.write('Content-Length: ' + content.length + '\\r\\n\\r\\n' + content);
     helper.stdout.once('data', () => console.log(helper.pid));`,
    helperPath,
    '{"jsonrpc":"2.0","id":1,"method":"interface/list"}',
  );
  const [line] = (await once(host.stdout ?? process.stdin, 'data')) as [Buffer];
  const helper = Number(String(line));
  const objects = objectsOf(helper);
  expect(objects.length).toBeGreaterThan(0);
  host.kill('SIGKILL');
  // Two seconds are what is promised.
  await expect.poll(() => hasEnded(helper), { timeout: 2_000 }).toBe(true);
  await expect.poll(() => objects.filter(exists), { timeout: 30_000 }).toEqual([]);
});

it('a helper that the kernel kills for want of memory leaves nothing behind, and another one goes on', async ({
  skip,
}) => {
  const memory = ScarceMemory.create();
  if (memory === undefined) return skip('control groups do not limit memory here');
  try {
    const target = start('cat');
    const client = await watching(target.pid);
    const helper = client.process.pid ?? 0;
    const objects = objectsOf(helper);
    expect(objects.length).toBeGreaterThan(0);
    memory.add(helper);
    const ended = once(client.process, 'exit');
    // Whatever it is asked takes a little.
    const asking = setInterval(() => client.frame('{"jsonrpc":"2.0","id":"x","method":"process/list"}'), 10);
    expect(await ended).toEqual([null, 'SIGKILL']);
    clearInterval(asking);
    expect(memory.kills).toBe(1);
    await expect.poll(() => objects.filter(exists), { timeout: 30_000 }).toEqual([]);
    const { processes } = await sampleWhere(await watching(target.pid), () => true);
    expect(processes).toEqual([expect.objectContaining({ pid: target.pid, alive: true })]);
  } finally {
    memory.dispose();
  }
});

it('a time namespace, in which the clocks are others, changes no time and no rate', async () => {
  const target = start('cat');
  // A day ahead of the machine, by whose clock the kernel half notes when a connection was opened.
  const day = '86400';
  const client = new RpcClient(
    {},
    [],
    [
      ...['unshare', '--time', '--fork', '--kill-child', `--monotonic=${day}`, `--boottime=${day}`, '--'],
      helperPath,
    ],
  );
  clients.push(client);
  await client.initialize();
  const { result } = await client.request('monitor/start', { pid: target.pid, intervalMillis: 100 });
  expect(result).toBeDefined();
  const own = await client.request('monitor/start', { pid: process.pid, intervalMillis: 100 });
  const { monitor } = own.result as MonitorStartResult;
  const began = Date.now();
  const server = net.createServer((socket) => socket.resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  socket.write(Buffer.alloc(100_000));
  try {
    const { flows, monotonicMicros } = await sampleWhere(
      client,
      (sample) =>
        sample.monitor === monitor && sample.flows.some(({ payload }) => payload.txBytes === 100_000),
    );
    const [flow] = flows.filter(({ payload }) => payload.txBytes === 100_000);
    expect(Date.parse(flow?.openedAt ?? '')).toBeGreaterThan(began - 60_000);
    expect(Date.parse(flow?.openedAt ?? '')).toBeLessThan(Date.now() + 60_000);
    expect(flow?.rates.payload.tx).toBeGreaterThan(0);
    expect(Math.abs(monotonicMicros - Number(process.hrtime.bigint()) / 1_000)).toBeLessThan(60e6);
  } finally {
    socket.destroy();
    server.close();
  }
});

describe('a process that is watched', () => {
  it('and stopped goes on to be watched', async () => {
    const target = start('cat');
    const client = await watching(target.pid);
    target.kill('SIGSTOP');
    await expect.poll(() => readFileSync(`/proc/${String(target.pid)}/stat`, 'latin1')).toMatch(/\) T /);
    const { sequence } = await sampleWhere(client, () => true);
    const { processes } = await sampleWhere(client, (sample) => sample.sequence > sequence + 2);
    expect(processes).toEqual([expect.objectContaining({ pid: target.pid, alive: true })]);
    target.kill('SIGCONT');
  });

  it('and becomes a zombie has ended, and cannot be watched any more', async () => {
    // The child is never waited for: its parent has become a program that knows of no child.
    const parent = start('sh', '-c', 'sleep 1000 & echo $!; exec cat');
    const [line] = (await once(parent.stdout ?? process.stdin, 'data')) as [Buffer];
    const zombie = Number(String(line));
    const client = await watching(zombie);
    process.kill(zombie, 'SIGKILL');
    await sampleWhere(client, ({ processes }) => processes[0]?.alive === false);
    expect(readFileSync(`/proc/${String(zombie)}/stat`, 'latin1')).toMatch(/\) Z /);
    expect(await client.request('monitor/start', { pid: zombie })).toMatchObject({
      error: { code: ErrorCode.NoSuchProcess },
    });
  });

  it('and becomes another program is the same process, with its sums', async () => {
    const target = start('sh', '-c', 'read line; exec cat');
    const client = await watching(target.pid);
    await sampleWhere(client, ({ processes }) => processes[0]?.name !== 'cat');
    target.stdin?.write('go\n');
    const { processes } = await sampleWhere(client, (sample) => sample.processes[0]?.name === 'cat');
    expect(processes).toEqual([expect.objectContaining({ pid: target.pid, alive: true })]);
  });
});

describe('what traffic passes', () => {
  async function transfer(bytes: number): Promise<void> {
    const server = net.createServer((socket) => socket.resume().on('end', () => socket.end()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    socket.resume().end(Buffer.alloc(bytes));
    await once(socket, 'close');
    server.close();
  }

  it('may go: an interface that is removed is no failure, and others are counted on', async () => {
    const namespace = new NetworkNamespace('fault');
    try {
      namespace.ip('link', 'add', 'pnm0', 'type', 'veth', 'peer', 'name', 'pnm1');
      const client = new RpcClient(
        {},
        [],
        ['nsenter', `--net=/run/netns/${namespace.name}`, '--', helperPath],
      );
      clients.push(client);
      await client.initialize();
      await client.request('monitor/start', { pid: process.pid, intervalMillis: 100 });
      namespace.ip('link', 'del', 'pnm0');
      await expect
        .poll(async () => JSON.stringify((await client.request('interface/list')).result))
        .not.toContain('pnm');
      namespace.ip('link', 'add', 'pnm0', 'type', 'veth', 'peer', 'name', 'pnm1');
      await expect
        .poll(async () => (await client.request('interface/list')).result)
        .toMatchObject({
          interfaces: expect.arrayContaining([
            expect.objectContaining({ name: 'pnm0', attached: true }),
          ]) as unknown,
        });
      await sampleWhere(client, () => true);
      expect(client.stderr).not.toContain('Unexpected');
    } finally {
      namespace.dispose();
    }
  });

  it('may go: a control group that is removed takes no counts along', async () => {
    const group = path.join(cgroupFolder, `procnetmon-test-${String(process.pid)}`);
    mkdirSync(group);
    try {
      const client = await watching(process.pid);
      const { total } = await sampleWhere(client, () => true);
      writeFileSync(path.join(group, 'cgroup.procs'), String(process.pid));
      await transfer(100_000);
      await sampleWhere(client, (sample) => sample.total.payload.txBytes - total.payload.txBytes >= 100_000);
      writeFileSync(path.join(cgroupFolder, 'cgroup.procs'), String(process.pid));
      rmdirSync(group);
      await transfer(100_000);
      await sampleWhere(client, (sample) => sample.total.payload.txBytes - total.payload.txBytes >= 200_000);
    } finally {
      writeFileSync(path.join(cgroupFolder, 'cgroup.procs'), String(process.pid));
      if (existsSync(group)) rmdirSync(group);
    }
  });
});

it('a full disk ends the measurement with a sentence and a status, and what was written stays', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  run('mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', folder);
  try {
    const file = path.join(folder, 'usage.jsonl');
    const args = ['watch', '-i', '100ms', '-f', 'json', '-o', file, String(process.pid)];
    const { status, stderr } = await runToEnd(helperPath, args);
    expect(stderr).toMatch(/procnetmon: The output cannot be written any more: ENOSPC/);
    expect(status).toBe(1);
    expect(statSync(file).size).toBeGreaterThan(1_000);
    expect(JSON.parse(readFileSync(file, 'utf8').split('\n')[0] ?? '')).toHaveProperty('type');
  } finally {
    run('umount', folder);
    rmSync(folder, { recursive: true });
  }
});

describe('a kernel that refuses in the middle', () => {
  let namespace: NetworkNamespace;
  beforeEach(() => {
    namespace = new NetworkNamespace('half');
    namespace.ip('link', 'set', 'lo', 'up');
  });
  afterEach(() => namespace.dispose());

  /** Opens and attaches with so many descriptors to spare. Returns whether that was refused. */
  async function isRefused(attachment: 'tcx' | 'clsact', spare: number): Promise<boolean> {
    const addon = new AddonProcess({ namespace: namespace.name });
    const limit = (descriptors: number): string =>
      run('prlimit', `--pid=${String(addon.pid)}`, `--nofile=${String(descriptors)}:4096`);
    let refused = false;
    try {
      const held = await addon.call<string[]>('list', '/proc/self/fd');
      limit(held.length + spare);
      try {
        await addon.call('open', { cgroup: cgroupFolder, attachment });
        await addon.call('attachInterface', 1);
      } catch (error) {
        refused = true;
        expect(error).toHaveProperty('operation');
      }
      limit(1_024);
      // What was opened all the same goes in the orderly way.
      if ((await addon.call<unknown[]>('objects')).length > 0) await addon.call('close');
      expect([spare, await addon.call('objects')]).toEqual([spare, []]);
      const filters = namespace.tc('filter', 'show', 'dev', 'lo', 'ingress');
      expect([spare, filters]).toEqual([spare, '']);
    } finally {
      await addon.end();
    }
    return refused;
  }

  it.for(['tcx', 'clsact'] as const)('leaves nothing half done: %s', async (attachment, { skip }) => {
    skip(attachment === 'tcx' && !hasTcx, withoutTcx);
    // Every map, program, link and socket takes a descriptor: there is one too few at each of them in turn.
    let spare = 0;
    while (await isRefused(attachment, spare)) spare += 4;
    expect(spare).toBeGreaterThan(10);
    expect(spare).toBeLessThan(200);
  });
});
