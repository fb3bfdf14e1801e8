// The packed extension, as the editor unpacks it: what has to be in, with the right to be executed, and what
// has no business there. Extensions have been broken by a file mode that packing or unpacking lost.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installExtensions, stateFolders } from '../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../scripts/editor/install-code-server.mjs';
import { packageFile } from '../../scripts/package.mjs';

const scratch = mkdtempSync(path.join(tmpdir(), 'procnetmon-package-'));
let installed = '';
let files: string[] = [];

beforeAll(async () => {
  const folders = stateFolders(scratch);
  await installExtensions(await installCodeServer(), folders, [packageFile]);
  const name = readdirSync(folders.extensions).find((entry) => entry.startsWith('procnetmon.procnetmon-'));
  expect(name, 'the installed extension').toBeDefined();
  installed = path.join(folders.extensions, name ?? '');
  files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)))
    .sort();
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test('holds everything that runs', () => {
  for (const needed of [
    'package.json',
    // Packing writes these two in small letters.
    'readme.md',
    'changelog.md',
    'dist/extension/extension.js',
    'dist/extension/language-client.js',
    'dist/extension/on-demand.js',
    'l10n/bundle.l10n.de.json',
    'l10n/bundle.l10n.zh-cn.json',
    'package.nls.de.json',
    'media/walkthrough/root.md',
    'dist/webview/panel.js',
    'dist/webview/panel.css',
    'dist/helper/procnetmon',
    'dist/helper/procnetmon.node',
    'dist/THIRD-PARTY-NOTICES.txt',
  ]) {
    expect(files).toContain(needed);
  }
  expect(files.some((file) => /^LICENSE/i.test(file))).toBe(true);
});

test.each(['language-client', 'on-demand'])('reads the bundle %s from beside itself', (name) => {
  const extension = readFileSync(path.join(installed, 'dist/extension/extension.js'), 'utf8');
  // An `import()` left in place would be resolved as the web does, and fail for want of an ending.
  expect(extension).toContain(`require("./${name}")`);
});

test('holds no sources, tests, maps or tools', () => {
  const unwanted =
    /^(src|helper|bpf|scripts|test|demo|node_modules|build|\.)|\.(ts|map|c|h|cpp|o)$|helper\.cjs$/;
  expect(files.filter((file) => unwanted.test(file) && !file.startsWith('.vsixmanifest'))).toEqual([]);
});

describe('what is executed may be executed by everybody, and written by nobody but the owner', () => {
  test.each([/^dist\/helper\/procnetmon$/, /askpass[^/]*\.sh$/])('%s', (pattern) => {
    const matching = files.filter((file) => pattern.test(file));
    expect(matching).toHaveLength(1);
    const mode = statSync(path.join(installed, matching[0] ?? '')).mode;
    expect((mode & 0o777).toString(8)).toBe('755');
  });
});

test('the unpacked helper runs', () => {
  const output = execFileSync(path.join(installed, 'dist/helper/procnetmon'), ['--version'], {
    encoding: 'utf8',
  });
  expect(output).toMatch(/\d+\.\d+\.\d+/);
});

test('every file that package.json names is there', () => {
  const manifest = readFileSync(path.join(installed, 'package.json'), 'utf8');
  const named = [...manifest.matchAll(/"((?:\.\/)?(?:media|dist)\/[^"]+\.[a-z]+)"/g)].map(
    ([, file]) => file ?? '',
  );
  expect(named).not.toEqual([]);
  expect(named.filter((file) => !existsSync(path.join(installed, file)))).toEqual([]);
});
