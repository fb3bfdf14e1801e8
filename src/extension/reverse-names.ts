// Names for addresses that nothing else names, by asking the DNS. Done here, with the rights of the user, and only where
// the setting `procnetmon.reverseLookup` is on: the helper itself speaks to nobody.
import { Resolver } from 'node:dns/promises';
import type { FlowSample, MonitorSample } from '../shared/protocol';
import { ReverseLookup } from '../shared/reverse-lookup';
import { reverseLookupSetting } from './settings';

const timeoutMillis = 2_000;

export class ReverseNames {
  readonly #lookup: ReverseLookup;

  constructor(private readonly isWanted: () => boolean = reverseLookupSetting) {
    const resolver = new Resolver({ timeout: timeoutMillis, tries: 1 });
    this.#lookup = new ReverseLookup((address) => resolver.reverse(address));
  }

  /**
   * The sample with the names that are known by now.
   * @param named called with flows whose name comes later
   */
  complete(sample: MonitorSample, named: (flow: FlowSample) => void): MonitorSample {
    if (!this.isWanted()) return sample;
    const complete = (flow: FlowSample): FlowSample =>
      this.#lookup.complete(flow, (host) => named({ ...flow, host }));
    return { ...sample, flows: sample.flows.map(complete) };
  }
}
