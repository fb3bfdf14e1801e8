// The panel with real traffic in each kind of colour theme. Whether it is pleasant to look at is for people to
// say, from the pictures; here it has to be there and to know its theme.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import {
  type CodeServer,
  installExtensions,
  quietSettings,
  startCodeServer,
  stateFolders,
  writeSettings,
} from '../../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../../scripts/editor/install-code-server.mjs';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { packageFile } from '../../../scripts/package.mjs';
import { launchBrowser } from '../browser/chromium.mjs';
import { cleanUpAfterAll } from '../browser/cleanup';
import { Workbench } from '../browser/workbench';

const scratch = mkdtempSync(path.join(tmpdir(), 'procnetmon-themes-'));
const folders = stateFolders(scratch);
const atTheEnd = cleanUpAfterAll();
atTheEnd(() => rmSync(scratch, { recursive: true, force: true }));
let editor: CodeServer;
let browser: Browser;

beforeAll(async () => {
  const installation = await installCodeServer();
  await writeSettings(folders, quietSettings);
  await installExtensions(installation, folders, [packageFile]);
  editor = await startCodeServer(installation, { folders });
  atTheEnd(() => editor.stop());
  browser = await launchBrowser();
  atTheEnd(() => browser.close());
});

// Each theme with the class that the editor gives to the pages of webviews.
test.each([
  { theme: 'Dark Modern', pageClass: 'vscode-dark' },
  { theme: 'Light Modern', pageClass: 'vscode-light' },
  { theme: 'Default High Contrast', pageClass: 'vscode-high-contrast' },
  { theme: 'Default High Contrast Light', pageClass: 'vscode-high-contrast-light' },
])('the panel in the theme $theme', async ({ theme, pageClass }) => {
  // Read when a window opens.
  await writeSettings(folders, { ...quietSettings, 'workbench.colorTheme': theme });
  const workbench = await Workbench.open(browser, editor, inProject('demo'));
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
