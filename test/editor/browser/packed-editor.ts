// The embedded editor with the packed extension and a folder of its own, for whoever runs the tests, and a browser to
// look at it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import {
  type CodeServer,
  installExtensions,
  quietSettings,
  startCodeServer,
  stateFolders,
  writeSettings,
} from '../../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../../scripts/editor/install-code-server.mjs';
import { packageFile } from '../../../scripts/package.mjs';
import { launchBrowser } from './chromium.mjs';

export interface PackedEditor {
  editor: CodeServer;
  browser: Browser;
  /** Of the editor's settings and state. */
  folders: ReturnType<typeof stateFolders>;
  /** Goes at the end, with all that is in it. */
  scratch: string;
}

/**
 * @param atTheEnd remembers what is to be taken back
 * @param prepare writes into the editor's folders what it has to find when it starts
 */
export async function startPackedEditor(
  name: string,
  atTheEnd: (action: () => unknown) => void,
  prepare?: (folders: PackedEditor['folders']) => void,
): Promise<PackedEditor> {
  const scratch = mkdtempSync(path.join(tmpdir(), `procnetmon-${name}-`));
  atTheEnd(() => rmSync(scratch, { recursive: true, force: true }));
  const folders = stateFolders(scratch);
  const installation = await installCodeServer();
  await writeSettings(folders, quietSettings);
  await installExtensions(installation, folders, [packageFile]);
  prepare?.(folders);
  const editor = await startCodeServer(installation, { folders });
  atTheEnd(() => editor.stop());
  const browser = await launchBrowser();
  atTheEnd(() => browser.close());
  return { editor, browser, folders, scratch };
}
