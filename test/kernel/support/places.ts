// Where the watched end of a test is, and where its helper: pairs of hosts for each of these places.
import type { HostPair } from './namespaces';
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

/** Pairs of hosts for the places that tests ask for, made when one first does. */
export class PairByPlace {
  readonly #pairs = new Map<boolean, HostPair>();

  /** @param make makes a pair, given what it must have of options */
  constructor(private readonly make: (options: { isHome: boolean }) => HostPair) {}

  at(place: Place): HostPair {
    const isHome = place === 'home';
    let pair = this.#pairs.get(isHome);
    if (pair === undefined) {
      pair = this.make({ isHome });
      this.#pairs.set(isHome, pair);
    }
    return pair;
  }

  dispose(): void {
    for (const pair of this.#pairs.values()) pair.dispose();
    this.#pairs.clear();
  }
}
