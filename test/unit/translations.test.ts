// Every text of the extension and of its panel is translated, in every language, with the same places to fill in.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const languages = ['de', 'zh-cn'];

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(root, folder, name));
}

/** Texts handed to `vscode.l10n.t`, and to `t` and `plural` of `Texts`. */
function textsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText(source);
      const [first, second, third] = node.arguments;
      const texts = called === 'plural' ? [second, third] : /(^|l10n\.)t$/.test(called) ? [first] : [];
      for (const text of texts) {
        if (text !== undefined && ts.isStringLiteralLike(text)) found.push(text.text);
        else if (/\/(l10n|texts)\.ts$/.test(file)) continue;
        else throw new Error(`${file}: ${node.getText(source)} has no text that could be translated`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const json = (name: string): Record<string, string> =>
  JSON.parse(readFileSync(path.join(root, name), 'utf8')) as Record<string, string>;
const places = (text: string): string[] => [...text.matchAll(/\{\d+\}/g)].map(([place]) => place).sort();
const links = (text: string): string[] =>
  [...text.matchAll(/\(command:[\w.]+\)|procnetmon\.\w+/g)].map(([link]) => link).sort();

const used = [
  ...new Set(['src/extension', 'src/shared', 'src/webview'].flatMap(sourceFiles).flatMap(textsIn)),
].sort();

describe.each(languages)('in %s', (language) => {
  const bundle = json(`l10n/bundle.l10n.${language}.json`);
  const manifest = json(`package.nls.${language}.json`);
  const english = json('package.nls.json');

  test('every text of the code is there, and no other', () => {
    expect(Object.keys(bundle).sort()).toEqual(used);
  });

  test('every text of the manifest is there, and no other', () => {
    expect(Object.keys(manifest).sort()).toEqual(Object.keys(english).sort());
  });

  test('nothing is empty, and the same values are filled in', () => {
    for (const [text, translated] of Object.entries(bundle)) {
      expect(translated.trim(), text).not.toBe('');
      expect(places(translated), text).toEqual(places(text));
    }
    for (const [key, translated] of Object.entries(manifest)) {
      expect(translated.trim(), key).not.toBe('');
      expect(links(translated), key).toEqual(links(english[key] ?? ''));
    }
  });
});
