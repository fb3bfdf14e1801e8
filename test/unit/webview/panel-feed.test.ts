// Host and view together: whatever happens to the sessions, the view knows the same after each message.
import { describe, expect, it } from 'vitest';
import { PanelFeed, selectSessions } from '../../../src/extension/panel-feed';
import type { PanelQuery, PanelSelection } from '../../../src/shared/panel-messages';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import { PanelModel } from '../../../src/webview/model';
import { beginning, sampleFlow, sampleMessage, sampleProcess, sampleSession, usage } from './samples';

const newest: PanelQuery = { selection: { kind: 'newest' }, grouping: 'direction' };
/** What arrives in the webview is a copy. */
const overTheWire = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;

describe('the feed', () => {
  it('calls a process by the script it runs, not by the name of its main thread', () => {
    const session = sampleSession('s1');
    const program = { exe: '/usr/bin/node', command: 'node --enable-source-maps /srv/shop.mjs' };
    session.applySample(sampleMessage(0, { processes: [sampleProcess(4242, 'MainThread', program)] }));
    expect(new PanelFeed().snapshot([session], newest).details[0]?.processes).toEqual([
      { pid: 4242, name: 'node shop.mjs', alive: true },
    ]);
  });

  it('sends everything at first and then only what differs', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    session.applySample(sampleMessage(0, { flows: [sampleFlow(1), sampleFlow(2)] }));
    const first = feed.snapshot([session], newest);
    expect(first.details[0]?.flows.map(({ id }) => id)).toEqual([1, 2]);
    expect(first.details[0]?.history).toHaveLength(1);
    expect(first.details[0]?.processes).toEqual([{ pid: 4242, name: 'node', alive: true }]);

    session.applySample(
      sampleMessage(1, { flows: [sampleFlow(2, { retransmits: 1 })], total: usage(5, 6, { tx: 7, rx: 8 }) }),
    );
    const second = feed.update([session], newest);
    expect(second.details[0]?.flows.map(({ id }) => id)).toEqual([2]);
    expect(second.details[0]?.history).toEqual([
      { timeMillis: beginning + 1_000, spanMillis: 1_000, tx: 7, rx: 8, txBytes: 5, rxBytes: 6 },
    ]);
    expect(second.details[0]?.processes).toEqual([]);
    expect(second.sequence).toBe(first.sequence + 1);
  });

  it('says nothing of flows and history when nothing happened', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    session.applySample(sampleMessage(0, { flows: [sampleFlow(1)] }));
    feed.snapshot([session], newest);
    expect(feed.update([session], newest).details).toEqual([
      { session: 's1', history: [], processes: [], flows: [], removedFlows: [], marks: [] },
    ]);
  });

  it('repeats a process when it is renamed or exits', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    session.applySample(sampleMessage(0));
    feed.snapshot([session], newest);
    session.applySample(sampleMessage(1, { processes: [sampleProcess(4242, 'curl')] }));
    expect(feed.update([session], newest).details[0]?.processes).toEqual([
      { pid: 4242, name: 'curl', alive: true },
    ]);
    session.applySample(sampleMessage(2, { processes: [sampleProcess(4242, 'curl', { alive: false })] }));
    expect(feed.update([session], newest).details[0]?.processes).toEqual([
      { pid: 4242, name: 'curl', alive: false },
    ]);
  });

  it('takes the end of a connection from its event', () => {
    const session = sampleSession('s1');
    const open = sampleFlow(1);
    session.applySample(sampleMessage(0, { flows: [open] }));
    session.applyEvent({
      monitor: 'monitor-1',
      time: new Date(beginning + 700).toISOString(),
      kind: 'closed',
      pid: open.pid,
      protocol: open.protocol,
      local: open.local,
      ...(open.remote && { remote: open.remote }),
    });
    session.applySample(sampleMessage(1, { flows: [{ ...open, state: 'closed' }] }));
    expect(new PanelFeed().snapshot([session], newest).details[0]?.flows[0]?.closedMillis).toBe(
      beginning + 700,
    );
  });
});

describe('the view', () => {
  it('knows what the host knows after any run of samples', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    const model = new PanelModel();
    model.apply(overTheWire(feed.snapshot([session], newest)));
    for (let sequence = 0; sequence < 40; sequence += 1) {
      const flows = [sampleFlow(sequence), sampleFlow(sequence * 3, usage(sequence, 2 * sequence))];
      session.applySample(
        sampleMessage(sequence, { flows, removedFlows: sequence > 5 ? [sequence - 5] : [] }),
      );
      if (sequence % 3 === 0) {
        // Several samples make one update.
        expect(model.apply(overTheWire(feed.update([session], newest)))).toBe(true);
      }
    }
    model.apply(overTheWire(feed.update([session], newest)));
    const fresh = new PanelModel();
    fresh.apply(overTheWire(new PanelFeed().snapshot([session], newest)));
    expect(model.figures).toEqual(fresh.figures);
    expect(model.figures.get('s1')?.flows.size).toBe(session.flows.size);
  });

  it('refuses updates before a snapshot and after a loss, and recovers with a snapshot', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    const model = new PanelModel();
    expect(model.apply(feed.update([session], newest))).toBe(false);
    expect(model.apply(feed.snapshot([session], newest))).toBe(true);
    feed.update([session], newest);
    expect(model.apply(feed.update([session], newest))).toBe(false);
    expect(model.apply(feed.snapshot([session], newest))).toBe(true);
    expect(model.apply(feed.update([session], newest))).toBe(true);
  });

  it('forgets a session that is no longer shown, and gets all of it when it comes back', () => {
    const [one, other] = [sampleSession('s1'), sampleSession('s2')];
    one.applySample(sampleMessage(0, { flows: [sampleFlow(1)] }));
    other.applySample(sampleMessage(0, { flows: [sampleFlow(2)] }));
    const feed = new PanelFeed();
    const model = new PanelModel();
    model.apply(feed.snapshot([one, other], { selection: { kind: 'all' }, grouping: 'direction' }));
    expect([...model.figures.keys()]).toEqual(['s1', 's2']);
    model.apply(
      feed.update([one, other], { selection: { kind: 'session', id: 's1' }, grouping: 'direction' }),
    );
    expect([...model.figures.keys()]).toEqual(['s1']);
    model.apply(feed.update([one, other], newest));
    expect([...(model.figures.get('s2')?.flows.keys() ?? [])]).toEqual([2]);
  });
});

describe('the selection', () => {
  const [ended, live, failed] = [sampleSession('ended'), sampleSession('live'), sampleSession('failed')];
  ended.state = 'ended';
  failed.state = 'failed';
  const all = [ended, live, failed];

  it.each<[PanelSelection, string[]]>([
    [{ kind: 'newest' }, ['live']],
    [{ kind: 'all' }, ['ended', 'live', 'failed']],
    [{ kind: 'session', id: 'ended' }, ['ended']],
    [{ kind: 'session', id: 'gone' }, ['live']],
  ])('%o means %o', (selection, expected) => {
    expect(selectSessions(all, selection).map(({ id }) => id)).toEqual(expected);
  });

  it('is the last session when none is live, and nothing when there is none', () => {
    expect(selectSessions([ended, failed], newest.selection).map(({ id }) => id)).toEqual(['failed']);
    expect(selectSessions([], newest.selection)).toEqual([]);
  });
});

describe('what the view asks about', () => {
  const running = (): MonitoredSession => {
    const session = sampleSession('s1');
    for (let second = 1; second <= 10; second += 1) {
      const flows = [
        sampleFlow(1, usage(second * 100, 0)),
        sampleFlow(2, { ...usage(0, second * 1_000), remote: { address: '192.0.2.77', port: 80 } }),
      ];
      session.applySample(sampleMessage(second, { flows, total: usage(second * 100, second * 1_000) }));
    }
    return session;
  };
  const at = (second: number): number => beginning + second * 1_000;

  it('a range: what moved in it, in all and by connection, once', () => {
    const feed = new PanelFeed();
    const session = running();
    const query = { ...newest, range: { fromMillis: at(4), toMillis: at(7) } };
    expect(feed.snapshot([session], query).details[0]?.range).toEqual({
      covered: query.range,
      txBytes: 300,
      rxBytes: 3_000,
      flows: [
        [1, 300, 0],
        [2, 0, 3_000],
      ],
      forgotten: { tx: 0, rx: 0 },
    });
    expect(feed.update([session], query).details[0]?.range).toBeUndefined();
    const other = { ...newest, range: { fromMillis: at(9), toMillis: at(10) } };
    expect(feed.update([session], other).details[0]?.range?.txBytes).toBe(100);
  });

  it('groups: all of them at first, then what is new', () => {
    const feed = new PanelFeed();
    const session = running();
    feed.snapshot([session], newest);
    const first = feed.update([session], { ...newest, grouping: 'host' }).details[0]?.groups;
    expect(first?.fresh).toBe(true);
    expect(first?.points).toHaveLength(10);
    expect(first?.points[5]).toEqual({
      timeMillis: at(6),
      spanMillis: 1_000,
      groups: [
        ['192.0.2.77', 0, 1_000],
        ['198.51.100.7', 100, 0],
      ],
    });
    session.applySample(sampleMessage(11, { flows: [sampleFlow(1, usage(5_000, 0))] }));
    expect(feed.update([session], { ...newest, grouping: 'host' }).details[0]?.groups).toEqual({
      fresh: false,
      points: [{ timeMillis: at(11), spanMillis: 1_000, groups: [['198.51.100.7', 4_000, 0]] }],
    });
    expect(feed.update([session], { ...newest, grouping: 'process' }).details[0]?.groups).toMatchObject({
      fresh: true,
      points: expect.arrayContaining([
        { timeMillis: at(6), spanMillis: 1_000, groups: [['node (4242)', 100, 1_000]] },
      ]) as unknown,
    });
  });

  it('a connection: what it carried over time, and its events', () => {
    const feed = new PanelFeed();
    const session = running();
    const flow = sampleFlow(1);
    const event = {
      monitor: 'monitor-1',
      time: new Date(at(2)).toISOString(),
      kind: 'established',
      pid: flow.pid,
      protocol: flow.protocol,
      local: flow.local,
      direction: 'outgoing',
    } as const;
    session.applyEvent({ ...event, remote: { address: '198.51.100.7', port: 443 } });
    session.applyEvent({ ...event, remote: { address: '198.51.100.7', port: 80 } });
    const query = { ...newest, inspected: { session: 's1', flow: 1 } };
    const inspection = feed.snapshot([session], query).details[0]?.inspection;
    expect(inspection?.series).toHaveLength(10);
    expect(inspection?.series[1]).toEqual({ timeMillis: at(2), spanMillis: 1_000, tx: 100, rx: 0 });
    expect(inspection?.events).toEqual([{ timeMillis: at(2), kind: 'established', detail: 'outgoing' }]);
    expect(feed.update([session], query).details[0]?.inspection).toBeUndefined();
  });

  it('marks come once each', () => {
    const feed = new PanelFeed();
    const session = running();
    session.addMark({ timeMillis: at(3), kind: 'stopped', detail: ['breakpoint'] });
    expect(feed.snapshot([session], newest).details[0]?.marks).toHaveLength(1);
    expect(feed.update([session], newest).details[0]?.marks).toEqual([]);
    session.addMark({ timeMillis: at(4), kind: 'stepped', detail: [] });
    expect(feed.update([session], newest).details[0]?.marks).toEqual([
      { timeMillis: at(4), kind: 'stepped', detail: [] },
    ]);
  });

  it('another run: its history, and again when it has grown', () => {
    const feed = new PanelFeed();
    const [session, other] = [running(), sampleSession('s2')];
    other.applySample(sampleMessage(1));
    const sessions = [other, session];
    const query = { ...newest, compared: 's2' };
    expect(feed.snapshot(sessions, query).compared).toMatchObject({ session: 's2', history: [{}] });
    expect(feed.update(sessions, query).compared).toBeUndefined();
    other.applySample(sampleMessage(2));
    expect(feed.update(sessions, query).compared?.history).toHaveLength(2);
    expect(feed.update(sessions, newest).compared).toBeUndefined();
  });
});
