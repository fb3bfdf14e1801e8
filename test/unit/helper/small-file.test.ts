// Files that may be anybody's: which of them are opened, and how much of them is read.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStat } from '../../../helper/src/processes';
import { lookAtSmallFile, readSmallFile } from '../../../helper/src/small-file';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'procnetmon-files-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const readForeign = (root: string, path: string) => lookAtSmallFile(path, ({ read }) => read(100), root);

describe('a small file', () => {
  it('is read from its beginning, through links too', () => {
    writeFileSync(join(folder, 'file'), 'content');
    symlinkSync('file', join(folder, 'link'));
    expect(readSmallFile(join(folder, 'link'), 4)).toBe('cont');
    expect(readSmallFile(join(folder, 'link'), 100)).toBe('content');
    expect(readSmallFile(join(folder, 'absent'), 100)).toBeUndefined();
    expect(readSmallFile(folder, 100)).toBeUndefined();
  });

  it.each(['plainly', 'through a link', 'in a foreign file system'])(
    'that is something else is not opened %s: whoever waits for it to be goes on waiting',
    async (way) => {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      symlinkSync('pipe', join(folder, 'link'));
      const waiting = spawn('sh', ['-c', 'exec 3>"$0"', pipe]);
      const state = (): string => {
        const stat = readStat(waiting.pid ?? 0);
        return `${stat?.name ?? ''} ${stat?.state ?? ''}`;
      };
      try {
        await expect.poll(state).toBe('sh S');
        if (way === 'plainly') expect(readSmallFile(pipe, 100)).toBeUndefined();
        if (way === 'through a link') expect(readSmallFile(join(folder, 'link'), 100)).toBeUndefined();
        if (way === 'in a foreign file system') expect(readForeign(folder, '/pipe')).toBeUndefined();
        expect(state()).toBe('sh S');
      } finally {
        const ended = once(waiting, 'exit');
        waiting.kill('SIGKILL');
        if (waiting.exitCode === null) await ended;
      }
    },
  );
});

describe('a file in a foreign file system', () => {
  it('is read where no link leads to it', () => {
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/hosts'), 'content');
    symlinkSync(join(folder, 'etc'), join(folder, 'linked'));
    symlinkSync('hosts', join(folder, 'etc/linked'));
    expect(readForeign(folder, '/etc/hosts')).toBe('content');
    expect(readForeign(folder, '/linked/hosts')).toBeUndefined();
    expect(readForeign(folder, '/etc/linked')).toBeUndefined();
    expect(readForeign(folder, '/etc/absent')).toBeUndefined();
  });

  it.each([
    ['/proc', '/version'],
    ['/sys/devices/virtual/net/lo', '/mtu'],
  ])('is none that the kernel makes up: %s%s', (root, path) => {
    expect(existsSync(root + path)).toBe(true);
    expect(readForeign(root, path)).toBeUndefined();
  });
});
