// What a step cost, and when a network breakpoint is hit.
import { describe, expect, test } from 'vitest';
import { parseBytes } from '../../../src/extension/insight/amounts';
import {
  BreakpointMatcher,
  parseBreakpoints,
  type NetworkBreakpoint,
} from '../../../src/extension/insight/breakpoint-matching';
import {
  moveFromAdapter,
  moveFromEditor,
  placeFromStackTrace,
  threadFromAnswer,
} from '../../../src/extension/insight/debugger-messages';
import { markUsage, usageSince } from '../../../src/extension/insight/usage-mark';
import { MonitoredSession } from '../../../src/extension/watched-session';
import type { FlowSample, MonitorEvent } from '../../../src/shared/protocol';
import { flowSample, processSample, sample, usage } from './samples';

function watching(): MonitoredSession {
  const session = new MonitoredSession({
    id: 's',
    label: 'shop',
    origin: 'debug',
    debugType: 'node',
    startedAt: 0,
  });
  session.applySample(
    sample({ processes: [processSample(7)], total: usage(100, 200), flows: [flow(1, 100)] }),
  );
  return session;
}

function flow(id: number, sent: number, address = '192.0.2.1'): FlowSample {
  return { ...flowSample(id, 7), ...usage(sent, 0), remote: { address, port: 443 } };
}

const established: MonitorEvent = {
  monitor: 'a',
  time: '2026-11-23T12:00:01.000Z',
  kind: 'established',
  pid: 7,
  protocol: 'tcp',
  local: { address: '192.0.2.9', port: 40_000 },
  remote: { address: '192.0.2.1', port: 443 },
  direction: 'outgoing',
};

describe('the cost of a step', () => {
  test('is what has come since: bytes, new connections, and peers by their bytes', () => {
    const session = watching();
    const mark = markUsage(session, 1_000);
    session.applySample(
      sample({
        time: '2026-11-23T12:00:01.000Z',
        total: usage(1_150, 900),
        flows: [flow(1, 150), flow(2, 1_000, '198.51.100.7')],
      }),
    );
    expect(usageSince(session, mark, 3_500)).toEqual({
      millis: 2_500,
      tx: 1_050,
      rx: 700,
      opened: 1,
      peers: ['198.51.100.7', '192.0.2.1'],
    });
    expect(usageSince(session, markUsage(session, 4_000), 4_000)).toEqual({
      millis: 0,
      tx: 0,
      rx: 0,
      opened: 0,
      peers: [],
    });
  });
});

describe('messages of the debug adapter protocol', () => {
  test.each([
    [
      { type: 'event', event: 'stopped', body: { reason: 'breakpoint', threadId: 3 } },
      { kind: 'stopped', reason: 'breakpoint', threadId: 3 },
    ],
    [
      { type: 'event', event: 'stopped' },
      { kind: 'stopped', reason: '', threadId: undefined },
    ],
    [
      { type: 'event', event: 'continued' },
      { kind: 'continued', by: 'continue' },
    ],
    [{ type: 'event', event: 'thread', body: { reason: 'started', threadId: 1 } }, { kind: 'threadBegan' }],
    [{ type: 'event', event: 'thread', body: { reason: 'exited', threadId: 1 } }, undefined],
    [{ type: 'event', event: 'output' }, undefined],
    ['stopped', undefined],
    [null, undefined],
  ])('from the adapter: %j', (message, move) => {
    expect(moveFromAdapter(message)).toEqual(move);
  });

  test.each([
    ['next', { kind: 'continued', by: 'step' }],
    ['continue', { kind: 'continued', by: 'continue' }],
    ['restart', { kind: 'restarted' }],
    ['threads', undefined],
  ])('to the adapter: %s', (command, move) => {
    expect(moveFromEditor({ type: 'request', command })).toEqual(move);
  });

  test.each([
    [{ stackFrames: [{ source: { path: '/srv/shop.mjs' }, line: 12 }] }, { path: '/srv/shop.mjs', line: 12 }],
    [
      { stackFrames: [{ source: { path: 'vscode-remote://127.0.0.1:8080/srv/my%20shop.mjs' }, line: 1 }] },
      { path: '/srv/my shop.mjs', line: 1 },
    ],
    [{ stackFrames: [{ source: { name: 'eval' }, line: 12 }] }, undefined],
    [{ stackFrames: [{ source: { path: '/x' }, line: 0 }] }, undefined],
    [{ stackFrames: [{ source: { path: '<node_internals>/timers' }, line: 5 }] }, undefined],
    [{ stackFrames: [] }, undefined],
    [undefined, undefined],
  ])('the place in %j', (answer, place) => {
    expect(placeFromStackTrace(answer)).toEqual(place);
  });

  test('the first thread', () => {
    expect(threadFromAnswer({ threads: [{ id: 5 }, { id: 6 }] })).toBe(5);
    expect(threadFromAnswer({ threads: [] })).toBeUndefined();
  });
});

describe('a network breakpoint', () => {
  const breakpoint = (changes: Partial<NetworkBreakpoint>): NetworkBreakpoint => ({
    id: 'b',
    kind: 'connect',
    filter: '',
    enabled: true,
    ...changes,
  });
  const armed = (changes: Partial<NetworkBreakpoint>): BreakpointMatcher => {
    const matcher = new BreakpointMatcher();
    matcher.set([breakpoint(changes)]);
    return matcher;
  };

  test('is hit by a connection once, though it is opened first and established later', () => {
    const matcher = armed({ filter: 'port:443' });
    const session = watching();
    expect(matcher.ofEvent(session, { ...established, kind: 'opened' })).toMatchObject([
      { session: 's', pid: 7, peer: '192.0.2.1:443', timeMillis: Date.parse(established.time) },
    ]);
    expect(matcher.ofEvent(session, established)).toEqual([]);
    // The same ends again are another connection.
    expect(matcher.ofEvent(session, established)).toHaveLength(1);
  });

  test.each([
    [{ filter: 'host:198.51.100.7' }, established, 0],
    [{ filter: 'pid:7' }, established, 1],
    [{ enabled: false }, established, 0],
    [{ kind: 'accept' }, established, 0],
    [{ kind: 'accept' }, { ...established, direction: 'incoming' }, 1],
    [{ kind: 'connect' }, { ...established, direction: 'incoming' }, 0],
    [{ filter: 'is:failed' }, { ...established, kind: 'failed' }, 1],
    [{ kind: 'connect' }, { ...established, kind: 'closed' }, 0],
  ] as const)('%j', (changes, event, hits) => {
    expect(armed(changes).ofEvent(watching(), event)).toHaveLength(hits);
  });

  test('on bytes sent is hit once by each connection, from when it was set', () => {
    const session = watching();
    const matcher = armed({ kind: 'send', bytes: 500, filter: 'proto:tcp' });
    const sent = (...flows: FlowSample[]): number => {
      for (const each of flows) session.flows.set(each.id, each);
      return matcher.ofSample(session, 10_000).length;
    };
    expect(sent(flow(1, 400))).toBe(0);
    expect(sent(flow(1, 501))).toBe(1);
    expect(sent(flow(1, 5_000))).toBe(0);
    expect(sent(flow(2, 600))).toBe(1);
  });

  test('is read from what was remembered, as far as it is one', () => {
    const good = breakpoint({ kind: 'send', bytes: 10 });
    expect(
      parseBreakpoints([
        good,
        good,
        { ...good, id: 'c', bytes: -1 },
        { ...good, id: 'd', kind: 'explode' },
        { ...good, id: 'e', filter: 'port:x' },
        { ...good, id: 'f', filter: 7 },
        null,
        'x',
      ]),
    ).toEqual([good]);
    expect(parseBreakpoints('x')).toEqual([]);
  });

  test.each([
    ['500', 500],
    ['10k', 10_000],
    [' 1.5 MB ', 1_500_000],
    ['2G', 2e9],
    ['0', undefined],
    ['-1', undefined],
    ['many', undefined],
  ])('takes %j for %j bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });
});
