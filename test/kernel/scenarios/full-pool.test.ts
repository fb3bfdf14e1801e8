// More at once than the pool of flows has room for: connections, and ports that nobody listens on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostPair, run } from '../support/namespaces';
import { together } from '../support/places';
import {
  crossed,
  expectNobodyElse,
  expectPayload,
  expectWire,
  inside,
  processOf,
  type Report,
  runWatched,
  Server,
} from '../support/scenario';

const scanProgram = fileURLToPath(new URL('../support/crowd.mjs', import.meta.url));
const crowdProgram = fileURLToPath(new URL('../support/far-crowd.mjs', import.meta.url));

/** How many descriptors a process of this user may have; Node.js takes as many as it may. */
function mostDescriptors(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, most = '0'] = /^Max open files +\S+ +(\S+)/m.exec(limits) ?? [];
  return most === 'unlimited' ? Infinity : Number(most);
}

let pair: HostPair;
beforeAll(() => {
  pair = new HostPair('crw', { isHome: together === 'home' });
  pair.setOffloads('off');
  run(...inside(pair.far, 'sysctl', '-qw', 'net.core.somaxconn=16384', 'net.ipv4.tcp_max_syn_backlog=16384'));
});
afterAll(() => {
  pair.dispose();
});

/** Everything but single flows, of which there may be too many. */
function expectTotals(report: Report): void {
  const [truth] = report.truths;
  if (!truth) throw new Error('The client said nothing');
  const process = processOf(report, truth.pid);
  expectPayload(process, truth);
  expectWire([process], crossed(pair));
  expectNobodyElse(report, [truth.pid], { processes: 0 });
}

describe('a full pool', () => {
  it.for([10_000, 15_000])('full pool: %i connections at once', async (count, { skip }) => {
    skip(mostDescriptors() < count + 100, 'a process may not have as many descriptors here');
    const { server, port } = await Server.start(
      inside(pair.far, process.execPath, crowdProgram, 'server', pair.far.ipv4),
    );
    try {
      pair.startCounting();
      const client = [crowdProgram, 'client', pair.far.ipv4, String(port), String(count)];
      const report = await runWatched(pair.near, pair.near, [process.execPath, ...client]);
      expectTotals(report);
    } finally {
      await server.dispose();
    }
  });

  it('full pool: a scan of 20,000 ports', async () => {
    pair.startCounting();
    const client = [scanProgram, 'scan', pair.far.ipv4, '2000', '22000'];
    const report = await runWatched(pair.near, pair.near, [process.execPath, ...client]);
    expect(report.truths).toMatchObject([{ refused: 20_000 }]);
    expectTotals(report);
    const { flows } = processOf(report, report.truths[0]?.pid ?? 0);
    expect(new Set(flows.map(({ reason }) => reason))).toEqual(new Set(['refused']));
  });
});
