// Host and view together: whatever happens to the sessions, the view knows the same after each message.
import { describe, expect, it } from 'vitest';
import { PanelFeed, selectSessions } from '../../../src/extension/panel-feed';
import type { PanelSelection } from '../../../src/shared/panel-messages';
import { PanelModel } from '../../../src/webview/model';
import { beginning, sampleFlow, sampleMessage, sampleProcess, sampleSession, usage } from './samples';

const newest: PanelSelection = { kind: 'newest' };
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
    expect(second.details[0]?.history).toEqual([{ timeMillis: beginning + 1_000, tx: 7, rx: 8 }]);
    expect(second.details[0]?.processes).toEqual([]);
    expect(second.sequence).toBe(first.sequence + 1);
  });

  it('says nothing of flows and history when nothing happened', () => {
    const session = sampleSession('s1');
    const feed = new PanelFeed();
    session.applySample(sampleMessage(0, { flows: [sampleFlow(1)] }));
    feed.snapshot([session], newest);
    expect(feed.update([session], newest).details).toEqual([
      { session: 's1', history: [], processes: [], flows: [], removedFlows: [] },
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
    model.apply(feed.snapshot([one, other], { kind: 'all' }));
    expect([...model.figures.keys()]).toEqual(['s1', 's2']);
    model.apply(feed.update([one, other], { kind: 'session', id: 's1' }));
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
    expect(selectSessions([ended, failed], newest).map(({ id }) => id)).toEqual(['failed']);
    expect(selectSessions([], newest)).toEqual([]);
  });
});
