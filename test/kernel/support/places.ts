// Where the watched end of a test is, and where its helper: pairs of hosts for each of these places.
import { afterAll } from 'vitest';
import { HostPair, type Wire } from './namespaces';
import { tellsNetworkNamespace } from './running-kernel';
import type { From } from './scenario';

/**
 * `inside`: both are in a network namespace of their own. `outside`: the watched end is in one, the helper in that of the
 * test. `home`: both are in that of the test, which is the machine's first one, unless the test runs in a container.
 */
export type Place = 'inside' | 'outside' | 'home';

/**
 * Where a helper can tell that the watched end's network namespace is its own: below Linux 5.14 it takes the machine's
 * first one for it.
 */
export const together: Place = tellsNetworkNamespace ? 'inside' : 'home';

/** Where the helper of a place runs. */
export function fromPlace(pair: HostPair, place: Place): From {
  return place === 'outside' ? 'outside' : pair.near;
}

/** Pairs of hosts for the places that tests ask for. */
export interface PairByPlace {
  /** That of a place; made when it is first asked for. */
  at(place: Place): HostPair;
}

/**
 * Gives the tests of a file, or of a part of it, pairs of hosts, and removes them afterwards.
 * @param name of the pairs, as of a `HostPair`
 * @param prepare is called with each when it is made
 */
export function usePairs(
  name: string,
  prepare: (pair: HostPair, isHome: boolean) => void,
  wire: Wire = 'direct',
): PairByPlace {
  const pairs = new Map<boolean, HostPair>();
  afterAll(() => {
    for (const pair of pairs.values()) pair.dispose();
  });
  return {
    at(place) {
      const isHome = place === 'home';
      let pair = pairs.get(isHome);
      if (pair === undefined) {
        pair = new HostPair(name, { wire, isHome });
        pairs.set(isHome, pair);
        prepare(pair, isHome);
      }
      return pair;
    },
  };
}
