// A window of the editor as an ordinary user has it, whose sudo asks for a password: for tests that go through sudo.
import { launchBrowser } from './chromium.mjs';
import { createTemporaryUser, type TemporaryUser, type TemporaryUserOptions } from './temporary-user';
import { startEditorAs } from './user-editor';
import { Workbench } from './workbench';

/**
 * Opens it, with the side bar of the debugger.
 * @param atTheEnd remembers what is to be taken back
 */
export async function openUserWorkbench(
  atTheEnd: (action: () => unknown) => void,
  options: TemporaryUserOptions = {},
): Promise<{ user: TemporaryUser; workbench: Workbench }> {
  const user = await createTemporaryUser(options);
  atTheEnd(() => user.remove());
  const editor = await startEditorAs(user);
  atTheEnd(() => editor.stop());
  const browser = await launchBrowser();
  atTheEnd(() => browser.close());
  const workbench = await Workbench.open(browser, editor, editor.workspace);
  await workbench.openDebugSideBar();
  return { user, workbench };
}
