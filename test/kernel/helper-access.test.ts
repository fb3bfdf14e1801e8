// Who sees whose processes, with two ordinary users of this machine, a set-user-id program, and an id that is reused.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ErrorCode,
  type MonitorSample,
  type MonitorStartResult,
  type ProcessListResult,
} from '../../src/shared/protocol';
import { createTemporaryUser, type TemporaryUser } from '../editor/browser/temporary-user';
import { RpcClient } from './support/rpc-client';

const start = 'monitor/start';
const clients: RpcClient[] = [];
const children: ChildProcessWithoutNullStreams[] = [];
let alice: TemporaryUser;
let bob: TemporaryUser;
let folder: string;
/** `cat`, which runs as root whoever starts it. */
let setUserIdCat: string;

beforeAll(async () => {
  alice = await createTemporaryUser({ label: 'a', sudo: false });
  bob = await createTemporaryUser({ label: 'b', sudo: false });
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  chmodSync(folder, 0o755);
  setUserIdCat = path.join(folder, 'cat');
  copyFileSync('/bin/cat', setUserIdCat);
  chmodSync(setUserIdCat, 0o4755);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await alice.remove();
  await bob.remove();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()));
  for (const child of children.splice(0)) await end(child);
});

async function end(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.stdin.end();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Runs a program as a user, and waits until it answers a line: then it is what it is going to be. */
async function runAs(user: TemporaryUser, ...command: string[]) {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const child = spawn('setpriv', [...ids, '--', ...command], { stdio: 'pipe' });
  children.push(child);
  child.stdin.write('ready\n');
  await once(child.stdout, 'data');
  return child as ChildProcessWithoutNullStreams & { pid: number };
}

function ticks(pid: number): number {
  const line = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[19]);
}

const sudoOf = ({ uid, gid, name }: TemporaryUser): NodeJS.ProcessEnv => ({
  SUDO_UID: String(uid),
  SUDO_GID: String(gid),
  SUDO_USER: name,
});

async function helperOf(user: TemporaryUser): Promise<RpcClient> {
  const client = new RpcClient(sudoOf(user));
  clients.push(client);
  await client.initialize();
  return client;
}

/** Samples until one says that the process is over, or may be seen no more. */
async function untilGone(client: RpcClient, pid: number): Promise<MonitorSample> {
  for (;;) {
    const sample = (await client.notification('monitor/sample')).params as MonitorSample;
    if (sample.processes.find((process) => process.pid === pid)?.alive === false) return sample;
  }
}

describe('of two ordinary users', () => {
  it('each sees what is theirs, and nothing of the other', async () => {
    const ofAlice = await runAs(alice, 'cat');
    const ofBob = await runAs(bob, 'cat');
    for (const [user, own, other] of [
      [alice, ofAlice, ofBob],
      [bob, ofBob, ofAlice],
    ] as const) {
      const client = await helperOf(user);
      expect(await client.request(start, { pid: own.pid })).toHaveProperty('result');
      const { error } = await client.request(start, { pid: other.pid });
      expect(error).toMatchObject({ code: ErrorCode.AccessDenied });
      expect(error?.message).toContain(user === alice ? bob.name : alice.name);
      const { processes } = (await client.request('process/list')).result as ProcessListResult;
      expect(processes.map(({ pid }) => pid)).toContain(own.pid);
      expect(processes.filter(({ uid }) => uid !== user.uid)).toEqual([]);
    }
  });

  it('neither sees a set-user-id program that they run', async () => {
    const raised = await runAs(alice, setUserIdCat);
    const client = await helperOf(alice);
    const { error } = await client.request(start, { pid: raised.pid });
    expect(error).toMatchObject({ code: ErrorCode.AccessDenied });
  });

  it('a process that becomes a set-user-id program is out of sight from then on', async () => {
    const shell = await runAs(alice, 'sh', '-c', 'read a; echo up; read b; exec "$0"', setUserIdCat);
    const client = await helperOf(alice);
    expect(await client.request(start, { pid: shell.pid, intervalMillis: 100 })).toHaveProperty('result');
    shell.stdin.write('go\n');
    shell.stdin.write('are you cat?\n');
    await once(shell.stdout, 'data');
    await untilGone(client, shell.pid);
    expect(existsSync(`/proc/${String(shell.pid)}`)).toBe(true);
    expect(await client.request(start, { pid: shell.pid })).toMatchObject({
      error: { code: ErrorCode.AccessDenied },
    });
  });
});

describe('an id that belongs to another process by now', () => {
  /** Starts processes until one has the id. */
  async function reuse(pid: number): Promise<ChildProcessWithoutNullStreams> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      const ids = [`--reuid=${bob.uid}`, `--regid=${bob.gid}`, '--clear-groups'];
      const child = spawn('setpriv', [...ids, 'cat'], { stdio: 'pipe' });
      if (child.pid === pid) return child;
      await end(child);
    }
    throw new Error(`No process got the id ${String(pid)}.`);
  }

  it('is refused between the look and the use, and is not shown in the place of the watched one', async () => {
    const first = await runAs(alice, 'cat');
    const startTicks = ticks(first.pid);
    const client = await helperOf(alice);
    const started = await client.request(start, { pid: first.pid, startTicks, intervalMillis: 100 });
    expect((started.result as MonitorStartResult).process.startTicks).toBe(startTicks);
    await end(first);
    const second = await reuse(first.pid);
    children.push(second);
    expect(ticks(first.pid)).not.toBe(startTicks);

    expect(await client.request(start, { pid: first.pid, startTicks })).toMatchObject({
      error: { code: ErrorCode.NoSuchProcess },
    });
    const { processes } = await untilGone(client, first.pid);
    expect(processes).toEqual([expect.objectContaining({ pid: first.pid, uid: alice.uid, startTicks })]);
  });
});
