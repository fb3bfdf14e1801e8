// What the views make of sessions, apart from drawing it.
import { describe, expect, test } from 'vitest';
import { plainTextWithoutIcons, plainTextWithoutLinks } from '../../../src/extension/plain-text';
import { clampToLimits, toInterfaceNames, toSessionLimits } from '../../../src/extension/setting-values';
import { sessionsThatCount, statusBarText, sumRates, topPeers } from '../../../src/extension/status-bar-text';
import {
  closedNodes,
  connectionNodes,
  groupedNodes,
  maximumShownConnections,
  parentOf,
  processNodes,
  sessionNode,
  type TreeNode,
} from '../../../src/extension/tree-nodes';
import { MonitoredSession } from '../../../src/extension/watched-session';
import { limits, type FlowSample } from '../../../src/shared/protocol';
import { flowSample, processSample, sample, usage } from './samples';

function watching(id: string, pids: number[], flows: FlowSample[] = [], rate = 0): MonitoredSession {
  const session = new MonitoredSession({ id, label: id, origin: 'debug', debugType: 'node', startedAt: 0 });
  session.applySample(
    sample({ total: usage(0, 0, rate), processes: pids.map((pid) => processSample(pid)), flows }),
  );
  session.state = 'watching';
  return session;
}

describe('the tree', () => {
  test('orders processes by their start, whatever they transfer', () => {
    const session = watching('s', []);
    session.applySample(
      sample({ processes: [processSample(30), { ...processSample(9), startTicks: 31 }, processSample(20)] }),
    );
    expect(processNodes(session).map(({ pid }) => pid)).toEqual([20, 30, 9]);
  });

  test('orders connections by their beginning, and keeps closed ones below a node of their own', () => {
    const closed = [flowSample(1, 7, 'closed'), flowSample(4, 7, 'closed')];
    const session = watching('s', [7], [flowSample(3, 7), ...closed, flowSample(2, 7)]);
    const nodes = connectionNodes(session, 7);
    expect(nodes.map(({ id }) => id)).toEqual(['s/7/2', 's/7/3', 's/7/closed']);
    const folded = nodes.at(-1);
    if (folded?.kind !== 'closed') throw new Error('The last node is to hold what is closed.');
    expect(closedNodes(folded).map(({ id }) => id)).toEqual(['s/7/4', 's/7/1']);
    expect(connectionNodes(session, 8)).toEqual([]);
  });

  test('knows what each node is shown below', () => {
    const session = watching('s', [7], [flowSample(1, 7), flowSample(2, 7, 'closed')]);
    const check = (node: TreeNode, children: TreeNode[]): void => {
      expect(children.length).toBeGreaterThan(0);
      for (const child of children) expect(parentOf(child)).toEqual(node);
    };
    const [process] = processNodes(session);
    const [open, closed] = connectionNodes(session, 7);
    if (process === undefined || closed?.kind !== 'closed') throw new Error('A node is missing.');
    expect(open?.kind).toBe('connection');
    check(sessionNode(session), [process]);
    check(process, connectionNodes(session, 7));
    check(closed, closedNodes(closed));
  });

  test('puts connections together by host and by protocol, and shows those that a filter lets through', () => {
    const spoken = { application: 'h2', applicationLabel: 'TLS 1.3 · h2', certainty: 'certain' } as const;
    const host = { name: 'registry.example.org', source: 'sni' } as const;
    const flows = [
      { ...flowSample(1, 7), ...spoken, host },
      flowSample(2, 7),
      { ...flowSample(3, 7), ...spoken },
      { ...flowSample(4, 7, 'closed'), ...spoken },
    ];
    const session = watching('s', [7], flows);
    const byHost = { grouping: 'host', words: '' } as const;
    const groups = connectionNodes(session, 7, byHost);
    const ofName = groups.find((node) => node.kind === 'group' && node.name === host.name);
    if (ofName?.kind !== 'group') throw new Error('There is to be a group for the name.');
    expect(groups.map(({ kind }) => kind)).toEqual(['group', 'group', 'closed']);
    const [grouped, ...others] = groupedNodes(ofName, byHost);
    if (grouped === undefined) throw new Error('The group is to hold its connection.');
    expect([grouped.id, others]).toEqual(['s/7/1', []]);
    expect(parentOf(grouped, byHost)).toEqual(ofName);
    const [process] = processNodes(session);
    expect(parentOf(ofName, byHost)).toEqual(process);

    const byProtocol = connectionNodes(session, 7, { grouping: 'protocol', words: '' });
    expect(byProtocol.map((node) => (node.kind === 'group' ? node.name : node.kind))).toEqual([
      'TLS 1.3 · h2',
      'unknown (TCP)',
      'closed',
    ]);

    const filtered = connectionNodes(session, 7, { grouping: undefined, words: 'tls h2' });
    expect(filtered.map(({ id }) => id)).toEqual(['s/7/1', 's/7/3', 's/7/closed']);
    expect(connectionNodes(session, 7, { grouping: undefined, words: 'no-such' })).toEqual([]);
  });

  test('says how many connections it leaves out', () => {
    const flows = Array.from({ length: maximumShownConnections + 3 }, (_, index) => flowSample(index, 7));
    const nodes = connectionNodes(watching('s', [7], flows), 7);
    expect(nodes).toHaveLength(maximumShownConnections + 1);
    expect(nodes.at(-1)?.kind).toBe('more');
  });
});

describe('the status bar', () => {
  test('is as wide for any rate', () => {
    const widths = [0, 1, 999, 1_000, 12_345, 999_999, 1e6, 123e6, 9.99e9].map(
      (rate) => statusBarText({ tx: rate, rx: 0 }).length,
    );
    expect(new Set(widths).size).toBe(1);
    expect(statusBarText({ tx: 1_230_000, rx: 4_560 })).toBe('↑ 1.23 MB/s ↓ 4.56 kB/s');
  });

  test('adds up what is being watched', () => {
    const ended = watching('c', [3], [], 100);
    ended.state = 'ended';
    const sessions = sessionsThatCount([watching('a', [1], [], 10), watching('b', [2], [], 20), ended]);
    expect(sumRates(sessions)).toEqual({ tx: 30, rx: 30 });
  });

  test('counts a process once that two sessions watch', () => {
    const debugged = watching('a', [1, 2], [], 10);
    const chosen = watching('b', [2], [], 10);
    expect(sessionsThatCount([debugged, chosen])).toEqual([debugged]);
    expect(sessionsThatCount([chosen, debugged])).toEqual([debugged]);
    const same = watching('c', [2], [], 10);
    expect(sessionsThatCount([chosen, same])).toEqual([chosen]);
  });

  test('names the peers with the most bytes', () => {
    const peer = (id: number, address: string): FlowSample => ({
      ...flowSample(id, 1),
      remote: { address, port: 80 },
    });
    const small = { ...peer(3, '192.0.2.3'), ...usage(1, 0) };
    const silent = { ...peer(4, '192.0.2.4'), ...usage(0, 0) };
    const session = watching('a', [1], [peer(1, '192.0.2.1'), peer(2, '192.0.2.1'), small, silent]);
    expect(topPeers([session, session])).toEqual([
      { address: '192.0.2.1', bytes: 60 },
      { address: '192.0.2.3', bytes: 1 },
    ]);
  });
});

test('names of programs do not become icons', () => {
  expect(plainTextWithoutIcons('$(trash) rm\n')).toBe('\\$(trash) rm ');
});

describe('settings', () => {
  test.each([
    [1_000, 1_000],
    [0, limits.intervalMillis.minimum],
    [1e9, limits.intervalMillis.maximum],
    [250.4, 250],
    ['1000', limits.intervalMillis.default],
    [Number.NaN, limits.intervalMillis.default],
    [null, limits.intervalMillis.default],
  ])('an interval of %j is %j', (value, expected) => {
    expect(clampToLimits(value, limits.intervalMillis)).toBe(expected);
  });

  test.each([
    [
      ['eth0', ' lo ', 'eth0', '', 7],
      ['eth0', 'lo'],
    ],
    ['eth0', []],
    [undefined, []],
  ])('interfaces %j are %j', (value, expected) => {
    expect(toInterfaceNames(value)).toEqual(expected);
  });
});

test.each([
  [undefined, undefined, { closedConnections: 500, historyRecords: 262_144 }],
  [0, 1, { closedConnections: 0, historyRecords: 43_690 }],
  [1e9, 1e9, { closedConnections: 10_000, historyRecords: 2_796_202 }],
])('%j closed connections and %j megabytes are brought within bounds', (closed, megabytes, expected) => {
  expect(toSessionLimits(closed, megabytes)).toEqual(expected);
});

test('a message holds no link, whoever wrote it', () => {
  expect(plainTextWithoutLinks('[eth0](command:workbench.action.quit)\u001b[2J')).toBe(
    '[eth0] (command:workbench.action.quit)\ufffd[2J',
  );
});
