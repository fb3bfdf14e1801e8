// The connections as rows: made from the model, filtered, sorted, and kept in their order while somebody
// is reading them.
import { formatEndpoint } from '../shared/format';
import type { PanelFlow, PanelProcess } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import type { PanelModel } from './model';

/** A key by which texts sort without regard to case, numbers in them by their size. */
export function sortKey(text: string): string {
  return text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(10, '0'));
}

/** One connection of one session, ready to be shown and compared. What only some orders need is made late. */
export class Connection {
  readonly #texts = new Map<string, string>();

  /** `key`: unique among all sessions. */
  constructor(
    readonly key: string,
    readonly flow: PanelFlow,
    readonly process: PanelProcess | undefined,
  ) {}

  get processText(): string {
    const { flow, process } = this;
    return this.#once('process', () =>
      sanitise(process === undefined ? `${flow.pid}` : `${process.name} (${flow.pid})`),
    );
  }

  get localText(): string {
    return this.#once('local', () => sanitise(formatEndpoint(this.flow.local)));
  }

  get remoteText(): string {
    return this.#once('remote', () => sanitise(formatEndpoint(this.flow.remote)));
  }

  get processKey(): string {
    return this.#once('processKey', () => sortKey(this.processText));
  }

  get localKey(): string {
    return this.#once('localKey', () => sortKey(this.localText));
  }

  get remoteKey(): string {
    return this.#once('remoteKey', () => sortKey(this.remoteText));
  }

  /** Lower-case text that the filter looks in. */
  get searchText(): string {
    const { protocol, state, interface: interfaceName } = this.flow;
    return this.#once('search', () =>
      [this.processText, protocol, this.localText, this.remoteText, state, interfaceName]
        .join(' ')
        .toLowerCase(),
    );
  }

  #once(name: string, make: () => string): string {
    let text = this.#texts.get(name);
    if (text === undefined) {
      text = make();
      this.#texts.set(name, text);
    }
    return text;
  }
}

export type Comparison = (one: Connection, other: Connection) => number;

/** Makes the rows of a model; rows whose flow is unchanged are taken over from the last time. */
export class ConnectionList {
  #known = new Map<string, Connection>();

  update(model: PanelModel): readonly Connection[] {
    const known = new Map<string, Connection>();
    for (const [session, figures] of model.figures) {
      for (const flow of figures.flows.values()) {
        const key = `${session} ${flow.id}`;
        const process = figures.processes.get(flow.pid);
        const before = this.#known.get(key);
        const fresh = before?.flow === flow && before.process === process;
        known.set(key, fresh ? before : new Connection(key, flow, process));
      }
    }
    this.#known = known;
    return [...known.values()];
  }
}

/** Connections in which every word of the filter occurs, in any order. */
export function filterConnections(connections: readonly Connection[], filter: string): readonly Connection[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return connections;
  return connections.filter(({ searchText }) => words.every((word) => searchText.includes(word)));
}

function isClosed({ flow }: Connection): boolean {
  return flow.state === 'closed';
}

/** Remembers the order of rows, so that it can be held while a pointer or the focus is on them. */
export class RowOrder {
  #positions = new Map<string, number>();

  /**
   * Sorts, what is closed below what is open. With `hold` it keeps the order of the last call instead; rows that
   * are new come last.
   */
  arrange(connections: readonly Connection[], compare: Comparison, hold: boolean): Connection[] {
    const rows = [...connections];
    if (hold) {
      const position = ({ key }: Connection): number => this.#positions.get(key) ?? Infinity;
      rows.sort((one, other) => {
        const [first, second] = [position(one), position(other)];
        return first === second ? compare(one, other) : first - second;
      });
    } else {
      rows.sort((one, other) => Number(isClosed(one)) - Number(isClosed(other)) || compare(one, other));
    }
    this.#positions = new Map(rows.map(({ key }, index) => [key, index]));
    return rows;
  }
}
