import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Caller, inspectProcess, listVisibleProcesses, mayTrace } from '../../../helper/src/access';
import { childrenOf, descendantsOf } from '../../../helper/src/process-tree';
import {
  decodeName,
  displayName,
  listProcessIds,
  parseStat,
  readCredentials,
  readStartTicks,
  readStat,
} from '../../../helper/src/processes';
import { findUser, parseUsers, userName } from '../../../helper/src/users';
import { ErrorCode } from '../../../src/shared/protocol';
import { refusal } from './refusal';

const self: Caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const isRoot = self.uid === 0;
const stranger: Caller = { uid: 54_321, gid: 54_321 };

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** Starts a program that says a line once it runs, and waits for that line. */
async function start(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** What this process has read so far, from files and `/proc`. */
function bytesReadByUs(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
}

describe('parseStat', () => {
  const rest = 'S 1 5 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1000 200';

  it.each([
    ['plain', 'bash', 'bash'],
    ['parentheses and blanks', 'a) S (b', 'a) S (b'],
    ['a newline', 'x\ny', 'x y'],
    ['an escape', '\u001b[2J', '\ufffd[2J'],
    ['nothing', '', ''],
  ])('reads a name with %s', (_, name, shown) => {
    expect(parseStat(`77 (${name}) ${rest}`)).toMatchObject({
      pid: 77,
      name: shown,
      ppid: 1,
      startTicks: 12345,
    });
  });

  it('knows threads of the kernel by their flag', () => {
    expect(parseStat(`2 (kthreadd) ${rest}`)?.kernelThread).toBe(false);
    expect(parseStat(`2 (kthreadd) ${rest.replace('4194560', '2129984')}`)?.kernelThread).toBe(true);
  });

  it.each(['', 'no parentheses', '1 (x', '1 (x) S', '1 (x) S a b c d e f'])(
    'does not take %j for a line',
    (line) => {
      expect(parseStat(line)).toBeUndefined();
    },
  );
});

describe('names', () => {
  it('decodes what the kernel hands out as bytes', () => {
    expect(decodeName(Buffer.from('größe').toString('latin1'))).toBe('größe');
    expect(decodeName('\u0000\u00ff\u001b')).toBe('\ufffd\ufffd\ufffd');
  });

  it('names a runtime by its executable when the name is that of its main thread', () => {
    expect(displayName('MainThread', '/usr/bin/node')).toBe('node');
    expect(displayName('MainThread', '')).toBe('MainThread');
    expect(displayName('server.py', '/usr/bin/python3')).toBe('server.py');
  });

  it('finds users, and shows the number of those it does not find', () => {
    expect(parseUsers('a:x:1:2:c:/h:/s\nb:x:10:20:c:/h:/s', 10)).toMatchObject({ name: 'b', gid: 20 });
    expect(parseUsers('broken\n:::\nb:x:ten:20::', 10)).toBeUndefined();
    expect(userName(0)).toBe('root');
    expect(findUser(3_999_999_999)).toBeUndefined();
    expect(userName(3_999_999_999)).toBe('3999999999');
  });
});

describe('reading /proc', () => {
  it('tells about this process', () => {
    const info = inspectProcess(self, process.pid);
    expect(info).toMatchObject({ pid: process.pid, ppid: process.ppid, uid: self.uid });
    expect(info.exe).toBe(process.execPath);
    expect(info.startTicks).toBe(readStartTicks(process.pid));
    expect(listProcessIds()).toContain(process.pid);
  });

  it('joins the command line by blanks, with nothing in it that could move a cursor', async () => {
    const script = 'echo ready; read line';
    const pid = await start('/bin/sh', ['-c', script, 'a b', '\u001b[2J', '\u202e']);
    expect(inspectProcess(self, pid).command).toBe(`/bin/sh -c ${script} a b \ufffd[2J \ufffd`);
  });

  it('cuts a command line of a megabyte, and does not read the rest', async () => {
    const long = Array.from({ length: 10 }, () => 'x'.repeat(100_000));
    const pid = await start('/bin/sh', ['-c', 'echo ready; read line', ...long]);
    const readBefore = bytesReadByUs();
    expect(inspectProcess(self, pid).command.length).toBe(4_096);
    expect(bytesReadByUs() - readBefore).toBeLessThan(500_000);
  });

  it('takes a process that has only its exit status left for gone', async () => {
    // The shell replaces itself by a program that never waits for its child, and the child ends after that.
    const child = 'until [ "$(cat /proc/$$/comm)" = sleep ]; do :; done';
    const pid = await start('/bin/sh', ['-c', `(${child}) & echo $!; exec sleep 1000`]);
    const zombies = () =>
      childrenOf(pid).filter((id) => readFileSync(`/proc/${String(id)}/stat`, 'utf8').includes(') Z '));
    await expect.poll(() => zombies().length).toBe(1);
    const [zombie] = zombies();
    expect(readStat(zombie ?? 0)).toBeUndefined();
    expect(refusal(() => inspectProcess(self, zombie ?? 0)).code).toBe(ErrorCode.NoSuchProcess);
  });

  it('finds children and their children', async () => {
    const pid = await start('/bin/sh', ['-c', 'sh -c "echo ready; sleep 1000 & wait" & wait']);
    await expect.poll(() => descendantsOf(pid).length).toBe(2);
    const [child, grandchild] = descendantsOf(pid);
    expect(childrenOf(pid)).toEqual([child]);
    expect(childrenOf(child ?? 0)).toEqual([grandchild]);
    for (const id of [child, grandchild]) process.kill(id ?? 0, 'SIGKILL');
  });
});

describe('access', () => {
  it.each([0, -1, 1.5, NaN, 2 ** 22 + 1, Infinity])('refuses %d as a process id', (pid) => {
    const { code, message } = refusal(() => inspectProcess(self, pid));
    expect(code).toBe(ErrorCode.InvalidParams);
    expect(message).toContain(String(pid));
  });

  it('refuses a process that does not exist, and one that is not the one that was meant', () => {
    const free = 2 ** 22;
    expect(refusal(() => inspectProcess(self, free))).toMatchObject({
      code: ErrorCode.NoSuchProcess,
      message: `There is no process ${String(free)}.`,
    });
    expect(refusal(() => inspectProcess(self, process.pid, 1)).code).toBe(ErrorCode.NoSuchProcess);
    expect(inspectProcess(self, process.pid, readStartTicks(process.pid)).pid).toBe(process.pid);
  });

  it('lets a stranger see nothing of this process', () => {
    const { code, message, remedy } = refusal(() => inspectProcess(stranger, process.pid));
    expect(code).toBe(ErrorCode.AccessDenied);
    expect(message).toContain(userName(self.uid));
    expect(remedy).toBeDefined();
    expect(listVisibleProcesses(stranger).map(({ pid }) => pid)).not.toContain(process.pid);
  });

  it('shows this process to its user, and no threads of the kernel', () => {
    const visible = listVisibleProcesses(self);
    expect(visible.map(({ pid }) => pid)).toContain(process.pid);
    expect(visible.every(({ pid }) => readStat(pid)?.kernelThread !== true)).toBe(true);
  });

  it.each([
    ['its own', [5, 5, 5], [6, 6, 6], 5, true],
    ['another real user', [9, 5, 5], [6, 6, 6], 5, false],
    ['a set-user-id program', [5, 0, 0], [6, 6, 6], 0, false],
    ['a set-user-id program that gave its rights up for now', [5, 5, 0], [6, 6, 6], 5, false],
    ['a set-group-id program', [5, 5, 5], [6, 7, 7], 5, false],
    ['one that is not dumpable', [5, 5, 5], [6, 6, 6], 0, false],
  ] as const)('decides on %s', (_, uids, gids, filesOwner, allowed) => {
    const credentials = { uids: [...uids], gids: [...gids], filesOwner } as Parameters<typeof mayTrace>[1];
    expect(mayTrace({ uid: 5, gid: 6 }, credentials)).toBe(allowed);
    expect(mayTrace({ uid: 0, gid: 0 }, credentials)).toBe(true);
  });

  it.runIf(isRoot)('reads real, effective and saved ids apart', async () => {
    const pid = await start('setpriv', [
      '--ruid=54321',
      '--regid=54322',
      '--clear-groups',
      'sh',
      '-p', // or the shell gives the other rights up by itself
      '-c',
      'echo ready; read x',
    ]);
    expect(readCredentials(pid)).toMatchObject({ uids: [54_321, 0, 0], gids: [54_322, 54_322, 54_322] });
    expect(refusal(() => inspectProcess({ uid: 54_321, gid: 54_322 }, pid)).message).toContain('root');
  });

  it.runIf(isRoot)('lets a user see a process of theirs', async () => {
    const pid = await start('setpriv', [
      '--reuid=54321',
      '--regid=54321',
      '--clear-groups',
      'sh',
      '-c',
      'echo ready; read x',
    ]);
    expect(inspectProcess(stranger, pid)).toMatchObject({ pid, uid: 54_321, user: '54321' });
    expect(listVisibleProcesses(stranger).map((info) => info.pid)).toEqual([pid]);
  });
});
