// A program whose sockets do what a test says at either end of a wire, and a helper that watches the near one.
import { afterEach, expect } from 'vitest';
import type { PayloadCounters } from '../../../src/shared/protocol';
import type { HostPair } from './namespaces';
import { fromPlace, type PairByPlace, type Place, usePairs } from './places';
import { useProgram } from './programs';
import { crossed, expectNobodyElse, expectWire, processOf, type ProcessSummary } from './scenario';
import { SocketProcess } from './socket-steps';
import { Watching } from './watching';

let pairs: PairByPlace;
let program: ReturnType<typeof useProgram>;

/** What follows is of the test that runs. */
export let pair: HostPair;
export let near: SocketProcess;
export let far: SocketProcess;
let hasBegun = false;
let watching: Watching | undefined;

/** Gives the tests of a file hosts, and ends after each what it has begun. */
export function useSocketEnds(name: string, prepare: (pair: HostPair) => void): void {
  program = useProgram('socket-steps');
  pairs = usePairs(name, prepare);
  afterEach(async () => {
    if (!hasBegun) return;
    hasBegun = false;
    for (const host of [pair.near, pair.far]) pair.filter(host);
    await watching?.dispose();
    watching = undefined;
    await Promise.all([near.end(), far.end()]);
  });
}

/** Starts a program at either end. */
export function begin(place: Place): void {
  pair = pairs.at(place);
  near = new SocketProcess(pair.near, program.path);
  far = new SocketProcess(pair.far, program.path);
  hasBegun = true;
}

/** Starts a helper that watches the near one. */
export async function watchNear(place: Place): Promise<Watching> {
  watching = await Watching.start(fromPlace(pair, place), near.pid);
  return watching;
}

/** Starts all three, and counts what crosses the wire. */
export async function watch(place: Place): Promise<Watching> {
  begin(place);
  pair.startCounting();
  return await watchNear(place);
}

/** Ends the watching: the near process has this payload and all that crossed the wire, and nobody else has anything. */
export async function expectInAll(
  helper: Watching,
  { txBytes = 0, rxBytes = 0 }: Partial<PayloadCounters>,
  wire = crossed(pair),
): Promise<ProcessSummary> {
  const report = await helper.stop();
  const process = processOf(report, near.pid);
  expect(process.payload).toEqual({ txBytes, rxBytes });
  expectWire([process], wire);
  expectNobodyElse(report, [near.pid]);
  return process;
}
