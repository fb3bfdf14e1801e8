// Programs that speak whatever protocol a test says (`sockets.c`), at either end of a wire.
import { expect } from 'vitest';
import type { Family } from './far-server';
import { type Host, type HostPair, run } from './namespaces';
import { fromPlace, type PairByPlace, type Place, usePairs } from './places';
import { useProgram } from './programs';
import { inside, type Report, runWatched, Server } from './scenario';

export type Options = Record<string, string | number>;

let pairs: PairByPlace;
let sockets: ReturnType<typeof useProgram>;
/** That of the test that runs. */
export let pair: HostPair;

/** Gives the tests of a file the hosts and the program. */
export function useSpeakers(): void {
  sockets = useProgram('sockets');
  pairs = usePairs('pro', (made, isHome) => {
    made.sendOnce();
    made.setOffloads('off');
    if (!isHome) for (const host of [made.near, made.far]) allowProtocols(host);
  });
}

/** Options of a helper that has no process events, as in a network namespace, and is to find children all the same. */
export const oftenLooked = ['--interval', '100ms'];
export const lingering = { linger: 500 };

/** Allows ping sockets, and the IPv6 header that gives the way. */
function allowProtocols(host: Host): void {
  const seg6 = ['net.ipv6.conf.all.seg6_enabled=1', 'net.ipv6.conf.wire0.seg6_enabled=1'];
  run(...inside(host, 'sysctl', '-qw', 'net.ipv4.ping_group_range=0 0', ...seg6));
}

/** Arguments of `sockets.c`. */
export function speak(role: string, options: Options): readonly [string, ...string[]] {
  return [sockets.path, role, ...Object.entries(options).map(([key, value]) => `${key}=${String(value)}`)];
}

/** Has the test use the hosts of a place. */
export function at(place: Place): HostPair {
  pair = pairs.at(place);
  return pair;
}

/** The addresses of both ends. */
export function both(family: Family): Options {
  return { family: family === 'ipv6' ? 6 : 4, local: pair.near[family], remote: pair.far[family] };
}

/** Sends under the helper to a server at the far end, whose counts must agree. */
export async function exchange(
  family: Family,
  place: Place,
  client: Options,
  server: Options,
): Promise<Report> {
  const far = await Server.start(
    inside(pair.far, ...speak('serve', { ...both(family), local: pair.far[family], ...server })),
  );
  try {
    const sender = speak('send', { ...both(family), ...client });
    const report = await runWatched(pair.near, fromPlace(pair, place), sender, oftenLooked);
    const counted = await far.server.stop();
    const truth = report.truths.find(({ sent }) => sent > 0);
    expect(counted).toEqual({ sent: truth?.received, received: truth?.sent });
    return report;
  } finally {
    await far.server.dispose();
  }
}

/** What echoes are to a packet filter, and what ICMP's number is. */
export const icmp = { ipv4: 'ip protocol icmp', ipv6: 'icmpv6 type { echo-request, echo-reply }' };
export const icmpNumber = { ipv4: 1, ipv6: 58 };

export const families = ['ipv4', 'ipv6'] as const;
export const places = ['inside', 'outside'] as const;
export const everywhere = families.flatMap((family) => places.map((place) => ({ family, place })));
export const alsoAtHome = families.flatMap((family) =>
  [...places, 'home' as const].map((place) => ({ family, place })),
);
