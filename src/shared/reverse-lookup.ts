// Names by asking DNS servers for the address (PTR). The one thing here that sends anything, so only where the user has
// turned it on; and never in the helper that counts, which speaks to nobody.
import { toHostName } from './host-name';
import type { FlowSample, HostName } from './protocol';

/** Questions under way at once; further addresses wait, so many at most. */
const maximumPending = 8;
const maximumWaiting = 256;
/** Answers that are kept, also those that there is no name. */
const maximumKnown = 4_096;
const keptMillis = 10 * 60_000;

interface Known {
  name: string | undefined;
  untilMillis: number;
}

export class ReverseLookup {
  readonly #known = new Map<string, Known>();
  readonly #waiting = new Map<string, ((name: string) => void)[]>();
  readonly #pending = new Set<string>();

  constructor(
    /** Asks the system's DNS servers. */
    private readonly ask: (address: string) => Promise<string[]>,
    private readonly nowMillis: () => number = () => performance.now(),
  ) {}

  /**
   * The flow with the name that is known for its address, however old; asks where there is none.
   * @param told called with a name that comes later, and its address
   */
  complete(flow: FlowSample, told: (host: HostName, address: string) => void): FlowSample {
    const { remote, host } = flow;
    if (remote === undefined || host !== undefined) return flow;
    const toHost = (name: string): HostName => ({ name, source: 'reverse-lookup' });
    const known = this.#known.get(remote.address)?.name;
    if (known !== undefined) return { ...flow, host: toHost(known) };
    this.find(remote.address, (name) => told(toHost(name), remote.address));
    return flow;
  }

  /** Hands the name of an address to `told`, now or later; never, when it has none. */
  find(address: string, told: (name: string) => void): void {
    const known = this.#known.get(address);
    if (known !== undefined && known.untilMillis > this.nowMillis()) {
      if (known.name !== undefined) told(known.name);
      return;
    }
    const waiting = this.#waiting.get(address);
    if (waiting !== undefined) {
      // Asked again with each sample, where nobody ever answers.
      if (waiting.length < maximumWaiting) waiting.push(told);
    } else if (this.#waiting.size < maximumWaiting) this.#waiting.set(address, [told]);
    this.#askNext();
  }

  #askNext(): void {
    for (const address of this.#waiting.keys()) {
      if (this.#pending.size >= maximumPending) return;
      if (!this.#pending.has(address)) void this.#askFor(address);
    }
  }

  async #askFor(address: string): Promise<void> {
    this.#pending.add(address);
    let name: string | undefined;
    try {
      name = (await this.ask(address)).map(toHostName).find((candidate) => candidate !== undefined);
    } catch {
      // No name, or nobody who would tell it.
    }
    this.#pending.delete(address);
    this.#known.delete(address);
    this.#known.set(address, { name, untilMillis: this.nowMillis() + keptMillis });
    const oldest = this.#known.keys().next();
    if (this.#known.size > maximumKnown && oldest.done !== true) this.#known.delete(oldest.value);
    const waiting = this.#waiting.get(address) ?? [];
    this.#waiting.delete(address);
    if (name !== undefined) for (const told of waiting) told(name);
    this.#askNext();
  }
}
