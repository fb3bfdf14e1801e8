import { describe, expect, it } from 'vitest';
import { PanelFeed } from '../../../src/extension/panel-feed';
import type { WatchState } from '../../../src/extension/sessions';
import type { PanelSession } from '../../../src/shared/panel-messages';
import { chooseNotice } from '../../../src/webview/notices';
import { sampleSession } from './samples';

function described(state: WatchState, failure?: { message: string; remedy?: string }): PanelSession[] {
  const session = sampleSession('s1', 'server.js');
  session.state = state;
  if (failure !== undefined) session.failure = failure;
  return new PanelFeed().snapshot([session], { selection: { kind: 'newest' }, grouping: 'direction' })
    .sessions;
}

describe('an empty view says why and offers the next step', () => {
  it('without any session', () => {
    expect(chooseNotice([], false)?.buttons.map(({ action }) => action)).toEqual([
      'startDebugging',
      'monitorProcess',
    ]);
  });

  it('while the process is looked for', () => {
    const notice = chooseNotice(described('searching'), false);
    expect(notice).toMatchObject({ kind: 'welcome', busy: true, buttons: [{ action: 'monitorProcess' }] });
    expect(notice?.message).toContain('server.js');
  });

  it('while the helper starts', () => {
    expect(chooseNotice(described('starting'), false)).toMatchObject({ kind: 'welcome', busy: true });
  });

  it('after a failure, with its reason and remedy', () => {
    const notice = chooseNotice(
      described('failed', { message: 'No cgroup v2.', remedy: 'Mount it.' }),
      false,
    );
    expect(notice).toMatchObject({ kind: 'welcome', detail: 'Mount it.', busy: false });
    expect(notice?.message).toContain('No cgroup v2.');
    expect(notice?.buttons[0]).toMatchObject({ action: 'retry', session: 's1' });
  });
});

describe('a view with figures', () => {
  it.each<WatchState>(['watching', 'ended', 'searching', 'starting'])('has no notice while %s', (state) => {
    expect(chooseNotice(described(state), true)).toBeUndefined();
  });

  it('says what is not listed', () => {
    const session = sampleSession('s1', 'server.js');
    session.dropped = { ...session.dropped, connections: 1_200 };
    const { sessions } = new PanelFeed().snapshot([session], {
      selection: { kind: 'newest' },
      grouping: 'direction',
    });
    const notice = chooseNotice(sessions, true);
    expect(notice).toMatchObject({ kind: 'remark', busy: false });
    expect(notice?.detail).toContain('1,200 connections');
    expect(notice?.detail).toContain('procnetmon.limits.connections');
  });

  it('keeps them below the reason of a failure', () => {
    expect(chooseNotice(described('failed', { message: 'The helper ended.' }), true)).toMatchObject({
      kind: 'banner',
    });
  });
});
