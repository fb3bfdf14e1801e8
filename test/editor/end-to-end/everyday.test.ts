// What a person does with the views day by day: filters and groups in the side bar, a window that is loaded anew, a
// session in a file and open again. In this order: the window would remember the editor of the file.
import { cpSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { cleanUpAfterAll } from '../browser/cleanup';
import { startPackedEditor } from '../browser/packed-editor';
import { Workbench } from '../browser/workbench';

const view = 'Network Usage';
const program = 'JavaScript: shop';
const atTheEnd = cleanUpAfterAll();
let workspace: string;
let workbench: Workbench;

beforeAll(async () => {
  const { editor, browser, scratch } = await startPackedEditor('everyday', atTheEnd);
  workspace = path.join(scratch, 'demo');
  cpSync(inProject('demo'), workspace, { recursive: true });
  workbench = await Workbench.open(browser, editor, workspace);
  await workbench.openDebugSideBar();
  await workbench.startDebugging(program);
});

/** Rows of the side bar's view in which a text stands. */
const rows = (text: string | RegExp): Locator => workbench.rows(view).filter({ hasText: text });
const panelRows = (): Locator => workbench.webview.locator('.grid-body [role=row]');

test('words filter the connections of the side bar, until all are shown again', async () => {
  await workbench.watched('filter', async () => {
    await rows(/TCP · listening/)
      .first()
      .waitFor();
    await workbench.runCommand('ProcNetMon: Filter Connections');
    await workbench.page.getByPlaceholder('such as example.org').fill('udp');
    await workbench.page.keyboard.press('Enter');
    await rows(/UDP/).first().waitFor();
    await expect.poll(() => rows(/listening|HTTP/).count()).toBe(0);
    const header = workbench.page.locator('.pane-header', { hasText: view });
    await expect.poll(() => header.textContent()).toContain('udp');
    await workbench.runCommand('ProcNetMon: Show All Connections');
    await rows(/TCP · listening/)
      .first()
      .waitFor();
    await expect.poll(() => header.textContent()).not.toContain('udp');
  });
});

test.each([
  { by: 'By Host', heading: /^localhost.*connections?$/ },
  { by: 'By Protocol', heading: /^HTTP\/1\.1.*connections?$/ },
])('the side bar puts connections together: $by', async ({ by, heading }) => {
  await workbench.watched(by, async () => {
    await workbench.runCommand('ProcNetMon: Group Connections');
    await workbench.page.locator('.quick-input-widget .monaco-list-row', { hasText: by }).click();
    await rows(heading).first().waitFor();
  });
});

test('a window that is loaded anew has the session that was going on', async () => {
  await workbench.watched('reload', async () => {
    await workbench.page.reload();
    await workbench.ready();
    await workbench.openDebugSideBar();
    await workbench.runCommand('ProcNetMon: Open Network Usage Panel');
    await expect.poll(() => panelRows().count()).toBeGreaterThan(3);
    expect(await workbench.webview.getByRole('combobox', { name: 'Session' }).textContent()).toContain(
      program,
    );
    expect(await workbench.webview.locator('.session-state').textContent()).toBe('ended');
    expect(await workbench.webview.locator('#chart-summary').textContent()).toMatch(/Peak.*[1-9]/);
    await workbench.screenshot('reloaded');
    await workbench.runCommand('View: Hide Panel');
    await workbench.page.locator('.part.panel').waitFor({ state: 'hidden' });
  });
});

test('a session goes into a file, and opens again with its chart and connections', async () => {
  await workbench.watched('file', async () => {
    await workbench.runCommand('ProcNetMon: Export Session');
    await workbench.page.locator('.quick-input-widget .monaco-list-row', { hasText: '.procnetmon' }).click();
    const target = workbench.page.locator('.quick-input-widget input[type="text"]');
    await expect.poll(() => target.inputValue()).toMatch(/\.procnetmon$/);
    await target.fill(path.join(workspace, 'shop.procnetmon'));
    await workbench.page.keyboard.press('Enter');
    await workbench.notifications.getByRole('button', { name: 'Open' }).click();
    await workbench.page.getByRole('tab', { name: 'shop.procnetmon' }).waitFor();
    await expect.poll(() => panelRows().count()).toBeGreaterThan(3);
    expect(await workbench.webview.locator('.session-state').textContent()).toBe('ended');
    expect(await workbench.webview.locator('.legend').textContent()).toMatch(/[1-9].* total.*[1-9].* total/);
    expect(await workbench.webview.locator('.table-footer').textContent()).toMatch(
      /\d+ connections · \d+ closed/,
    );
    await workbench.screenshot('saved-session');
  });
});
