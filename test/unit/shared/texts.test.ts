import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConnectionFacts } from '../../../src/shared/facts';
import { groupOf, groupTitle } from '../../../src/shared/flow-filter';
import { reasonText } from '../../../src/shared/reason-text';
import { flowSample } from '../extension/samples';
import { english, fillIn, makeTexts, type Texts } from '../../../src/shared/texts';

/** The texts as the editor gives them in a language. */
function textsIn(language: string): Texts {
  const file = path.resolve(import.meta.dirname, `../../../l10n/bundle.l10n.${language}.json`);
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  return makeTexts(language, (text, ...values) => fillIn(bundle[text] ?? text, values));
}

describe('a number and its noun', () => {
  test.each([
    [
      'en',
      english,
      ['0 open connections', '1 open connection', '2 open connections', '1,234 open connections'],
    ],
    [
      'de',
      textsIn('de'),
      ['0 offene Verbindungen', '1 offene Verbindung', '2 offene Verbindungen', '1,234 offene Verbindungen'],
    ],
    ['zh-cn', textsIn('zh-cn'), ['0', '1', '2', '1,234'].map((count) => `${count} 个打开的连接`)],
  ])('in %s', (_, { plural }, expected) => {
    const shown = [0, 1, 2, 1_234].map((count) =>
      plural(count, '{0} open connection', '{0} open connections'),
    );
    expect(shown).toEqual(expected);
  });

  test('with further values', () => {
    const { plural } = english;
    expect(plural(1, '{0} of {1} one', '{0} of {1} many', 7)).toBe('1 of 7 one');
    expect(plural(2, '{0} of {1} one', '{0} of {1} many', 7)).toBe('2 of 7 many');
  });
});

test('a place without a value stays', () => {
  expect(fillIn('{0} and {1}', ['a'])).toBe('a and {1}');
});

describe('why a connection failed', () => {
  test('in words, translated', () => {
    expect(reasonText('reset')).toBe('reset by peer');
    expect(reasonText('reset', textsIn('de'))).toBe('von der Gegenstelle zurückgesetzt');
    expect(reasonText(undefined)).toBe('');
  });

  test('what a file names and nobody knows stands as it is, clean', () => {
    expect(reasonText('constructor')).toBe('constructor');
    expect(reasonText('odd\u001b[2J')).toBe('odd\ufffd[2J');
  });
});

test('what was said on a connection is translated', () => {
  const facts = new ConnectionFacts();
  const request = { kind: 'http-exchange', flow: 1, time: '', requestedBy: 'local', version: '1.1' } as const;
  for (const id of [1, 2, 3]) {
    facts.add({ ...request, id, method: 'GET', path: '/users', status: 404, latencyMicros: 1_000 * id });
  }
  expect(facts.lines(5, textsIn('de'))).toEqual([
    'GET /users → 404, 3-mal, 3 fehlgeschlagen, im Mittel 2.00 ms, höchstens 3.00 ms',
  ]);
  expect(facts.lines(5, textsIn('zh-cn'))).toEqual([
    'GET /users → 404, 3 次, 3 次失败, 平均 2.00 ms, 最多 3.00 ms',
  ]);
});

test('headings of groups without a name are translated, and others are not', () => {
  const german = textsIn('de');
  expect(groupTitle(groupOf(flowSample(1, 7), 'protocol'), german)).toBe('unbekannt (TCP)');
  const listening = { ...flowSample(1, 7) };
  delete listening.remote;
  expect(groupTitle(groupOf(listening, 'host'), german)).toBe('keine Gegenstelle');
  expect(groupTitle('TLS 1.3 · h2', german)).toBe('TLS 1.3 · h2');
});
