// Events as they happen: processes, sockets, interfaces.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  KernelEvent,
  KernelInterface,
  LinkEvent,
  ProcessEvent,
  SocketEvent,
} from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { run } from './support/namespaces';
import { NetworkNamespace } from './support/network-namespace';
import { compiledProgram } from './support/programs';

let addon: AddonProcess;

async function start(namespace?: string): Promise<void> {
  addon = new AddonProcess(namespace === undefined ? {} : { namespace });
  const opened = await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
  // The kernel reports processes in the first network namespace only: whoever is in another one asks there.
  expect(opened).toMatchObject({ processEvents: true });
  await addon.call('listen');
}

function isProcessEvent(event: KernelEvent): event is ProcessEvent {
  return event.type === 'fork' || event.type === 'exec' || event.type === 'exit';
}

function isLinkEvent(event: KernelEvent): event is LinkEvent {
  return event.type === 'link' || event.type === 'unlink';
}

function isSocketEvent(event: KernelEvent): event is SocketEvent {
  return 'socketCookie' in event;
}

afterEach(async () => {
  await addon.end();
});

interface Shell {
  pid: number;
  child: ChildProcessByStdio<Writable, Readable, null>;
  /** Lets it run its script. */
  go(): void;
}

/** A shell that waits for a line before it runs its script, so that it can be watched first. */
async function startShell(script: string): Promise<Shell> {
  const child = spawn('/bin/sh', ['-c', `echo ready; read line; ${script}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.stdout.resume();
  return { pid: child.pid ?? 0, child, go: () => child.stdin.write('go\n') };
}

async function watchedShell(script: string, followChildren: boolean): Promise<Shell> {
  const shell = await startShell(script);
  await addon.call('watch', shell.pid, followChildren);
  shell.go();
  return shell;
}

async function untilExit(processId: number): Promise<void> {
  await expect
    .poll(() => addon.events.some((event) => event.type === 'exit' && event.processId === processId))
    .toBe(true);
}

function processEvents(): Record<string, unknown>[] {
  return addon.events.filter(isProcessEvent).map(({ nanos: _, ...event }) => event);
}

describe('process events', () => {
  beforeEach(() => start());

  it('follows children and their children, each reported before what it does', async () => {
    const shell = await watchedShell('(/bin/true; exit 5); exit 3', true);
    await untilExit(shell.pid);

    const events = processEvents();
    const [first] = events;
    expect(first).toMatchObject({ type: 'fork', processId: shell.pid });
    const child = first?.['childId'] as number;
    const second = events[1];
    expect(second).toMatchObject({ type: 'fork', processId: child });
    const grandchild = second?.['childId'] as number;
    expect(events.slice(2)).toEqual([
      { type: 'exec', processId: grandchild },
      { type: 'exit', processId: grandchild, status: 0 },
      { type: 'exit', processId: child, status: 5 },
      { type: 'exit', processId: shell.pid, status: 3 },
    ]);
    const nanos = addon.events.filter(isProcessEvent).map((event) => event.nanos);
    expect(nanos).toEqual(nanos.toSorted((a, b) => a - b));
    expect(nanos.at(-1)).toBeLessThan(await addon.call('monotonicNanos'));
  });

  it('does not follow children when it is told not to', async () => {
    const shell = await watchedShell('(/bin/true; exit 5); exit 3', false);
    await untilExit(shell.pid);
    expect(processEvents().map(({ type, processId }) => [type, processId])).toEqual([
      ['fork', shell.pid],
      ['exit', shell.pid],
    ]);
  });

  it('counts the status of a killed process as the shell does', async () => {
    const shell = await watchedShell('kill -KILL $$', false);
    await untilExit(shell.pid);
    expect(processEvents()).toEqual([{ type: 'exit', processId: shell.pid, status: 128 + 9 }]);
  });

  it('tells when a process becomes another user or group', async () => {
    const script = 'process.setgid(65534); process.setuid(65534)';
    const shell = await watchedShell(`exec ${process.execPath} -e '${script}'`, false);
    await untilExit(shell.pid);
    const types = new Set(addon.events.filter(({ type }) => type !== 'link').map(({ type }) => type));
    expect([...types]).toEqual(['exec', 'credentials', 'exit']);
  });

  it('says nothing of processes that are not watched any more', async () => {
    const shell = await startShell('exec /bin/true');
    await addon.call('watch', shell.pid, true);
    await addon.call('unwatch', shell.pid);
    const other = await watchedShell('exit 0', true);
    shell.go();
    await once(shell.child, 'close');
    const last = await watchedShell('exit 0', true);
    await untilExit(other.pid);
    await untilExit(last.pid);
    expect(processEvents().filter(({ processId }) => processId === shell.pid)).toEqual([]);
  });

  it('refuses a process that has ended', async () => {
    const child = spawn('/bin/true');
    await once(child, 'close');
    await expect(addon.call('watch', child.pid, true)).rejects.toMatchObject({
      code: 'ESRCH',
      operation: 'watch',
    });
  });

  it('takes a process for ended only when its last thread has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'procnetmon-'));
    try {
      const program = compiledProgram('leader-exits', folder);
      // Through a shell, so that it is watched before its main thread ends.
      const { pid, child } = await watchedShell(`exec ${program}`, true);
      // What is reported of the main thread's end comes before the end of a process that is started now.
      await expect.poll(() => run('cat', `/proc/${String(pid)}/stat`)).toMatch(/\) Z /);
      const marker = await watchedShell('exit 0', false);
      await untilExit(marker.pid);
      expect(processEvents().filter(({ processId }) => processId === pid)).toEqual([
        { type: 'exec', processId: pid },
      ]);
      child.stdin.end();
      await untilExit(pid);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('reports the sockets of watched processes', async () => {
  await start();
  await addon.call('watch', process.pid, false);
  const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  client.resume();
  await once(client, 'close');
  server.close();
  await once(server, 'close');

  const ours = () =>
    addon.events
      .filter(isSocketEvent)
      .filter((event) => event.localPort === port || event.remotePort === port);
  await expect.poll(() => ours().filter(({ type }) => type === 'closed')).toHaveLength(3);
  expect(new Set(ours().map(({ processId }) => processId))).toEqual(new Set([process.pid]));
  expect(ours()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        type: 'listening',
        localAddress: '127.0.0.1',
        localPort: port,
        remoteAddress: '',
      }),
      expect.objectContaining({
        type: 'established',
        remotePort: port,
        remoteAddress: '127.0.0.1',
        outgoing: true,
      }),
      expect.objectContaining({ type: 'established', localPort: port, outgoing: false, protocol: 6 }),
    ]),
  );
});

describe('interfaces', () => {
  let namespace: NetworkNamespace;

  beforeEach(async () => {
    namespace = new NetworkNamespace('link');
    await start(namespace.name);
  });

  afterEach(() => {
    namespace.dispose();
  });

  it('reports what appears, goes up, changes its name and vanishes', async () => {
    const links = () =>
      addon.events
        .filter(isLinkEvent)
        .filter(({ name }) => name.startsWith('pnm'))
        .map((event) => (event.type === 'link' ? [event.name, event.up] : [event.name, event.type]));
    namespace.ip('link', 'add', 'pnm0', 'type', 'veth', 'peer', 'name', 'other0');
    namespace.ip('link', 'set', 'pnm0', 'up');
    await expect.poll(links).toEqual([
      ['pnm0', false],
      ['pnm0', true],
    ]);

    const interfaces = await addon.call<KernelInterface[]>('interfaces');
    const added = interfaces.find(({ name }) => name === 'pnm0');
    expect(added).toMatchObject({ up: true, attached: false });
    await addon.call('attachInterface', added?.index);

    namespace.ip('link', 'set', 'pnm0', 'down');
    namespace.ip('link', 'set', 'pnm0', 'name', 'pnm1');
    namespace.ip('link', 'delete', 'pnm1');
    await expect.poll(links).toEqual([
      ['pnm0', false],
      ['pnm0', true],
      ['pnm0', false],
      ['pnm1', false],
      ['pnm1', 'unlink'],
    ]);
    // The index may come back, for another interface: nothing of the old one is left.
    namespace.ip(
      'link',
      'add',
      'pnm2',
      'index',
      String(added?.index),
      'type',
      'veth',
      'peer',
      'name',
      'other0',
    );
    await addon.call('attachInterface', added?.index);
    expect(await addon.call<KernelInterface[]>('interfaces')).toContainEqual(
      expect.objectContaining({ name: 'pnm2', attached: true }),
    );
  });

  it('does not take a port that leaves its bridge for removed', async () => {
    namespace.ip('link', 'add', 'bridge0', 'type', 'bridge');
    namespace.ip('link', 'add', 'pnm0', 'type', 'veth', 'peer', 'name', 'other0');
    namespace.ip('link', 'set', 'pnm0', 'master', 'bridge0');
    namespace.ip('link', 'set', 'pnm0', 'nomaster');
    namespace.ip('link', 'delete', 'bridge0');
    await expect
      .poll(() => addon.events.filter((event) => event.type === 'unlink').map(({ name }) => name))
      .toEqual(['bridge0']);
  });

  it('finds out what changed when there was too much to hear', async () => {
    // Stopped, it hears nothing until its buffer is full.
    process.kill(addon.pid, 'SIGSTOP');
    try {
      namespace.ip('link', 'add', 'pnm0', 'up', 'type', 'veth', 'peer', 'name', 'other0');
      const commands = Array.from({ length: 500 }, (_, round) => `link set pnm0 alias round${String(round)}`);
      run(
        'sh',
        '-c',
        `printf '%s\\n' "$1" | ip -netns ${namespace.name} -batch -`,
        'sh',
        commands.join('\n'),
      );
      namespace.ip('link', 'set', 'pnm0', 'down');
      namespace.ip('link', 'set', 'pnm0', 'name', 'pnm9');
    } finally {
      process.kill(addon.pid, 'SIGCONT');
    }
    await expect
      .poll(() => addon.events.filter(isLinkEvent).map(({ name }) => name))
      .toEqual(expect.arrayContaining(['pnm9', 'other0']));
    const drops = (await addon.call<string>('readFile', '/proc/self/net/netlink'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.trim().split(/\s+/)[8]));
    expect(Math.max(...drops), 'messages that the test made the kernel drop').toBeGreaterThan(0);
  });
});
