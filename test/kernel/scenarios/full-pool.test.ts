// More at once than the pool of flows has room for: connections, and ports that nobody listens on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostPair, run } from '../support/namespaces';
import { together } from '../support/places';
import { useProgram } from '../support/programs';
import {
  crossed,
  expectNobodyElse,
  expectPayload,
  expectWire,
  inside,
  processOf,
  type ProcessSummary,
  type Report,
  runWatched,
  Server,
  type Truth,
} from '../support/scenario';
import { SocketProcess } from '../support/socket-steps';
import { Watching } from '../support/watching';

const crowdProgram = fileURLToPath(new URL('../support/far-crowd.mjs', import.meta.url));

/** How many descriptors a process of this user may have; Node.js takes as many as it may. */
function mostDescriptors(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, most = '0'] = /^Max open files +\S+ +(\S+)/m.exec(limits) ?? [];
  return most === 'unlimited' ? Infinity : Number(most);
}

/** How many flows there is room for (`PNM_FLOW_CAPACITY`). */
const poolSize = 16_384;

const program = useProgram('socket-steps');
let pair: HostPair;
beforeAll(() => {
  pair = new HostPair('crw', { isHome: together === 'home' });
  pair.setOffloads('off');
  run(...inside(pair.far, 'sysctl', '-qw', 'net.core.somaxconn=16384', 'net.ipv4.tcp_max_syn_backlog=16384'));
});
afterAll(() => {
  pair.dispose();
});

/**
 * Everything but single flows, of which there are too many.
 * @param leastDropped how many packets found no room, at least
 */
function expectTotals(report: Report, truth: Truth | undefined, leastDropped: number): ProcessSummary {
  if (!truth) throw new Error('The client said nothing');
  const process = processOf(report, truth.pid);
  expectPayload(process, truth);
  expectWire([process], crossed(pair));
  expectNobodyElse(report, [truth.pid], { processes: 0 });
  expect(report.summary.dropped.flows).toBeGreaterThanOrEqual(leastDropped);
  return process;
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
      // How many of the peers' connections have room as well is left open.
      expectTotals(report, report.truths[0], 1);
    } finally {
      await server.dispose();
    }
  });

  it('full pool: a scan of 17,000 ports', async () => {
    const count = 17_000;
    const scanner = new SocketProcess(pair.near, program.path);
    pair.startCounting();
    const helper = await Watching.start(pair.near, scanner.pid);
    // A helper that runs makes room all the time: these flows are closed at once.
    process.kill(helper.pid, 'SIGSTOP');
    try {
      expect(await scanner.do('scan', pair.far.ipv4, 2_000, count)).toMatchObject({ value: count });
    } finally {
      process.kill(helper.pid, 'SIGCONT');
    }
    const report = await helper.stop();
    await scanner.end();
    // A SYN and its reset each.
    const leastDropped = 2 * (count - poolSize);
    const { flows } = expectTotals(report, { pid: scanner.pid, sent: 0, received: 0 }, leastDropped);
    expect(new Set(flows.map(({ reason }) => reason))).toEqual(new Set(['refused']));
  });
});
