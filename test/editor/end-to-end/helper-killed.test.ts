// What a person is told when the helper is killed in the middle of a session: one message, whichever way it went. What
// is counted is what a screen reader is told of, which is every message, also one that takes the place of its like.
import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { ScarceMemory } from '../../fixtures/scarce-memory';
import { cleanUpAfterAll } from '../browser/cleanup';
import { startPackedEditor } from '../browser/packed-editor';
import { runningHelpers } from '../browser/running-helpers';
import { openUserWorkbench } from '../browser/user-workbench';
import { Workbench } from '../browser/workbench';

const view = 'Network Usage';
const program = 'JavaScript: shop';
const rates = /↑.*↓/;
const atTheEnd = cleanUpAfterAll();

const kill = (signal: NodeJS.Signals) => (pid: number) => {
  process.kill(pid, signal);
  return Promise.resolve();
};

/** Has the kernel kill it for want of memory; where that cannot be had here, kills it as the kernel would. */
async function exhaustMemory(pid: number): Promise<void> {
  const memory = ScarceMemory.create();
  if (memory === undefined) return kill('SIGKILL')(pid);
  memory.add(pid);
  // What it goes on counting takes more than there is.
  await expect.poll(() => memory.kills).toBeGreaterThan(0);
  await expect.poll(() => existsSync(`/proc/${String(pid)}`)).toBe(false);
  memory.dispose();
}

/** The one helper of an editor that is not among those of before. */
async function newHelper(folder: string, before: readonly number[] = []): Promise<number> {
  const others = (): number[] => runningHelpers(folder).filter((pid) => !before.includes(pid));
  await expect.poll(() => others().length).toBe(1);
  return others()[0] ?? 0;
}

/** Starts the program and waits until its traffic shows. */
async function startWatching(workbench: Workbench, password?: string): Promise<void> {
  await workbench.startDebugging(program);
  if (password !== undefined) {
    await workbench.passwordBox.fill(password);
    await workbench.page.keyboard.press('Enter');
  }
  await workbench.expandView(view);
  await workbench.rows(view).filter({ hasText: /:\d+/ }).first().waitFor();
  await expect.poll(() => workbench.statusBarItem(rates).textContent()).toMatch(/[1-9]/);
}

describe('where nobody has to be asked', () => {
  test('each death of the helper is told once, and what was counted stays on show', async () => {
    const { editor, browser, folders, scratch } = await startPackedEditor('killed', atTheEnd);
    const workspace = path.join(scratch, 'demo');
    cpSync(inProject('demo'), workspace, { recursive: true });
    const workbench = await Workbench.open(browser, editor, workspace);
    await workbench.openDebugSideBar();
    await workbench.watched('killed helper', async () => {
      await startWatching(workbench);
      await workbench.runCommand('ProcNetMon: Open Network Usage Panel');
      const connections = workbench.webview.locator('.grid-body [role=row]');
      await expect.poll(() => connections.count()).toBeGreaterThan(3);
      const announced = await workbench.announcements();
      const total = async (): Promise<number> =>
        bytesOf((await workbench.webview.locator('.legend .legend-total').first().textContent()) ?? '');
      let helper = await newHelper(folders.extensions);
      for (const end of [kill('SIGKILL'), kill('SIGTERM'), exhaustMemory]) {
        const [told, counted, listed] = [await announced(), await total(), await connections.count()];
        await end(helper);
        helper = await newHelper(folders.extensions, [helper]);
        // More than before was counted: the helper of now is watching, and whoever had something to say has said it.
        await expect.poll(total).toBeGreaterThan(counted);
        await expect.poll(async () => (await announced()).length).toBeGreaterThan(told.length);
        expect((await announced()).slice(told.length)).toEqual([
          expect.stringMatching(/^Warning: The network helper stopped unexpectedly, and was started again\./),
        ]);
        expect(await connections.count()).toBeGreaterThanOrEqual(listed);
        expect(await workbench.webview.locator('.session-state').textContent()).not.toMatch(/ended|failed/);
      }
      await workbench.screenshot('helper-killed');

      // It is not started again for ever.
      const told = await announced();
      process.kill(helper, 'SIGKILL');
      await workbench.webview.locator('.session-state', { hasText: 'failed' }).waitFor();
      await workbench.stopDebugging();
      expect((await announced()).slice(told.length)).toEqual([
        expect.stringMatching(/^Error: The network helper stopped unexpectedly\./),
      ]);
      expect(runningHelpers(folders.extensions)).toEqual([]);
    });
  });
});

describe('where sudo asks for a password each time', () => {
  test('nobody is asked again: one message says what to do', async () => {
    const { user, workbench } = await openUserWorkbench(atTheEnd, { asksEachTime: true });
    await workbench.watched('killed helper of a user', async () => {
      await startWatching(workbench, user.password);
      const announced = await workbench.announcements();
      const folder = `${user.home}/editor/extensions/`;
      process.kill(await newHelper(folder), 'SIGKILL');
      await workbench.notifications.getByRole('button', { name: 'Start Monitoring' }).waitFor();
      await workbench.rows(view).filter({ hasText: program }).first().waitFor();
      expect(await workbench.passwordBox.isVisible()).toBe(false);
      await workbench.stopDebugging();
      expect(await announced()).toEqual([
        expect.stringMatching(/^Error: The network helper stopped unexpectedly\..*Start monitoring again\./),
      ]);
      expect(await workbench.passwordBox.isVisible()).toBe(false);
      expect(runningHelpers(folder)).toEqual([]);
    });
  });
});

/** What a text such as "1.5 MB total" says, in bytes. */
function bytesOf(text: string): number {
  const [, figure = '', unit = ''] = /([\d.,]+)\s*([kMG]?)B/.exec(text) ?? [];
  return Number(figure.replaceAll(',', '')) * 1_000 ** ['', 'k', 'M', 'G'].indexOf(unit);
}
