// Opening, attaching and closing: what is put into the kernel, and that nothing of it stays behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KernelInterface } from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';
import { exists, verifiedInstructionsOf, type KernelObject } from './support/kernel-objects';
import { NetworkNamespace } from './support/network-namespace';
import { compiledProgram } from './support/programs';
import {
  hasTcx,
  tellsVerifiedInstructions,
  withoutTcx,
  withoutVerifiedInstructions,
} from './support/running-kernel';

/**
 * How many instructions the verifier may follow in one program. It gives up at a million, where nothing loads, and
 * gets there quickly: it follows each way through a program, so that one more test of a value that lives on can
 * double what comes after. Verifiers before 6.6 see fewer ways as the same; that of 5.10, which does not tell, needs
 * as much as that of 6.1. See bpf/verifier.h.
 */
const verifiedInstructionsAtMost = hasTcx ? 18_000 : 40_000;

let namespace: NetworkNamespace;
const processes: AddonProcess[] = [];

function startProcess(): AddonProcess {
  const started = new AddonProcess({ namespace: namespace.name });
  processes.push(started);
  return started;
}

beforeEach(() => {
  namespace = new NetworkNamespace('life');
  namespace.ip('link', 'add', 'pnm0', 'type', 'veth', 'peer', 'name', 'pnm1');
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  namespace.dispose();
});

async function open(addon: AddonProcess, attachment: 'auto' | 'tcx' | 'clsact') {
  return addon.call<{ attachment: string; processEvents: boolean }>('open', {
    cgroup: cgroupFolder,
    attachment,
  });
}

/** How much memory a process may lock, as the kernel says. */
function lockedMemory(pid: number): string | undefined {
  return /^Max locked memory.*$/m.exec(readFileSync(`/proc/${String(pid)}/limits`, 'utf8'))?.[0];
}

async function indexOf(addon: AddonProcess, name: string): Promise<number> {
  const interfaces = await addon.call<KernelInterface[]>('interfaces');
  const found = interfaces.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`There is no interface ${name}`);
  return found.index;
}

function filters(device: string): string {
  return ['ingress', 'egress'].map((side) => namespace.tc('filter', 'show', 'dev', device, side)).join('');
}

function qdiscs(device: string): string {
  return namespace.tc('qdisc', 'show', 'dev', device);
}

describe('opening and closing', () => {
  it('takes everything out of the kernel on close', async () => {
    const addon = startProcess();
    await open(addon, 'auto');
    await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
    const objects = await addon.call<KernelObject[]>('objects');
    expect(objects.filter(([kind]) => kind === 'link').length).toBeGreaterThanOrEqual(9);
    expect(objects.filter(exists)).toEqual(objects);

    await addon.call('close');
    expect(await addon.call('objects')).toEqual([]);
    // The kernel frees after a grace period.
    await expect.poll(() => objects.filter(exists)).toEqual([]);
    await addon.call('close');
    await expect(addon.call('statistics')).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('leaves the limit of locked memory as it was, which old kernels ask to be raised for maps', async () => {
    const addon = startProcess();
    await addon.call('capabilities');
    const before = lockedMemory(addon.pid);
    expect(before).toBeDefined();
    await open(addon, 'auto');
    expect(lockedMemory(addon.pid)).toBe(before);
  });

  it('has little for the verifier to follow', async ({ skip }) => {
    skip(!tellsVerifiedInstructions, withoutVerifiedInstructions);
    const addon = startProcess();
    await open(addon, 'auto');
    const verified = verifiedInstructionsOf(addon.pid);
    expect([...verified.keys()]).toEqual(
      expect.arrayContaining(['count_egress', 'count_ingress', 'packet_in', 'packet_out']),
    );
    const tooMany = [...verified].filter(([, count]) => count > verifiedInstructionsAtMost);
    expect(tooMany).toEqual([]);
  });

  it('takes everything back when the cgroup folder does not exist', async () => {
    const addon = startProcess();
    await expect(addon.call('open', { cgroup: '/nowhere', attachment: 'clsact' })).rejects.toMatchObject({
      code: 'ENOENT',
      operation: 'open(/nowhere)',
      message: 'open(/nowhere): No such file or directory',
    });
    expect(await addon.call('objects')).toEqual([]);
  });

  it('refuses a folder that is none of a cgroup v2 hierarchy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'procnetmon-'));
    try {
      const addon = startProcess();
      await expect(addon.call('open', { cgroup: folder, attachment: 'auto' })).rejects.toMatchObject({
        code: 'EINVAL',
        operation: `open(${folder})`,
      });
      expect(await addon.call('objects')).toEqual([]);
    } finally {
      rmdirSync(folder);
    }
  });

  it.each([
    ['attachInterface', ['1']],
    ['attachInterface', [1.5]],
    ['watch', [1, 'yes']],
    ['readFlows', [[1, 2, 3]]],
    ['open', ['nothing']],
    ['open', [{ cgroup: '/', attachment: 'both' }]],
    ['dropPrivileges', [{ uid: -1, gid: 0, groups: [], keepPtrace: false }]],
  ])('refuses wrong arguments of %s: %j', async (method, args) => {
    const addon = startProcess();
    await open(addon, 'auto');
    await expect(addon.call(method, ...args)).rejects.toThrow(/ must be /);
  });
});

describe.each(['tcx', 'clsact'] as const)('interfaces by %s', (attachment) => {
  beforeEach(({ skip }) => skip(attachment === 'tcx' && !hasTcx, withoutTcx));

  it('counts at an interface once it is attached, and not any more once it is detached', async () => {
    const addon = startProcess();
    expect(await open(addon, attachment)).toMatchObject({ attachment });
    const index = await indexOf(addon, 'pnm0');
    const attached = async () => {
      const interfaces = await addon.call<KernelInterface[]>('interfaces');
      return interfaces.filter((candidate) => candidate.attached).map(({ name }) => name);
    };
    expect(await attached()).toEqual([]);
    await addon.call('attachInterface', index);
    await addon.call('attachInterface', index);
    expect(await attached()).toEqual(['pnm0']);
    await addon.call('detachInterface', index);
    await addon.call('detachInterface', index);
    expect(await attached()).toEqual([]);
    await addon.call('attachInterface', index);
    expect(await attached()).toEqual(['pnm0']);
  });

  it('names an interface that does not exist', async () => {
    const addon = startProcess();
    await open(addon, attachment);
    await expect(addon.call('attachInterface', 4_000_000)).rejects.toMatchObject({
      code: 'ENODEV',
      message: 'attachInterface: No such device (interface 4000000)',
    });
  });
});

describe('clsact', () => {
  it('makes the qdisc and removes it again', async () => {
    const addon = startProcess();
    await open(addon, 'clsact');
    await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
    expect(qdiscs('pnm0')).toContain('clsact');
    expect(filters('pnm0')).toMatch(/count_ingress:.*direct-action[^]*count_egress:.*direct-action/);
    await addon.call('close');
    expect(qdiscs('pnm0')).not.toContain('clsact');
  });

  it('leaves the qdisc of others alone', async () => {
    namespace.tc('qdisc', 'add', 'dev', 'pnm0', 'clsact');
    const addon = startProcess();
    await open(addon, 'clsact');
    await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
    await addon.call('close');
    expect(filters('pnm0')).toBe('');
    expect(qdiscs('pnm0')).toContain('clsact');
  });

  it('serves two helpers side by side, and the last one removes the qdisc', async () => {
    const [first, second] = [startProcess(), startProcess()];
    for (const addon of [first, second]) {
      await open(addon, 'clsact');
      await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
    }
    expect(filters('pnm0').match(/count_ingress/g)).toHaveLength(2 * 2);
    expect(await second.call('sweep')).toBe(0);
    await first.call('close');
    expect(filters('pnm0').match(/count_ingress/g)).toHaveLength(1 * 2);
    await second.call('close');
    expect(qdiscs('pnm0')).not.toContain('clsact');
  });

  it('removes its filters when the process exits without closing', async () => {
    const addon = startProcess();
    await open(addon, 'clsact');
    await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
    await expect(addon.call('exit')).rejects.toThrow();
    await addon.ended();
    expect(qdiscs('pnm0')).not.toContain('clsact');
  });

  it('is kept from nothing by somebody who takes names that helpers might have', async () => {
    const before = startProcess();
    await open(before, 'clsact');
    const programs = (await before.call<KernelObject[]>('objects')).filter(([kind]) => kind === 'prog');
    const next = Math.max(...programs.map(([, id]) => id)) + 1;
    const folder = mkdtempSync(join(tmpdir(), 'procnetmon-'));
    const program = compiledProgram('take-names', folder);
    const inside = [`--net=/run/netns/${namespace.name}`, '--', program, String(next), '500'];
    const others = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(others.stdout, 'data');
      expect(await open(startProcess(), 'clsact')).toMatchObject({ attachment: 'clsact' });
    } finally {
      const ended = once(others, 'exit');
      others.stdin.end();
      await ended;
      rmSync(folder, { recursive: true });
    }
  });

  it('sweeps up after a helper that was killed, and nothing else', async () => {
    const killed = startProcess();
    await open(killed, 'clsact');
    await killed.call('attachInterface', await indexOf(killed, 'pnm0'));
    await killed.call('attachInterface', await indexOf(killed, 'pnm1'));
    await killed.kill();
    expect(filters('pnm0')).toContain('count_egress');

    const other = startProcess();
    await open(other, 'clsact');
    await other.call('attachInterface', await indexOf(other, 'pnm1'));
    const sweeper = startProcess();
    expect(await sweeper.call('sweep')).toBe(4);
    expect(await sweeper.call('sweep')).toBe(0);
    expect(qdiscs('pnm0')).not.toContain('clsact');
    expect(filters('pnm1').match(/count_ingress/g)).toHaveLength(1 * 2);
  });
});

it('leaves nothing behind with tcx when it is killed', async ({ skip }) => {
  skip(!hasTcx, withoutTcx);
  const addon = startProcess();
  await open(addon, 'tcx');
  await addon.call('attachInterface', await indexOf(addon, 'pnm0'));
  const objects = await addon.call<KernelObject[]>('objects');
  await addon.kill();
  await expect.poll(() => objects.filter(exists), { timeout: 10_000 }).toEqual([]);
});
