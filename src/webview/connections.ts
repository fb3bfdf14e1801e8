// The connections as rows: made from the model, filtered, sorted, and kept in their order while somebody
// is reading them.
import { formatEndpoint } from '../shared/format';
import type { PanelFlow, PanelProcess } from '../shared/panel-messages';
import type { FilterPredicate, FilterSubject } from '../shared/filter-language';
import type { Directions } from '../shared/protocol';
import { reasonText } from '../shared/reason-text';
import { sanitise } from '../shared/sanitise';
import { texts } from './l10n';
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
    readonly session: string,
    /** Bytes in the chosen range; `undefined` where none is chosen. */
    readonly moved: Directions | undefined,
    /** Set on a row that stands for several connections: their name, how many they are, whether they are hidden. */
    readonly group?: { readonly name: string; readonly count: number; readonly isFolded: boolean },
  ) {}

  get protocolText(): string {
    const { application, protocol } = this.flow;
    return application === undefined ? protocol.toUpperCase() : sanitise(application);
  }

  get hostText(): string {
    const { host, remote } = this.flow;
    return this.#once('host', () => sanitise(host ?? remote?.address ?? '*'));
  }

  get hostKey(): string {
    return this.#once('hostKey', () => sortKey(this.hostText));
  }

  get failureText(): string {
    return reasonText(this.flow.failure, texts);
  }

  get processText(): string {
    const { flow, process } = this;
    return this.#once('process', () =>
      sanitise(process === undefined ? `${flow.pid}` : `${process.name} (${flow.pid})`),
    );
  }

  get localText(): string {
    return this.#once('local', () => sanitise(formatEndpoint(this.flow.local)));
  }

  /** Name, where it is known, or address of the peer, and its port. */
  get remoteText(): string {
    const { host, remote } = this.flow;
    return this.#once('remote', () =>
      sanitise(host === undefined || remote === undefined ? this.addressText : `${host}:${remote.port}`),
    );
  }

  get addressText(): string {
    return sanitise(formatEndpoint(this.flow.remote));
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

  /** Lower-case text that words of a filter are looked for in. */
  get searchText(): string {
    const { protocol, state, interface: interfaceName } = this.flow;
    return this.#once('search', () =>
      [
        this.processText,
        protocol,
        this.protocolText,
        this.hostText,
        this.localText,
        this.remoteText,
        this.addressText,
        state,
        this.failureText,
        reasonText(this.flow.failure),
        interfaceName,
      ]
        .join(' ')
        .toLowerCase(),
    );
  }

  /** What a filter looks at. `nowMillis`: Unix time of the host. */
  subject(nowMillis: number): FilterSubject {
    const { flow, moved } = this;
    const sent = moved?.tx ?? flow.txBytes;
    const received = moved?.rx ?? flow.rxBytes;
    const end = flow.state === 'closed' ? (flow.closedMillis ?? nowMillis) : nowMillis;
    return {
      process: this.process?.name ?? '',
      pid: flow.pid,
      protocol: flow.protocol,
      application: flow.application ?? '',
      localAddress: flow.local.address,
      localPort: flow.local.port,
      remoteAddress: flow.remote?.address ?? '',
      remotePort: flow.remote?.port ?? 0,
      host: flow.host ?? '',
      interface: flow.interface,
      state: flow.state,
      failure: reasonText(flow.failure),
      size: sent + received,
      sent,
      received,
      rate: flow.txRate + flow.rxRate,
      rtt: flow.rttMicros / 1e6,
      retransmits: flow.retransmits,
      age: Math.max(0, end - flow.openedMillis) / 1000,
      text: this.searchText,
    };
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

const atRest: Directions = { tx: 0, rx: 0 };

export type Comparison = (one: Connection, other: Connection) => number;

/** Makes the rows of a model; rows whose flow is unchanged are taken over from the last time. */
export class ConnectionList {
  #known = new Map<string, Connection>();

  update(model: PanelModel): readonly Connection[] {
    const known = new Map<string, Connection>();
    for (const [session, figures] of model.figures) {
      const range = figures.range && new Map(figures.range.flows.map(([id, tx, rx]) => [id, { tx, rx }]));
      for (const flow of figures.flows.values()) {
        const key = `${session} ${flow.id}`;
        const process = figures.processes.get(flow.pid);
        const before = this.#known.get(key);
        const moved = range && (range.get(flow.id) ?? atRest);
        const fresh =
          before?.flow === flow &&
          before.process === process &&
          before.moved?.tx === moved?.tx &&
          before.moved?.rx === moved?.rx;
        known.set(key, fresh ? before : new Connection(key, flow, process, session, moved));
      }
    }
    this.#known = known;
    return [...known.values()];
  }
}

/**
 * Connections that a filter lets through; of a chosen range, only those that moved in it.
 * @param nowMillis Unix time of the host
 */
export function filterConnections(
  connections: readonly Connection[],
  matches: FilterPredicate | undefined,
  nowMillis: number,
): readonly Connection[] {
  return connections.filter((connection) => {
    const { moved } = connection;
    if (moved !== undefined && moved.tx + moved.rx === 0) return false;
    return matches === undefined || matches(connection.subject(nowMillis));
  });
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
