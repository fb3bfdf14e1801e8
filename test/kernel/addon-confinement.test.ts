// What a helper can still ask of the kernel once it counts, also in the hands of somebody who has taken it over.
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KernelInterface } from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { compiledProgram } from './support/programs';

const { EPERM, ENOSYS } = constants.errno;
const nobody = { uid: 65_534, gid: 65_534, groups: [65_534], keepPtrace: false };

let addon: AddonProcess;

beforeEach(() => {
  addon = new AddonProcess();
});

afterEach(async () => {
  await addon.end();
});

describe('the filter of system calls alone, with all of the rights of root', () => {
  let folder: string;
  let module: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
    module = compiledProgram('forbidden-calls-module', folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('stops every call that counting does not make, in every thread', async () => {
    await addon.call('loadForbiddenCalls', module);
    const before = await addon.call<Record<string, number>>('tryForbiddenCalls');
    // The test must be able to fail: root's calls are looked at, and fail for other reasons if at all.
    const refusedBefore = Object.keys(before).filter((name) => before[name] === EPERM);
    expect(refusedBefore).toEqual([]);

    await addon.call('confine', 0);
    const after = await addon.call<Record<string, number>>('tryForbiddenCalls');
    const allowed = Object.keys(after).filter((name) => after[name] !== EPERM && after[name] !== ENOSYS);
    expect(allowed).toEqual([]);
    for (const thread of await addon.call<string[]>('list', '/proc/self/task')) {
      const status = await addon.call<string>('readFile', `/proc/self/task/${thread}/status`);
      expect(status).toMatch(/^Seccomp:\t2$/m);
    }
  });

  it.each([
    'run a program',
    'make a file',
    'write to a file',
    'truncate a file',
    'remove a file',
    'rename a file',
    'make a folder',
    'change a mode',
    'link a file',
    'signal another process',
    'become root',
    'load programs',
    'filter less',
  ])('lets nobody %s', async (attempt) => {
    await addon.call('confine', 0);
    expect(await addon.call('tryTo', attempt, cgroupFolder)).toBe('EPERM');
  });

  it.each(['read a file', 'ask whether a process lives', 'signal itself'])(
    'lets a helper %s',
    async (attempt) => {
      await addon.call('confine', 0);
      expect(await addon.call('tryTo', attempt)).toBe('done');
    },
  );
});

it('a command that was started before may be signalled, and nobody else', async () => {
  await addon.call('confine', process.pid);
  expect(await addon.call('tryTo', 'signal another process')).toBe('done');
});

describe('a helper without rights and behind the filter', () => {
  it('does everything that counting takes', async () => {
    await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
    await addon.call('dropPrivileges', nobody);
    await addon.call('confine', 0);
    await addon.call('listen');
    const [loopback] = await addon.call<KernelInterface[]>('interfaces');
    await addon.call('attachInterface', loopback?.index);
    await addon.call('watch', addon.pid, true);
    await addon.call('flows');
    await addon.call('adoptSockets', addon.pid);
    expect(await addon.call('tryTo', 'look at a file before it opens it')).toBe('done');
    expect(await addon.call('statistics')).toMatchObject({ droppedEvents: 0 });
    await addon.call('trimMemory');
    await addon.call('detachInterface', loopback?.index);
    await addon.call('attachInterface', loopback?.index);
    await addon.call('close');
  });

  it('loads no program, though it holds CAP_BPF', async () => {
    await addon.call('dropPrivileges', nobody);
    await addon.call('confine', 0);
    expect(await addon.call('tryTo', 'load programs', cgroupFolder)).toBe('EPERM');
  });
});
