// What is in the kernel while the built helper runs, and what is left of it when it has ended, in either way.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { helperPath, runToEnd } from './support/helper';
import { exists, linksOf, objectsOf, type KernelObject } from './support/kernel-objects';
import { NetworkNamespace } from './support/network-namespace';
import { hasTcx, withTcx, withoutTcx } from './support/running-kernel';

const device = 'pnm0';
// A filter of somebody else, at a priority and of a kind of its own.
const foreignFilter = [
  ...['dev', device, 'ingress', 'protocol', 'all', 'prio', '9'],
  ...['u32', 'match', 'u32', '0', '0'],
] as const;

let namespace: NetworkNamespace;
const running: ChildProcess[] = [];

beforeEach(() => {
  namespace = new NetworkNamespace('left');
  namespace.ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'pnm1');
  for (const name of [device, 'pnm1']) namespace.ip('link', 'set', name, 'up');
});

afterEach(async () => {
  for (const child of running.splice(0)) await end(child, 'SIGKILL');
  namespace.dispose();
});

function within(...args: string[]): string[] {
  return [`--net=/run/netns/${namespace.name}`, '--', helperPath, ...args];
}

/** Starts a helper in the namespace and waits until it counts. */
async function startHelper(): Promise<ChildProcess & { pid: number }> {
  const child = spawn('nsenter', within('watch', '--format', 'json', String(process.pid)), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const ended = once(child, 'close').then(() => {
    throw new Error('The helper ended before its first sample');
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined); // from now on the tests end it
  child.stdout.resume();
  return child as ChildProcess & { pid: number };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

/** Filters of ours, each with its direction. */
function filters(): string[] {
  return ['ingress', 'egress'].flatMap((side) =>
    [...namespace.tc('filter', 'show', 'dev', device, side).matchAll(/\bcount_(ingress|egress):\[/g)].map(
      ([, name]) => name ?? '',
    ),
  );
}

const hasForeignFilter = () => namespace.tc('filter', 'show', 'dev', device, 'ingress').includes(' u32 ');
const hasQdisc = () => namespace.tc('qdisc', 'show', 'dev', device).includes('clsact');

/** Waits until all of it is gone; the kernel frees after a grace period. */
async function expectGone(objects: KernelObject[]): Promise<void> {
  await expect.poll(() => objects.filter(exists), { timeout: 30_000 }).toEqual([]);
}

async function cleanUp(): Promise<void> {
  const finished = await runToEnd('nsenter', within('cleanup'));
  expect(finished, finished.stderr).toMatchObject({ status: 0 });
}

describe('the helper', () => {
  it('loads and attaches: by tcx where the kernel has it, by clsact elsewhere', async () => {
    const { pid } = await startHelper();
    const interfaces = ['lo', device, 'pnm1'];
    expect(linksOf(pid, 'tcx')).toBe(hasTcx ? interfaces.length * 2 : 0);
    expect(linksOf(pid, 'cgroup')).toBeGreaterThan(0);
    expect(filters()).toEqual(hasTcx ? [] : ['ingress', 'egress']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when it ends by %s', async (signal) => {
    const helper = await startHelper();
    const objects = objectsOf(helper.pid);
    expect(objects.filter(([kind]) => kind === 'prog').length).toBeGreaterThan(0);
    expect(objects.filter(exists)).toEqual(objects);
    await end(helper, signal);
    expect(filters()).toEqual([]);
    expect(hasQdisc()).toBe(false);
    await expectGone(objects);
  });
});

describe('a helper that was killed', () => {
  it('leaves nothing behind', async ({ skip }) => {
    skip(!hasTcx, withoutTcx);
    const helper = await startHelper();
    const objects = objectsOf(helper.pid);
    await end(helper, 'SIGKILL');
    expect(filters()).toEqual([]);
    expect(hasQdisc()).toBe(false);
    await expectGone(objects);
  });

  it('leaves its filters behind, and nothing but what they hold', async ({ skip }) => {
    skip(hasTcx, withTcx);
    const helper = await startHelper();
    const links = objectsOf(helper.pid).filter(([kind]) => kind === 'link');
    await end(helper, 'SIGKILL');
    await expectGone(links);
    expect(filters()).toEqual(['ingress', 'egress']);
  });

  it.each(['before', 'after'] as const)(
    'is swept up by "cleanup", and the filter that somebody made %s is not',
    async (moment) => {
      const addForeignFilter = () => {
        if (!hasQdisc()) namespace.tc('qdisc', 'add', 'dev', device, 'clsact');
        namespace.tc('filter', 'add', ...foreignFilter);
      };
      if (moment === 'before') addForeignFilter();
      const helper = await startHelper();
      if (moment === 'after') addForeignFilter();
      const objects = objectsOf(helper.pid);
      await end(helper, 'SIGKILL');
      await cleanUp();
      expect(filters()).toEqual([]);
      expect(hasForeignFilter()).toBe(true);
      await expectGone(objects);
    },
  );

  it('is swept up by the next start, which takes its own filters away again', async ({ skip }) => {
    skip(hasTcx, withTcx);
    const killed = await startHelper();
    const objects = objectsOf(killed.pid);
    await end(killed, 'SIGKILL');
    expect(filters()).toEqual(['ingress', 'egress']);
    const next = await startHelper();
    expect(filters()).toEqual(['ingress', 'egress']);
    await expectGone(objects);
    await end(next, 'SIGTERM');
    expect(filters()).toEqual([]);
    expect(hasQdisc()).toBe(false);
  });
});
