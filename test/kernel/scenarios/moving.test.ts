// Every way in which a program can hand bytes to a socket and take them from one.
import { spawnSync } from 'node:child_process';
import { describe, it } from 'vitest';
import { type Family, measureAgainstServer } from '../support/far-server';
import { type Place, usePairs } from '../support/places';
import { useProgram } from '../support/programs';
import { crossed, expectEveryByteOnce } from '../support/scenario';

const notAvailable = 77;
const streamWays = ['send', 'sendmsg', 'sendmmsg', 'sendfile', 'splice', 'zerocopy', 'io_uring', 'peek'];
const datagramWays = ['send', 'sendmsg', 'sendmmsg', 'zerocopy', 'io_uring', 'peek'];

describe('ways of moving bytes', () => {
  const program = useProgram('moving');
  const pairs = usePairs('mov', (pair) => {
    pair.sendOnce();
    pair.setOffloads('off');
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
      skip(
        spawnSync(program.path, ['can', way]).status === notAvailable,
        `this kernel lets nobody use ${way}`,
      );
      const pair = pairs.at(place);
      pair.startCounting();
      const report = await measureAgainstServer(pair, { family, place }, (address, port) => [
        ...([program.path, address, String(port)] as const),
        ...[protocol, way],
      ]);
      expectEveryByteOnce(report, crossed(pair));
    },
  );
});
