import { describe, expect, it } from 'vitest';
import { contextTexts, parsePanelContext, parseWebviewMessage } from '../../../src/shared/panel-messages';
import { defaultPreferences } from '../../../src/shared/panel-preferences';

describe('messages from the webview', () => {
  it.each([
    { type: 'ready', query: { selection: { kind: 'newest' }, grouping: 'direction' } },
    { type: 'query', query: { selection: { kind: 'all' }, grouping: 'host' } },
    {
      type: 'query',
      query: {
        selection: { kind: 'session', id: 'session-1' },
        grouping: 'process',
        range: { fromMillis: 1, toMillis: 2 },
        inspected: { session: 'session-1', flow: 7 },
      },
    },
    { type: 'copy', text: 'a' },
    { type: 'preferences', preferences: defaultPreferences },
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
    { type: 'ready', query: 'all' },
    { type: 'query', query: { selection: { kind: 'all' } } },
    { type: 'query', query: { selection: { kind: 'session' }, grouping: 'host' } },
    { type: 'query', query: { selection: { kind: 'session', id: '' }, grouping: 'host' } },
    { type: 'query', query: { selection: { kind: 'session', id: 'x'.repeat(257) }, grouping: 'host' } },
    { type: 'copy', text: 5 },
    { type: 'copy', text: 'x'.repeat(20_000) },
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

  it('lose a range or a connection that is none', () => {
    const query = { selection: { kind: 'all' }, grouping: 'host' };
    const hostile = { range: { fromMillis: 'x', toMillis: 2 }, inspected: { session: 's', flow: 1.5 } };
    expect(parseWebviewMessage({ type: 'query', query: { ...query, ...hostile } })).toEqual({
      type: 'query',
      query,
    });
  });

  it('lose preferences that are none, and keep the rest', () => {
    const preferences = {
      chartStyle: 'pie',
      columns: { order: ['age', 7, 'age'], hidden: 'all', widths: { age: 1e9, state: 'wide', local: 100.4 } },
      savedFilters: [{ name: 'failed', text: 'is:failed', more: 1 }, { name: '' }, null],
    };
    expect(parseWebviewMessage({ type: 'preferences', preferences })).toEqual({
      type: 'preferences',
      preferences: {
        chartStyle: 'mirrored',
        columns: {
          order: ['age'],
          hidden: defaultPreferences.columns.hidden,
          widths: { age: 1_200, local: 100 },
        },
        savedFilters: [{ name: 'failed', text: 'is:failed' }],
      },
    });
  });
});

describe('the context of a menu', () => {
  const texts = Object.fromEntries(contextTexts.map((name) => [name, `the ${name}`]));

  it('holds the texts that can be copied', () => {
    const context = { webview: 'procnetmon.panel', webviewSection: 'connection', ...texts };
    expect(parsePanelContext(context)).toEqual(texts);
  });

  it.each([undefined, {}, { ...texts, value: 1 }, { value: 'a' }, { ...texts, row: 'b'.repeat(20_000) }])(
    'is dropped when it is something else',
    (context) => {
      expect(parsePanelContext(context)).toBeUndefined();
    },
  );
});
