// The main job as an ordinary user does it: F5, the password for sudo in the input box, and then the program's
// network in the tree, the status bar and the panel. The user, the editor, sudo, the helper, the programs in
// the kernel and the program that is debugged are all real.
import { afterEach, beforeAll, expect, test } from 'vitest';
import { cleanUpAfterAll } from '../browser/cleanup';
import { runningHelpers } from '../browser/running-helpers';
import type { TemporaryUser } from '../browser/temporary-user';
import { openUserWorkbench } from '../browser/user-workbench';
import type { Workbench } from '../browser/workbench';

const view = 'Network Usage';
const program = 'JavaScript: shop';
const rates = /↑.*↓/;
const atTheEnd = cleanUpAfterAll();
let user: TemporaryUser;
let workbench: Workbench;

beforeAll(async () => {
  ({ user, workbench } = await openUserWorkbench(atTheEnd));
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail')
    await workbench.screenshot(`failed-${task.name.replaceAll(/\W+/g, '-')}`);
});

/** What the chart shows now, as a picture. */
function chartPicture(): Promise<string> {
  return workbench.webview
    .locator('.chart canvas')
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

test('a wrong password gives one message and is not asked for again', async () => {
  await workbench.startDebugging(program);
  await workbench.passwordBox.waitFor();
  await expect.poll(() => workbench.notifications.count()).toBe(0);
  await workbench.screenshot('password-box');
  await workbench.passwordBox.fill('not the password');
  await workbench.page.keyboard.press('Enter');
  await workbench.notifications.filter({ hasText: /password/i }).waitFor();
  await workbench.stopDebugging();

  await workbench.startDebugging(program);
  // The last of the program's processes runs, so its first one was known and the helper wanted long ago.
  await workbench.debuggedPrograms.filter({ hasText: 'customers' }).waitFor();
  await workbench.expandView(view);
  await workbench.page.getByText('the password was not accepted').first().waitFor();
  expect(await workbench.passwordBox.isVisible()).toBe(false);
  expect(await workbench.notifications.count()).toBe(1);
  await workbench.screenshot('password-refused');
  await workbench.stopDebugging();
});

test('the right password leads from F5 to figures in the tree, the status bar and the panel', async () => {
  await workbench.page.reload();
  await workbench.ready();
  await workbench.openDebugSideBar();
  await workbench.startDebugging(program);
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
  await workbench.screenshot('panel');
  expect(await workbench.webview.locator('#chart-summary').textContent()).toMatch(/\d/);
});

test('the helper goes when the window goes', async () => {
  const helpers = (): number[] => runningHelpers(`${user.home}/editor/extensions/`);
  expect(helpers()).toHaveLength(1);
  await workbench.page.close();
  await expect.poll(helpers, { timeout: 60_000 }).toEqual([]);
});
