// Who sees whose processes, with two ordinary users of this machine, a set-user-id program, and an id that is reused.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readStat } from '../../helper/src/processes';
import {
  ErrorCode,
  type HostName,
  type MonitorSample,
  type MonitorStartResult,
  type ProcessListResult,
} from '../../src/shared/protocol';
import { createTemporaryUser, type TemporaryUser } from '../editor/browser/temporary-user';
import { helperPath, runToEnd } from './support/helper';
import { run } from './support/namespaces';
import { type Notification, RpcClient } from './support/rpc-client';

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

describe('a process that changes its user without executing anything', () => {
  /** Sends as many bytes as each line says over one connection to the port of the first line; "change" changes the user. */
  const changer = `
    const { connect } = require('node:net');
    const { createInterface } = require('node:readline');
    let socket;
    createInterface(process.stdin).on('close', () => process.exit()).on('line', (line) => {
      if (line === 'ready') return console.log(line);
      if (line === 'change') {
        process.setgid(1);
        process.setuid(1);
        return console.log(line);
      }
      if (!socket) socket = connect(Number(line), '127.0.0.1', () => console.log('connected'));
      else socket.write(Buffer.alloc(Number(line)));
    });`;

  /** A process in a user namespace of alice's, as containers without root are: root in there is alice, user 1 is bob. */
  async function inContainerOfAlice() {
    const script = 'read ready; echo up; read mapped; exec "$0" "$@"';
    const namespace = ['unshare', '--user', 'sh', '-c', script];
    const child = await runAs(alice, ...namespace, process.execPath, '-e', changer);
    for (const [kind, inside, other] of [
      ['uid', alice.uid, bob.uid],
      ['gid', alice.gid, bob.gid],
    ] as const)
      writeFileSync(
        `/proc/${String(child.pid)}/${kind}_map`,
        `0 ${String(inside)} 1\n1 ${String(other)} 1\n`,
      );
    await tell(child, 'mapped\nready');
    return child;
  }

  async function tell(child: ChildProcessWithoutNullStreams, line: string): Promise<void> {
    child.stdin.write(`${line}\n`);
    await once(child.stdout, 'data');
  }

  it('is out of sight from then on, with what it sends over a connection of before', async () => {
    let received = 0;
    let arrived = (): void => undefined;
    const sink = net.createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          received += data.length;
          arrived();
        });
    });
    sink.listen(0, '127.0.0.1');
    await once(sink, 'listening');
    try {
      const child = await inContainerOfAlice();
      const send = async (bytes: number): Promise<void> => {
        const wanted = received + bytes;
        const all = new Promise<void>((resolve) => {
          arrived = () => {
            if (received === wanted) resolve();
          };
        });
        child.stdin.write(`${String(bytes)}\n`);
        await all;
      };
      const client = await helperOf(alice);
      const { result } = await client.request(start, { pid: child.pid, intervalMillis: 100 });
      expect((result as MonitorStartResult).process.uid).toBe(alice.uid);
      await tell(child, String((sink.address() as net.AddressInfo).port));
      await send(3);
      await client.next((message): message is Notification => {
        if (!('method' in message) || message.method !== 'monitor/sample') return false;
        return (message.params as MonitorSample).total.payload.txBytes === 3;
      });

      await tell(child, 'change');
      await untilGone(client, child.pid);
      expect(statSync(`/proc/${String(child.pid)}`).uid).not.toBe(alice.uid);
      await send(100_000);
      for (let samples = 0; samples < 3; samples += 1) {
        const { params } = await client.notification('monitor/sample');
        expect((params as MonitorSample).total.payload).toEqual({ txBytes: 3, rxBytes: 0 });
      }
      expect(await client.request(start, { pid: child.pid })).toMatchObject({
        error: { code: ErrorCode.AccessDenied },
      });
      const { processes } = (await client.request('process/list')).result as ProcessListResult;
      expect(processes.map(({ pid }) => pid)).not.toContain(child.pid);
    } finally {
      sink.close();
    }
  });

  it('is out of sight before, where it may become anybody', async () => {
    const ids = [`--reuid=${alice.uid}`, `--regid=${alice.gid}`, '--clear-groups'];
    const rights = ['--inh-caps=+setuid', '--ambient-caps=+setuid'];
    const child = spawn('setpriv', [...ids, ...rights, '--', 'cat'], { stdio: 'pipe' });
    children.push(child);
    child.stdin.write('ready\n');
    await once(child.stdout, 'data');
    const client = await helperOf(alice);
    const { error } = await client.request(start, { pid: child.pid });
    expect(error).toMatchObject({ code: ErrorCode.AccessDenied });
    expect(error?.message).toContain('has more rights than');
  });
});

it("root's rights do not tell whether a file exists", async () => {
  const secret = path.join(folder, 'secret');
  mkdirSync(secret, { mode: 0o700 });
  writeFileSync(path.join(secret, 'there'), '');
  const asked = await Promise.all(
    ['there', 'not-there'].map((name) =>
      runToEnd('env', [
        ...Object.entries(sudoOf(alice)).map(([key, value]) => `${key}=${String(value)}`),
        ...[helperPath, 'run', '--', path.join(secret, name)],
      ]),
    ),
  );
  for (const { status, stderr } of asked) {
    expect(status).toBe(127);
    expect(stderr).toContain('was not found');
  }
});

describe.each(['its user', 'root'])('a process with files of its own, watched by %s,', (watcher) => {
  /** Starts a process of alice's in which `/etc/hosts` is another file, and watches it while it connects to 127.0.0.2. */
  async function nameOfPeer(hosts: string): Promise<HostName | undefined> {
    const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
    const namespace = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script, hosts];
    const connector = `
      const { connect } = require('node:net');
      process.stdin.on('end', () => process.exit()).on('data', (line) => {
        if (Number(line)) connect(Number(line), '127.0.0.2');
        else console.log('up');
      });`;
    const child = await runAs(alice, ...namespace, process.execPath, '-e', connector);
    const client = watcher === 'root' ? new RpcClient({ SUDO_UID: undefined }) : await helperOf(alice);
    if (watcher === 'root') {
      clients.push(client);
      await client.initialize();
    }
    expect(await client.request(start, { pid: child.pid, intervalMillis: 100 })).toHaveProperty('result');
    const peer = net.createServer().listen(0, '127.0.0.2');
    await once(peer, 'listening');
    child.stdin.write(`${String((peer.address() as net.AddressInfo).port)}\n`);
    for (;;) {
      const { flows } = (await client.notification('monitor/sample')).params as MonitorSample;
      const flow = flows.find(({ remote }) => remote?.address === '127.0.0.2');
      if (flow === undefined) continue;
      peer.close();
      return flow.host;
    }
  }

  it('has peers named by them', async () => {
    const hosts = path.join(folder, 'hosts');
    writeFileSync(hosts, '127.0.0.2 peer.example\n');
    expect(await nameOfPeer(hosts)).toEqual({ name: 'peer.example', source: 'hosts-file' });
  });

  it('cannot have the helper open anything but a file', async () => {
    const pipe = path.join(folder, `pipe-for-${watcher.replace(' ', '-')}`);
    run('mkfifo', pipe);
    chmodSync(pipe, 0o666);
    const waiting = spawn('sh', ['-c', 'read line; echo up; exec 3>"$0"', pipe], { stdio: 'pipe' });
    try {
      waiting.stdin.write('ready\n');
      await once(waiting.stdout, 'data');
      expect(await nameOfPeer(pipe)).toEqual({ name: 'localhost', source: 'local' });
      expect([waiting.exitCode, readStat(waiting.pid ?? 0)?.state]).toEqual([null, 'S']);
    } finally {
      waiting.kill('SIGKILL');
    }
  });
});

describe('an id that belongs to another process by now', () => {
  /** Starts a program again and again until it has the id. */
  async function reuse(pid: number, user: TemporaryUser, ...command: string[]) {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
      const child = spawn('setpriv', [...ids, ...command], { stdio: 'pipe' });
      children.push(child);
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
    await reuse(first.pid, bob, 'cat');
    expect(ticks(first.pid)).not.toBe(startTicks);

    expect(await client.request(start, { pid: first.pid, startTicks })).toMatchObject({
      error: { code: ErrorCode.NoSuchProcess },
    });
    const { processes } = await untilGone(client, first.pid);
    expect(processes).toEqual([expect.objectContaining({ pid: first.pid, uid: alice.uid, startTicks })]);
  });

  it('shows nothing of the sockets that the former one has left to another process', async () => {
    const client = await helperOf(alice);
    const { pid, port } = await listenAndLeave(bob);
    const own = await reuse(pid, alice, process.execPath, '-e', talker);
    await once(own.stdout, 'data'); // it is alice's by now
    const { result } = await client.request(start, { pid, intervalMillis: 100 });
    expect((result as MonitorStartResult).process.uid).toBe(alice.uid);

    const toBob = net.connect(port, '127.0.0.1');
    toBob.end('of no concern to alice');
    await once(toBob.resume(), 'close');
    const sink = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(sink, 'listening');
    own.stdin.write(`${String((sink.address() as net.AddressInfo).port)}\n`);

    const seen: unknown[] = [];
    const last = await client.next((message): message is Notification => {
      seen.push(message);
      if (!('method' in message) || message.method !== 'monitor/sample') return false;
      return (message.params as MonitorSample).total.payload.txBytes === 3;
    });
    sink.close();
    expect((last.params as MonitorSample).total.payload).toEqual({ txBytes: 3, rxBytes: 0 });
    expect(JSON.stringify(seen)).toContain('"established"');
    expect(JSON.stringify(seen)).not.toContain(`"port":${String(port)}`);
  });

  /** Connects to the port that it reads, and sends three bytes. */
  const talker =
    "process.stdin.once('data', (port) => require('node:net').connect(Number(port), '127.0.0.1').write('abc'))" +
    ".once('end', () => process.exit()); console.log('up');";

  /** Listens, passes that on to a child, which serves one connection, and ends: as daemons do. */
  const daemon = `
    const { createServer } = require('node:net');
    const { spawn } = require('node:child_process');
    if (process.env.DAEMON_PORT) {
      createServer((socket) => socket.resume().on('end', () => process.exit()))
        .listen({ fd: 3 }, () => console.log(process.env.DAEMON_PORT));
    } else {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const env = { ...process.env, DAEMON_PORT: server.address().port };
        const stdio = ['ignore', 'inherit', 'inherit', server._handle.fd];
        spawn(process.execPath, ['-e', process.env.DAEMON], { env, stdio });
        process.stdin.once('data', () => process.exit());
      });
    }`;

  async function listenAndLeave(user: TemporaryUser): Promise<{ pid: number; port: number }> {
    const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    const first = spawn('setpriv', [...ids, process.execPath, '-e', daemon], {
      env: { ...process.env, DAEMON: daemon },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await once(first.stdout, 'data')) as [Buffer];
    first.stdin.write('leave');
    await once(first, 'exit');
    return { pid: first.pid ?? 0, port: Number(line) };
  }
});
