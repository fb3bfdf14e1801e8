// Names for addresses that nothing else names, by asking the DNS. Done here, with the rights of the user, and only where
// the setting `procnetmon.reverseLookup` is on: the helper itself speaks to nobody.
import { Resolver } from 'node:dns/promises';
import type { FlowSample, HostName, MonitorSample } from '../shared/protocol';
import { ReverseLookup } from '../shared/reverse-lookup';
import { reverseLookupSetting } from './settings';

const timeoutMillis = 2_000;

export class ReverseNames {
  readonly #lookup: ReverseLookup;
  readonly #names = new Map<string, HostName>();

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
    return { ...sample, flows: sample.flows.map((flow) => this.#completeFlow(flow, named)) };
  }

  #completeFlow(flow: FlowSample, named: (flow: FlowSample) => void): FlowSample {
    const { remote, host } = flow;
    if (remote === undefined || host !== undefined) return flow;
    const known = this.#names.get(remote.address);
    if (known !== undefined) return { ...flow, host: known };
    this.#lookup.find(remote.address, (name) => {
      const found: HostName = { name, source: 'reverse-lookup' };
      this.#names.set(remote.address, found);
      named({ ...flow, host: found });
    });
    return flow;
  }
}
