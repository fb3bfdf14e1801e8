// The panel with real traffic in each kind of colour theme. Whether it is pleasant to look at is for people to
// say, from the pictures; here it has to be there and to know its theme.
import { beforeAll, expect, test } from 'vitest';
import { quietSettings, writeSettings } from '../../../scripts/editor/code-server.mjs';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { cleanUpAfterAll } from '../browser/cleanup';
import { type PackedEditor, startPackedEditor } from '../browser/packed-editor';
import { Workbench } from '../browser/workbench';

const atTheEnd = cleanUpAfterAll();
let packed: PackedEditor;

beforeAll(async () => {
  packed = await startPackedEditor('themes', atTheEnd);
});

// Each theme with the class that the editor gives to the pages of webviews.
test.each([
  { theme: 'Dark Modern', pageClass: 'vscode-dark' },
  { theme: 'Light Modern', pageClass: 'vscode-light' },
  { theme: 'Default High Contrast', pageClass: 'vscode-high-contrast' },
  { theme: 'Default High Contrast Light', pageClass: 'vscode-high-contrast-light' },
])('the panel in the theme $theme', async ({ theme, pageClass }) => {
  // Read when a window opens.
  await writeSettings(packed.folders, { ...quietSettings, 'workbench.colorTheme': theme });
  const workbench = await Workbench.open(packed.browser, packed.editor, inProject('demo'));
  await workbench.watched(theme, async () => {
    await workbench.openDebugSideBar();
    await workbench.startDebugging('JavaScript: shop');
    await workbench.statusBarItem(/↑.*[1-9].*↓/).click();
    await expect.poll(() => workbench.webview.getByRole('row').count()).toBeGreaterThan(5);
    expect((await workbench.webview.locator('body').getAttribute('class'))?.split(' ')).toContain(pageClass);
    await workbench.screenshot(`panel-${theme.toLowerCase().replaceAll(' ', '-')}`);
    await workbench.stopDebugging();
  });
  await workbench.page.close();
});
