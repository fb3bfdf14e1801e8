// Activation of the extension in a real editor: each page that is opened gets an extension host of its own, which
// activates the extension once. Prints one line of JSON: the times in milliseconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  quietSettings,
  startCodeServer,
  stateFolders,
  writeSettings,
} from '../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../scripts/editor/install-code-server.mjs';
import { inProject } from '../../scripts/lib/paths.mjs';
import { launchBrowser, openPage } from '../editor/browser/chromium.mjs';

const pageMillis = 120_000;

/** Opens the editor once and resolves to the time that the extension took. */
async function activateOnce(browser, editor) {
  const page = await openPage(browser, editor);
  let timer;
  try {
    const authority = new URL(editor.origin).host;
    const remote = (file) => `vscode-remote://${authority}${file}`;
    const address = new URL(editor.origin);
    address.searchParams.set('folder', inProject('demo'));
    const payload = [
      ['extensionDevelopmentPath', remote(inProject())],
      ['extensionTestsPath', remote(inProject('build', 'bench', 'editor', 'index.js'))],
    ];
    address.searchParams.set('payload', JSON.stringify(payload));
    let millis;
    const messages = [];
    const ended = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('The editor did not run the measurement.')), pageMillis);
      void page.exposeFunction('codeAutomationLog', (_type, args) => {
        messages.push(args.map(String).join(' '));
        millis ??= /^activation-millis ([\d.]+)/.exec(messages.at(-1))?.[1];
      });
      void page.exposeFunction('codeAutomationExit', resolve);
    });
    await Promise.all([page.goto(address.href), ended]);
    if (millis === undefined) throw new Error(`No time was told:\n${messages.join('\n')}`);
    return Number(millis);
  } finally {
    clearTimeout(timer);
    await page.context().close();
  }
}

const rounds = Number(process.argv[2] ?? 7);
const scratch = await mkdtemp(path.join(tmpdir(), 'procnetmon-bench-'));
const folders = stateFolders(scratch);
let editor;
let browser;
try {
  await writeSettings(folders, quietSettings);
  editor = await startCodeServer(await installCodeServer(), {
    folders,
    vscodeOptions: ['enable-smoke-test-driver'],
  });
  browser = await launchBrowser();
  const times = [];
  for (let round = 0; round < rounds; round += 1) times.push(await activateOnce(browser, editor));
  console.log(JSON.stringify(times));
} finally {
  await browser?.close();
  await editor?.stop();
  await rm(scratch, { recursive: true, force: true });
}
