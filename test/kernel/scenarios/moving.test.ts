// Every way in which a program can hand bytes to a socket and take them from one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Family, measureAgainstServer } from '../support/far-server';
import { HostPair } from '../support/namespaces';
import { PairByPlace, type Place } from '../support/places';
import { compiledProgram } from '../support/programs';
import { crossed, expectEveryByteOnce } from '../support/scenario';

const notAvailable = 77;
const streamWays = ['send', 'sendmsg', 'sendmmsg', 'sendfile', 'splice', 'zerocopy', 'io_uring', 'peek'];
const datagramWays = ['send', 'sendmsg', 'sendmmsg', 'zerocopy', 'io_uring', 'peek'];

describe('ways of moving bytes', () => {
  const pairs = new PairByPlace((options) => {
    const pair = new HostPair('mov', options);
    pair.retransmitLate();
    pair.setOffloads('off');
    return pair;
  });
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-moving-'));
    program = compiledProgram('moving', folder);
  });
  afterAll(() => {
    pairs.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const combinations: { family: Family; place: Place }[] = [
    { family: 'ipv4', place: 'inside' },
    { family: 'ipv6', place: 'outside' },
  ];
  const cases = [
    ...streamWays.map((way) => ({ protocol: 'tcp', way })),
    ...datagramWays.map((way) => ({ protocol: 'udp', way })),
  ].flatMap((each) => combinations.map((combination) => ({ ...each, ...combination })));
  const atHome = { family: 'ipv6', place: 'home' } as const;
  it.for([
    ...cases,
    { protocol: 'tcp', way: 'splice', ...atHome },
    { protocol: 'udp', way: 'sendmmsg', ...atHome },
  ])(
    'moving: $way over $protocol and $family, helper $place',
    async ({ protocol, way, family, place }, { skip }) => {
      skip(spawnSync(program, ['can', way]).status === notAvailable, `this kernel lets nobody use ${way}`);
      const pair = pairs.at(place);
      pair.startCounting();
      const report = await measureAgainstServer(pair, { family, place }, (address, port) => [
        ...([program, address, String(port)] as const),
        ...[protocol, way],
      ]);
      expectEveryByteOnce(report, crossed(pair));
    },
  );
});
