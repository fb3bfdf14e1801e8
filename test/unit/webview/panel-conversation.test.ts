import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaultPreferences } from '../../../src/shared/panel-preferences';
import {
  minimumPauseMillis,
  PanelConversation,
  type PanelSource,
} from '../../../src/extension/panel-conversation';
import type { PanelData } from '../../../src/shared/panel-messages';
import { sampleFlow, sampleMessage, sampleSession } from './samples';

/** An event as the editor has them, fired by the test. */
class TestEvent<T> {
  readonly #listeners = new Set<(value: T) => unknown>();

  readonly event = (listener: (value: T) => unknown): { dispose: () => void } => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

function setUp() {
  const session = sampleSession('s1');
  const received = new TestEvent<unknown>();
  const visibility = new TestEvent<void>();
  const changed = new TestEvent<unknown>();
  const sent: PanelData[] = [];
  const actions = { startDebugging: vi.fn(), monitorProcess: vi.fn(), retry: vi.fn(), showLog: vi.fn() };
  const services = { actions, copy: vi.fn(), remember: vi.fn(), queryChanged: vi.fn() };
  const view = {
    visible: true,
    onDidChangeVisibility: visibility.event,
    webview: {
      onDidReceiveMessage: received.event,
      postMessage: async (message: PanelData) => {
        sent.push(message);
        return true;
      },
    },
  };
  const source = { sessions: [session], onDidChange: changed.event } as unknown as PanelSource;
  const conversation = new PanelConversation(view, source, services);
  let sequence = 0;
  return {
    session,
    sent,
    actions,
    services,
    view,
    conversation,
    listeners: () => received.listeners + visibility.listeners + changed.listeners,
    say: (message: unknown) => received.fire(message),
    ready: () => received.fire({ type: 'ready', query: newest }),
    acknowledge: () => received.fire({ type: 'acknowledge', sequence: sent.at(-1)?.sequence }),
    show: (visible: boolean) => {
      view.visible = visible;
      visibility.fire();
    },
    sample: () => {
      session.applySample(sampleMessage(sequence, { flows: [sampleFlow(sequence)] }));
      sequence += 1;
      changed.fire(undefined);
    },
  };
}

const newest = { selection: { kind: 'newest' }, grouping: 'direction' } as const;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const pass = (): void => void vi.advanceTimersByTime(minimumPauseMillis);

describe('the conversation', () => {
  it('begins when the view is ready, with a snapshot', () => {
    const panel = setUp();
    panel.sample();
    pass();
    expect(panel.sent).toEqual([]);
    panel.ready();
    expect(panel.sent.map(({ type }) => type)).toEqual(['snapshot']);
    expect(panel.sent[0]?.details[0]?.flows).toHaveLength(1);
  });

  it('never has two messages on the way, and joins what happened meanwhile', () => {
    const panel = setUp();
    panel.ready();
    for (let count = 0; count < 5; count += 1) {
      panel.sample();
      pass();
    }
    expect(panel.sent).toHaveLength(1);
    panel.acknowledge();
    pass();
    expect(panel.sent).toHaveLength(2);
    expect(panel.sent[1]?.details[0]?.flows).toHaveLength(5);
    panel.acknowledge();
    pass();
    expect(panel.sent).toHaveLength(2);
  });

  it('joins what happens within the shortest pause', () => {
    const panel = setUp();
    panel.ready();
    panel.acknowledge();
    panel.sample();
    panel.sample();
    expect(panel.sent).toHaveLength(1);
    pass();
    expect(panel.sent.map(({ type }) => type)).toEqual(['snapshot', 'update']);
  });

  it('is not moved by acknowledgements of something else', () => {
    const panel = setUp();
    panel.ready();
    panel.sample();
    panel.say({ type: 'acknowledge', sequence: 999 });
    pass();
    expect(panel.sent).toHaveLength(1);
  });

  it('is silent while the view is hidden, and starts with a snapshot when it is seen again', () => {
    const panel = setUp();
    panel.ready();
    panel.acknowledge();
    panel.sample();
    panel.show(false);
    panel.sample();
    pass();
    expect(panel.sent).toHaveLength(1);
    panel.show(true);
    expect(panel.sent.at(-1)?.type).toBe('snapshot');
    expect(panel.sent.at(-1)?.details[0]?.flows).toHaveLength(2);
  });

  it('does not wait for a message that was lost with a page', () => {
    const panel = setUp();
    panel.ready();
    panel.show(false);
    panel.show(true);
    panel.ready();
    panel.acknowledge();
    panel.sample();
    pass();
    expect(panel.sent.at(-1)?.type).toBe('update');
  });

  it('shows the session that the view selects', () => {
    const panel = setUp();
    panel.ready();
    panel.acknowledge();
    panel.say({ type: 'query', query: { ...newest, selection: { kind: 'all' } } });
    pass();
    expect(panel.sent.at(-1)?.shown).toEqual(['s1']);
  });

  it('does what a button asks for, and nothing that is not on the list', () => {
    const panel = setUp();
    panel.say({ type: 'action', action: 'retry', session: 's1' });
    panel.say({ type: 'action', action: 'toString' });
    panel.say({ type: 'nonsense' });
    expect(panel.actions.retry).toHaveBeenCalledExactlyOnceWith('s1');
    expect(panel.sent).toEqual([]);
  });

  it('hands on what is to be copied, remembered, and looked at', () => {
    const panel = setUp();
    const range = { fromMillis: 1, toMillis: 2 };
    panel.say({ type: 'copy', text: '192.0.2.1:80' });
    panel.say({ type: 'preferences', preferences: { chartStyle: 'host', columns: 7 } });
    panel.say({ type: 'query', query: { ...newest, range } });
    expect(panel.services.copy).toHaveBeenCalledExactlyOnceWith('192.0.2.1:80');
    expect(panel.services.remember).toHaveBeenCalledExactlyOnceWith({
      ...defaultPreferences,
      chartStyle: 'host',
    });
    expect(panel.services.queryChanged).toHaveBeenLastCalledWith({ ...newest, range });
  });

  it('ends without a trace', () => {
    const panel = setUp();
    panel.ready();
    panel.acknowledge();
    panel.sample();
    panel.conversation.dispose();
    pass();
    expect(panel.sent).toHaveLength(1);
    expect(panel.listeners()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
