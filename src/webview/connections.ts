// The connections as rows: made from the model, filtered, sorted, and kept in their order while somebody
// is reading them.
import { formatEndpoint } from '../shared/format';
import type { PanelFlow, PanelProcess } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import type { PanelModel } from './model';

/** One connection of one session, ready to be shown and compared. */
export interface Connection {
  /** Unique among all sessions. */
  key: string;
  flow: PanelFlow;
  process: PanelProcess | undefined;
  processText: string;
  localText: string;
  remoteText: string;
  /** Lower-case text that the filter looks in. */
  searchText: string;
  processKey: string;
  localKey: string;
  remoteKey: string;
}

/** A key by which texts sort without regard to case, numbers in them by their size. */
export function sortKey(text: string): string {
  return text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(10, '0'));
}

export type Comparison = (one: Connection, other: Connection) => number;

export function makeConnection(key: string, flow: PanelFlow, process: PanelProcess | undefined): Connection {
  const processText = sanitise(process === undefined ? `${flow.pid}` : `${process.name} (${flow.pid})`);
  const localText = sanitise(formatEndpoint(flow.local));
  const remoteText = sanitise(formatEndpoint(flow.remote));
  return {
    key,
    flow,
    process,
    processText,
    localText,
    remoteText,
    searchText: [processText, flow.protocol, localText, remoteText, flow.state, flow.interface]
      .join(' ')
      .toLowerCase(),
    processKey: sortKey(processText),
    localKey: sortKey(localText),
    remoteKey: sortKey(remoteText),
  };
}

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
        known.set(key, fresh ? before : makeConnection(key, flow, process));
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

/** Remembers the order of rows, so that it can be held while a pointer or the focus is on them. */
export class RowOrder {
  #positions = new Map<string, number>();

  /** Sorts, or with `hold` keeps the order of the last call: rows that are new come last. */
  arrange(connections: readonly Connection[], compare: Comparison, hold: boolean): Connection[] {
    const rows = [...connections];
    if (hold) {
      const position = ({ key }: Connection): number => this.#positions.get(key) ?? Infinity;
      rows.sort((one, other) => {
        const [first, second] = [position(one), position(other)];
        return first === second ? compare(one, other) : first - second;
      });
    } else {
      rows.sort(compare);
    }
    this.#positions = new Map(rows.map(({ key }, index) => [key, index]));
    return rows;
  }
}
