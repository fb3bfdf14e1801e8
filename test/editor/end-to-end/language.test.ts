// The packed extension in an editor of another language: texts and numbers in the side bar, in the status bar and in
// the panel are those of the language.
import { beforeAll, expect, test } from 'vitest';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { cleanUpAfterAll } from '../browser/cleanup';
import { writeLanguagePack } from '../browser/language-pack';
import { type PackedEditor, startPackedEditor } from '../browser/packed-editor';
import { Workbench } from '../browser/workbench';

const atTheEnd = cleanUpAfterAll();
let packed: PackedEditor;

beforeAll(async () => {
  packed = await startPackedEditor('language', atTheEnd, (folders) => writeLanguagePack(folders, 'de'));
});

test('German, with a comma in its numbers', async () => {
  const workbench = await Workbench.open(packed.browser, packed.editor, inProject('demo'));
  await workbench.watched('german', async () => {
    await workbench.page.keyboard.press('Control+Shift+D');
    await workbench.startDebugging('JavaScript: shop');
    await workbench.expandView('Netzwerknutzung');
    const rows = workbench.rows('Netzwerknutzung');
    await rows
      .filter({ hasText: /\d,\d+ kB\/s/ })
      .first()
      .waitFor();
    expect(await rows.filter({ hasText: /\d\.\d+ kB\/s/ }).count()).toBe(0);
    await workbench.statusBarItem(/↑ .*\d,\d+ .B\/s ↓ .*\d,\d+ .B\/s/).click();
    await expect.poll(() => workbench.webview.getByRole('row').count()).toBeGreaterThan(5);
    const legend = workbench.webview.locator('.legend');
    await expect.poll(() => legend.textContent()).toMatch(/\d,\d+ .B gesamt/);
    expect(await legend.textContent()).not.toMatch(/\d\.\d/);
    await workbench.screenshot('language-de');
    await workbench.stopDebugging();
  });
});
