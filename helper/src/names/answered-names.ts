// Names by address, from the DNS answers that each process has received itself: bound to that process and to the time
// for which the answer holds.
import type { HostName } from '../../../src/shared/protocol';
import type { ProcessAccount } from '../ledger';
import type { DnsAnswer, DnsExchangeFact } from '../protocols/detection';
import { toHostName } from '../../../src/shared/host-name';

/** Programs and their libraries keep answers longer than they may, those with a short life above all. */
const shortestLifeNanos = 60e9;
/** A day: what is said to hold longer is as good as any other by then. */
const longestLifeSeconds = 86_400;
/** Names of one address that are kept, the newest first: hosting providers put many on one. */
const maximumNames = 4;
/** Addresses that are kept, over all processes; the ones answered longest ago go first. */
const maximumAddresses = 16_384;

interface Answered {
  name: string;
  source: 'dns' | 'mdns';
  fromNanos: number;
  untilNanos: number;
}

export class AnsweredNames {
  /** By process and address, answered longest ago first. */
  readonly #byAddress = new Map<string, Answered[]>();
  readonly #accounts = new WeakMap<ProcessAccount, number>();
  #nextAccount = 1;

  get size(): number {
    return this.#byAddress.size;
  }

  /** Takes in what a process was told in answer to its question. */
  learn(account: ProcessAccount, fact: DnsExchangeFact, source: Answered['source'], nanos: number): void {
    for (const { address, name, ttl } of addressesOf(fact)) {
      const lifeNanos = Math.max(Math.min(ttl, longestLifeSeconds) * 1e9, shortestLifeNanos);
      this.#add(this.#key(account, address), {
        name,
        source,
        fromNanos: nanos,
        untilNanos: nanos + lifeNanos,
      });
    }
  }

  /**
   * The name that a process has asked for most recently before a moment, and that led to an address.
   * @param nanos nanoseconds since boot
   */
  find(account: ProcessAccount, address: string, nanos: number): HostName | undefined {
    const found = this.#byAddress
      .get(this.#key(account, address))
      ?.find(({ fromNanos, untilNanos }) => fromNanos <= nanos && nanos <= untilNanos);
    return found === undefined ? undefined : { name: found.name, source: found.source };
  }

  #key(account: ProcessAccount, address: string): string {
    let number = this.#accounts.get(account);
    if (number === undefined) {
      number = this.#nextAccount++;
      this.#accounts.set(account, number);
    }
    return `${String(number)} ${address}`;
  }

  #add(key: string, answered: Answered): void {
    const known = this.#byAddress.get(key) ?? [];
    this.#byAddress.delete(key);
    this.#byAddress.set(
      key,
      [answered, ...known.filter(({ name }) => name !== answered.name)].slice(0, maximumNames),
    );
    if (this.#byAddress.size <= maximumAddresses) return;
    const oldest = this.#byAddress.keys().next();
    if (oldest.done !== true) this.#byAddress.delete(oldest.value);
  }
}

/** The addresses in an answer, each with what was asked for, through whatever aliases; else with its own name. */
function addressesOf({ question, answers = [] }: DnsExchangeFact): {
  address: string;
  name: string;
  ttl: number;
}[] {
  const asked = toHostName(question);
  const aliases = asked === undefined ? new Map<string, number>() : aliasesOf(asked, answers);
  return answers.flatMap(({ name, type, value, ttl }) => {
    if (type !== 'A' && type !== 'AAAA') return [];
    const owner = toHostName(name);
    if (owner === undefined) return [];
    const aliasTtl = aliases.get(owner);
    if (asked === undefined || aliasTtl === undefined) return [{ address: value, name: owner, ttl }];
    return [{ address: value, name: asked, ttl: Math.min(ttl, aliasTtl) }];
  });
}

/** Every name that a question leads to, itself included, with the life of the way there in seconds. */
function aliasesOf(asked: string, answers: readonly DnsAnswer[]): Map<string, number> {
  const reached = new Map([[asked, Infinity]]);
  // In any order: a name joins as soon as what leads to it has.
  for (let before = 0; before < reached.size;) {
    before = reached.size;
    for (const { name, type, value, ttl } of answers) {
      const from = type === 'CNAME' ? reached.get(name) : undefined;
      const to = toHostName(value);
      if (from !== undefined && to !== undefined && !reached.has(to)) reached.set(to, Math.min(from, ttl));
    }
  }
  return reached;
}
