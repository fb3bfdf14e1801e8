import { describe, expect, it } from 'vitest';
import { parsePanelContext, parseWebviewMessage } from '../../../src/shared/panel-messages';

describe('messages from the webview', () => {
  it.each([
    { type: 'ready', selection: { kind: 'newest' } },
    { type: 'select', selection: { kind: 'all' } },
    { type: 'select', selection: { kind: 'session', id: 'session-1' } },
    { type: 'acknowledge', sequence: 7 },
    { type: 'action', action: 'monitorProcess' },
    { type: 'action', action: 'retry', session: 'session-1' },
  ])('pass when they are as agreed: %j', (message) => {
    expect(parseWebviewMessage(message)).toEqual(message);
  });

  it.each([
    undefined,
    null,
    'ready',
    [],
    {},
    { type: 'ready' },
    { type: 'ready', selection: 'all' },
    { type: 'select', selection: { kind: 'session' } },
    { type: 'select', selection: { kind: 'session', id: '' } },
    { type: 'select', selection: { kind: 'session', id: 'x'.repeat(257) } },
    { type: 'acknowledge', sequence: '7' },
    { type: 'acknowledge', sequence: Infinity },
    { type: 'action', action: 'constructor' },
    { type: 'action', action: 'workbench.action.terminal.sendSequence' },
    { type: 'action', action: 'retry', session: 5 },
    { type: 'toString' },
  ])('are dropped when they are not: %j', (message) => {
    expect(parseWebviewMessage(message)).toBeUndefined();
  });

  it('lose what nobody asked for', () => {
    expect(parseWebviewMessage({ type: 'acknowledge', sequence: 1, more: true })).toEqual({
      type: 'acknowledge',
      sequence: 1,
    });
  });
});

describe('the context of a menu', () => {
  it('holds two texts', () => {
    const context = { webview: 'procnetmon.panel', webviewSection: 'connection', value: 'a', row: 'a\tb' };
    expect(parsePanelContext(context)).toEqual({ value: 'a', row: 'a\tb' });
  });

  it.each([undefined, {}, { value: 1, row: 'a' }, { value: 'a' }, { value: 'a', row: 'b'.repeat(20_000) }])(
    'is dropped when it is something else',
    (context) => {
      expect(parsePanelContext(context)).toBeUndefined();
    },
  );
});
