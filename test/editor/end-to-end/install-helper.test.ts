// The helper installed and uninstalled from the editor, by an ordinary user: what is going to be done is shown, sudo asks
// once, from then on debugging takes no password, and in the end nothing is left.
import { existsSync, readdirSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { installationFolder, installedExecutable } from '../../../src/installation/installation';
import { cleanUpAfterAll } from '../browser/cleanup';
import type { TemporaryUser } from '../browser/temporary-user';
import { openUserWorkbench } from '../browser/user-workbench';
import type { Workbench } from '../browser/workbench';

const setAside = `${installationFolder}.before-tests`;
const program = 'JavaScript: shop';
const atTheEnd = cleanUpAfterAll();
let user: TemporaryUser;
let workbench: Workbench;

beforeAll(async () => {
  // Whoever runs the tests may have it installed.
  if (existsSync(installationFolder)) {
    renameSync(installationFolder, setAside);
    atTheEnd(() => renameSync(setAside, installationFolder));
  }
  ({ user, workbench } = await openUserWorkbench(atTheEnd));
});

/** Answers the dialog by one of its buttons, and gives what it said. */
async function answer(button: string): Promise<string> {
  const dialog = workbench.page.locator('.monaco-dialog-box');
  await dialog.waitFor();
  const text = (await dialog.textContent()) ?? '';
  await dialog.getByRole('button', { name: button, exact: true }).click();
  return text;
}

/** Executables of the processes that run the installed helper. */
function installedHelpers(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [readlinkSync(`/proc/${pid}/exe`)];
      } catch {
        return [];
      }
    })
    .filter((executable) => executable === installedExecutable);
}

test('it does nothing when the question is cancelled', async () => {
  await workbench.watched('cancelling the installation', async () => {
    await workbench.runCommand('ProcNetMon: Install Helper');
    const said = await answer('Cancel');
    expect(said).toContain(installationFolder);
    expect(said).toContain('cap_bpf');
    expect(said).toContain(user.name);
  });
  expect(await workbench.passwordBox.isVisible()).toBe(false);
  expect(existsSync(installationFolder)).toBe(false);
});

test('it is installed with the password', async () => {
  await workbench.watched('installing', async () => {
    await workbench.runCommand('ProcNetMon: Install Helper');
    await answer('Install');
    await workbench.passwordBox.fill(user.password);
    await workbench.page.keyboard.press('Enter');
    await workbench.notifications.filter({ hasText: 'The network helper is installed.' }).waitFor();
  });
  const { uid, gid, mode } = statSync(installedExecutable);
  expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 0, gid: user.gid, mode: 0o750 });
});

test('and debugging takes no password any more', async () => {
  await workbench.watched('debugging with the installed helper', async () => {
    await workbench.startDebugging(program);
    await workbench.expandView('Network Usage');
    await workbench.rows('Network Usage').filter({ hasText: /:\d+/ }).first().waitFor();
  });
  expect(installedHelpers()).toEqual([installedExecutable]);
  expect(await workbench.passwordBox.isVisible()).toBe(false);
  await workbench.stopDebugging();
});

test('it is uninstalled, and nothing is left', async () => {
  await workbench.watched('uninstalling', async () => {
    await workbench.runCommand('ProcNetMon: Stop Monitoring');
    await expect.poll(installedHelpers).toEqual([]);
    await workbench.runCommand('ProcNetMon: Uninstall Helper');
    expect(await answer('Uninstall')).toContain(installationFolder);
    // sudo may ask again: it remembers a password by terminal, and here is none.
    const box = workbench.passwordBox;
    const done = workbench.notifications.filter({ hasText: 'The installed network helper is removed.' });
    await box.or(done).first().waitFor();
    if (await box.isVisible()) {
      await box.fill(user.password);
      await workbench.page.keyboard.press('Enter');
    }
    await done.waitFor();
  });
  expect(existsSync(installationFolder)).toBe(false);
});
