// The main job as an ordinary user does it: F5, the password for sudo in the input box, and then the program's
// network in the tree, the status bar and the panel. The user, the editor, sudo, the helper, the programs in
// the kernel and the program that is debugged are all real.
import { readdirSync, readlinkSync } from 'node:fs';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../browser/chromium.mjs';
import { createTemporaryUser, type TemporaryUser } from '../browser/temporary-user';
import { startEditorAs, type UserEditor } from '../browser/user-editor';
import { Workbench } from '../browser/workbench';

const view = 'Network Usage';
const rates = /↑.*↓/;
/** Each theme with the class that the editor gives to the pages of webviews. */
const themes = [
  { theme: 'Default Dark Modern', pageClass: 'vscode-dark' },
  { theme: 'Default Light Modern', pageClass: 'vscode-light' },
  { theme: 'Default High Contrast', pageClass: 'vscode-high-contrast' },
  { theme: 'Default High Contrast Light', pageClass: 'vscode-high-contrast-light' },
];

let user: TemporaryUser;
let editor: UserEditor;
let browser: Browser;
let workbench: Workbench;

beforeAll(async () => {
  user = await createTemporaryUser();
  editor = await startEditorAs(user);
  browser = await launchBrowser();
  workbench = await Workbench.open(browser, editor, editor.workspace);
});

afterAll(async () => {
  await browser.close();
  await editor.stop();
  await user.remove();
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail')
    await workbench.screenshot(`failed-${task.name.replaceAll(/\W+/g, '-')}`);
});

/** Starts the first configuration of the demo and waits until the editor is debugging. */
async function startDebugging(): Promise<void> {
  await workbench.page.keyboard.press('Control+Shift+D');
  await workbench.page
    .getByRole('button', { name: 'Debug Launch Configurations: JavaScript: shop' })
    .waitFor();
  await workbench.page.keyboard.press('F5');
  await debugToolbar().waitFor();
}

async function stopDebugging(): Promise<void> {
  await workbench.page.keyboard.press('Shift+F5');
  await debugToolbar().waitFor({ state: 'hidden' });
}

const debugToolbar = (): Locator => workbench.page.locator('.debug-toolbar');

/** What the chart shows now, as a picture. */
function chartPicture(): Promise<string> {
  return workbench.webview
    .locator('.chart canvas')
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

test('a wrong password gives one message and is not asked for again', async () => {
  await startDebugging();
  await workbench.passwordBox.waitFor();
  await workbench.screenshot('password-box');
  await workbench.passwordBox.fill('not the password');
  await workbench.page.keyboard.press('Enter');
  await workbench.notifications.filter({ hasText: /password/i }).waitFor();
  await stopDebugging();

  await startDebugging();
  // Long enough for a program to be found and the helper to be asked for: the session says why it is not.
  await workbench.expandView(view);
  await workbench.rows(view).first().waitFor();
  expect(await workbench.passwordBox.count()).toBe(0);
  expect(await workbench.notifications.count()).toBe(1);
  await workbench.screenshot('password-refused');
  await stopDebugging();
});

test('the right password leads from F5 to figures in the tree, the status bar and the panel', async () => {
  await workbench.page.reload();
  await workbench.ready();
  await startDebugging();
  await workbench.passwordBox.waitFor();
  await workbench.passwordBox.fill(user.password);
  await workbench.page.keyboard.press('Enter');

  await workbench.expandView(view);
  await workbench.rows(view).filter({ hasText: 'shop' }).first().waitFor();
  await workbench.rows(view).filter({ hasText: /:\d+/ }).first().waitFor();
  const statusBar = workbench.statusBarItem(rates);
  await expect.poll(() => statusBar.textContent()).toMatch(/[1-9]/);
  await workbench.screenshot('tree-and-status-bar');

  await statusBar.click();
  await expect.poll(() => workbench.webview.getByRole('row').count()).toBeGreaterThan(1);
  const before = await chartPicture();
  await expect.poll(chartPicture).not.toBe(before);
  expect(await workbench.webview.locator('#chart-summary').textContent()).toMatch(/\d/);
});

test.each(themes)('the panel follows the theme $theme', async ({ theme, pageClass }) => {
  await editor.changeSettings({ 'workbench.colorTheme': theme });
  const classes = async () => (await workbench.webview.locator('body').getAttribute('class'))?.split(' ');
  await expect.poll(classes).toContain(pageClass);
  await expect.poll(() => workbench.webview.getByRole('row').count()).toBeGreaterThan(1);
  await workbench.screenshot(`panel-${theme.toLowerCase().replaceAll(' ', '-')}`);
});

test('the helper goes when the window goes', async () => {
  expect(runningHelpers()).toHaveLength(1);
  await workbench.page.close();
  await expect.poll(runningHelpers, { timeout: 60_000 }).toEqual([]);
});

/** Ids of the processes that run the helper from this user's copy of the extension. */
function runningHelpers(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`).startsWith(`${user.home}/editor/extensions/`);
      } catch {
        return false;
      }
    });
}
