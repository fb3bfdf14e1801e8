import { parseFilter } from '../../../src/shared/filter-language';
import { describe, expect, it } from 'vitest';
import { PanelFeed } from '../../../src/extension/panel-feed';
import type { FlowSample } from '../../../src/shared/protocol';
import {
  ageMillis,
  columns,
  comparisonFor,
  defaultSort,
  nextSort,
  type ColumnId,
} from '../../../src/webview/columns';
import {
  ConnectionList,
  filterConnections,
  RowOrder,
  sortKey,
  type Connection,
} from '../../../src/webview/connections';
import { PanelModel } from '../../../src/webview/model';
import { beginning, sampleFlow, sampleMessage, sampleProcess, sampleSession, usage } from './samples';

function connectionsOf(flows: FlowSample[], processName = 'node'): readonly Connection[] {
  const session = sampleSession('s1');
  session.applySample(sampleMessage(0, { flows, processes: [sampleProcess(4242, processName)] }));
  const model = new PanelModel();
  model.apply(new PanelFeed().snapshot([session], { selection: { kind: 'newest' }, grouping: 'direction' }));
  return new ConnectionList().update(model);
}

const column = (id: ColumnId): (typeof columns)[number] => {
  const found = columns.find((each) => each.id === id);
  if (found === undefined) throw new Error(`There is no column ${id}.`);
  return found;
};
const ids = (connections: readonly Connection[]): number[] => connections.map(({ flow }) => flow.id);
const sorted = (connections: readonly Connection[], id: ColumnId, descending: boolean): number[] =>
  ids([...connections].sort(comparisonFor({ column: id, descending })));
const endpoint = (address: string, port: number) => ({ address, port });

describe('figures that are estimates', () => {
  const wireFigures: readonly ColumnId[] = ['sentRate', 'receivedRate', 'sentTotal', 'receivedTotal'];

  it.each<[string, Partial<FlowSample>, string, RegExp]>([
    ['shared sockets', { estimate: true }, '~', /~ Estimated: .*same socket/],
    ['packets nobody saw', { wireEstimate: true }, '≈', /≈ Estimated on the wire/],
    ['both', { estimate: true, wireEstimate: true }, '~≈', /~ Estimated: .*\n≈ Estimated on the wire/],
  ])('are marked, with the reason: %s', (_, changes, mark, reason) => {
    const [exact, estimated] = connectionsOf([sampleFlow(1), sampleFlow(1, { id: 2, ...changes })]);
    if (exact === undefined || estimated === undefined) throw new Error('A connection is missing.');
    for (const id of wireFigures) {
      const { text, tooltip } = column(id);
      expect(text(estimated, beginning)).toBe(`${mark}${text(exact, beginning)}`);
      expect(tooltip?.(estimated)).toMatch(reason);
      expect(tooltip?.(exact)).not.toMatch(/estimate/i);
    }
    expect(column('roundTrip').text(estimated, beginning)).toBe(column('roundTrip').text(exact, beginning));
  });

  it.each<[Partial<FlowSample>, Partial<Record<ColumnId, string>>, RegExp]>([
    [{ receivedUncounted: true }, { receivedRate: '≥', receivedTotal: '≥' }, /≥ Received not counted: /],
    [{ payloadEstimate: true }, {}, /≈ Payload estimated: /],
  ])('are marked where they are concerned only: %o', (changes, signs, reason) => {
    const [exact, marked] = connectionsOf([sampleFlow(1), sampleFlow(1, { id: 2, ...changes })]);
    if (exact === undefined || marked === undefined) throw new Error('A connection is missing.');
    for (const id of wireFigures) {
      const { text, tooltip } = column(id);
      expect(text(marked, beginning)).toBe(`${signs[id] ?? ''}${text(exact, beginning)}`);
      expect(tooltip?.(marked)).toMatch(reason);
    }
  });
});

describe('sorting', () => {
  it('compares addresses and ports by their numbers', () => {
    const connections = connectionsOf([
      sampleFlow(1, { remote: endpoint('10.0.0.10', 80) }),
      sampleFlow(2, { remote: endpoint('10.0.0.9', 443) }),
      sampleFlow(3, { remote: endpoint('10.0.0.9', 80) }),
      sampleFlow(4, { remote: endpoint('9.255.0.1', 80) }),
    ]);
    expect(sorted(connections, 'remote', false)).toEqual([4, 3, 2, 1]);
    expect(sorted(connections, 'remote', true)).toEqual([1, 2, 3, 4]);
  });

  it.each<[ColumnId, (value: number) => Partial<FlowSample>]>([
    ['sentRate', (value) => usage(0, 0, { tx: value, rx: 0 })],
    ['receivedRate', (value) => usage(0, 0, { tx: 0, rx: value })],
    ['sentTotal', (value) => usage(value, 0)],
    ['receivedTotal', (value) => usage(0, value)],
    ['roundTrip', (value) => ({ rttMicros: value })],
    ['retransmits', (value) => ({ retransmits: value })],
    ['age', (value) => ({ openedAt: new Date(beginning - value).toISOString() })],
  ])('has the largest %s first when descending', (id, changes) => {
    const connections = connectionsOf([
      sampleFlow(1, changes(999)),
      sampleFlow(2, changes(10_000)),
      sampleFlow(3, changes(0)),
    ]);
    expect(sorted(connections, id, true)).toEqual([2, 1, 3]);
    expect(sorted(connections, id, false)).toEqual([3, 1, 2]);
  });

  it('puts what is equal in one order, whichever way the column goes', () => {
    const connections = connectionsOf([1, 2, 3].map((id) => sampleFlow(id, { state: 'established' })));
    expect(sorted(connections, 'state', true)).toEqual([3, 2, 1]);
    expect(sorted(connections, 'state', false)).toEqual([3, 2, 1]);
  });

  it('begins with the largest figure or the first letter, and turns round on the next click', () => {
    const first = nextSort(defaultSort, column('age'));
    expect(first).toEqual({ column: 'age', descending: true });
    expect(nextSort(first, column('age'))).toEqual({ column: 'age', descending: false });
    expect(nextSort(first, column('process'))).toEqual({ column: 'process', descending: false });
  });

  it('has a key that orders numbers within text', () => {
    expect(['b10', 'B9', 'a'].sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1))).toEqual([
      'a',
      'B9',
      'b10',
    ]);
  });
});

describe('the order of rows', () => {
  const compare = comparisonFor({ column: 'receivedTotal', descending: true });
  const flows = (figures: number[]): FlowSample[] =>
    figures.map((figure, index) => sampleFlow(index + 1, usage(0, figure)));

  it('follows the figures while nobody is in the table', () => {
    const order = new RowOrder();
    order.arrange(connectionsOf(flows([10, 20])), compare, false);
    expect(ids(order.arrange(connectionsOf(flows([30, 20])), compare, false))).toEqual([1, 2]);
  });

  it('is held when asked, with new rows at the end and lost ones gone', () => {
    const order = new RowOrder();
    expect(ids(order.arrange(connectionsOf(flows([10, 20, 30])), compare, false))).toEqual([3, 2, 1]);
    const later = connectionsOf(flows([99, 20, 30, 50, 70])).filter(({ flow }) => flow.id !== 2);
    expect(ids(order.arrange(later, compare, true))).toEqual([3, 1, 5, 4]);
    expect(ids(order.arrange(later, compare, false))).toEqual([1, 5, 4, 3]);
  });
});

describe('the filter', () => {
  const connections = connectionsOf([
    sampleFlow(1, { protocol: 'udp', state: 'open', remote: endpoint('2001:db8::53', 53) }),
    sampleFlow(2, { remote: endpoint('198.51.100.7', 443) }),
    sampleFlow(3, { remote: endpoint('198.51.100.8', 80), state: 'closed' }),
  ]);

  it.each([
    ['', [1, 2, 3]],
    ['UDP', [1]],
    ['tcp 443', [2]],
    ['443 tcp', [2]],
    ['  closed  ', [3]],
    ['node', [1, 2, 3]],
    ['2001:db8', [1]],
    ['443 closed', []],
    ['.*', []],
  ])('%j finds %j', (filter, expected) => {
    const parsed = parseFilter(filter);
    expect(parsed.ok && ids(filterConnections(connections, parsed.matches, beginning))).toEqual(expected);
  });
});

describe('the cells', () => {
  const cell = (flow: FlowSample, id: ColumnId, now = beginning): string => {
    const [connection] = connectionsOf([flow]);
    if (connection === undefined) throw new Error('The flow got no row.');
    return column(id).text(connection, now);
  };

  it('say `*` for the remote end of a listening socket', () => {
    const listening = sampleFlow(1, { state: 'listening' });
    delete listening.remote;
    expect(cell(listening, 'remote')).toBe('*');
  });

  it('put brackets round IPv6 addresses', () => {
    expect(cell(sampleFlow(1, { local: endpoint('::1', 80) }), 'local')).toBe('[::1]:80');
  });

  it('count the age from the clock of the host', () => {
    const flow = sampleFlow(1, { openedAt: new Date(beginning).toISOString() });
    expect(cell(flow, 'age', beginning + 125_000)).toBe('2 min 05 s');
  });

  it('know retransmissions of TCP only', () => {
    expect(cell(sampleFlow(1, { protocol: 'udp' }), 'retransmits')).toBe('–');
    expect(cell(sampleFlow(1, { retransmits: 1_234 }), 'retransmits')).toBe('1,234');
  });

  it('make names harmless that would turn the text round', () => {
    const [connection] = connectionsOf([sampleFlow(1)], 'evil\u202eexe.txt\u0007');
    expect(connection?.processText).not.toMatch(/[\u202e\u0007]/);
    expect(connection?.processText).toContain('(4242)');
  });

  it('know no age of a connection whose end nobody saw', () => {
    const [connection] = connectionsOf([sampleFlow(1, { state: 'closed' })]);
    expect(connection && ageMillis(connection, beginning + 1_000)).toBeUndefined();
  });
});

it('rows of flows that did not change are the same objects', () => {
  const session = sampleSession('s1');
  session.applySample(sampleMessage(0, { flows: [sampleFlow(1), sampleFlow(2)] }));
  const [model, feed, list] = [new PanelModel(), new PanelFeed(), new ConnectionList()];
  model.apply(feed.snapshot([session], { selection: { kind: 'newest' }, grouping: 'direction' }));
  const before = list.update(model);
  session.applySample(sampleMessage(1, { flows: [sampleFlow(2, { retransmits: 9 })] }));
  model.apply(feed.update([session], { selection: { kind: 'newest' }, grouping: 'direction' }));
  const after = list.update(model);
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
});
