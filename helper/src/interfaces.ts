// Network interfaces: what they are called, which of them are counted at, and which of them a filter means.
import { ErrorCode, type InterfaceInfo } from '../../src/shared/protocol';
import { quoteValue, sanitise } from '../../src/shared/sanitise';
import { errorCode, RequestError } from './errors';
import type { Kernel, LinkEvent } from './kernel';

/** Names of interfaces that are gone are kept for flows that were on them, this many at most. */
const maximumFormerNames = 4_096;
/** Names that are kept of one interface. */
const maximumRenamings = 16;
/** Names listed in an error. */
const maximumListed = 20;

/**
 * Tells interfaces of this network namespace from those of others, which may have the same index.
 * @returns a key for maps
 */
export function interfaceKey(index: number, foreign: boolean): number {
  return foreign ? -1 - index : index;
}

/** Keeps every interface counted at, as they come and go. */
export class Interfaces {
  /** By index; those that are gone too, oldest first. */
  readonly #names = new Map<number, string>();
  /** Names that an interface had before, by index; only of those that were renamed. */
  readonly #formerNames = new Map<number, Set<string>>();

  constructor(
    private readonly kernel: Kernel,
    private readonly onError: (error: Error) => void,
  ) {}

  /** Attaches to every interface there is. */
  attachAll(): void {
    for (const { index, name } of this.kernel.interfaces()) this.#add(index, name);
  }

  /** Follows an interface that appeared, changed or went. */
  handle(event: LinkEvent): void {
    if (event.type === 'link') {
      this.#add(event.index, event.name);
      return;
    }
    try {
      // The next interface may get the same index, and must then be attached to anew.
      this.kernel.detachInterface(event.index);
    } catch {
      // It took its hooks along.
    }
  }

  list(): InterfaceInfo[] {
    return this.kernel
      .interfaces()
      .map(({ index, name, up, attached }) => ({ index, name: sanitise(name, 64), up, attached }));
  }

  /** Name of an interface by its key; `*` for that of sockets that are bound to none. */
  name(key: number): string {
    if (key === interfaceKey(0, false) || key === interfaceKey(0, true)) return '*';
    return key < 0 ? `netns:${String(-1 - key)}` : (this.#names.get(key) ?? `index:${String(key)}`);
  }

  /**
   * Whether a name is an interface's, or was while this helper runs: what was counted over an interface stays its
   * own when it is renamed.
   */
  isCalled(key: number, names: readonly string[]): boolean {
    if (names.includes(this.name(key))) return true;
    const former = this.#formerNames.get(key);
    return former !== undefined && names.some((name) => former.has(name));
  }

  /** Refuses names that no interface has. */
  validate(names: readonly string[]): void {
    if (names.length === 0) return;
    const existing = this.list().map(({ name }) => name);
    const missing = names.find((name) => !existing.includes(name));
    if (missing === undefined) return;
    const listed = existing.slice(0, maximumListed).join(', ');
    const more =
      existing.length > maximumListed ? ` and ${String(existing.length - maximumListed)} more` : '';
    throw new RequestError(
      ErrorCode.NoSuchInterface,
      `There is no network interface named ${quoteValue(missing)}.`,
      `Choose from: ${listed}${more}.`,
    );
  }

  #add(index: number, name: string): void {
    this.#rememberName(index, sanitise(name, 64));
    try {
      this.kernel.attachInterface(index);
    } catch (error) {
      if (isGone(error)) return;
      this.onError(new Error(`Nothing can be counted at interface ${sanitise(name, 64)}.`, { cause: error }));
    }
  }

  #rememberName(index: number, name: string): void {
    const former = this.#names.get(index);
    if (former !== undefined && former !== name) {
      const names = this.#formerNames.get(index) ?? new Set();
      if (names.size < maximumRenamings) names.add(former);
      this.#formerNames.set(index, names);
    }
    // Set anew, so that the order of the map is the order in which they were last seen.
    this.#names.delete(index);
    this.#names.set(index, name);
    if (this.#names.size <= maximumFormerNames) return;
    const oldest = this.#names.keys().next();
    if (oldest.done === true) return;
    this.#names.delete(oldest.value);
    this.#formerNames.delete(oldest.value);
  }
}

/** An interface may go while it is being attached to. */
function isGone(error: unknown): boolean {
  return ['ENODEV', 'ENXIO', 'ENOENT'].includes(errorCode(error));
}
