// `npm start`: from a fresh clone to the main job. Sets up, builds, packs and opens a real VS Code in the
// browser with the extension and the demo workspace. Nothing of the user's own editor is touched.
//
//   npm start -- [--port N] [--no-open]    the embedded editor, at port N instead of a free one
//   npm start -- --code                    installs the extension into the `code` on PATH instead
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  installExtensions,
  quietSettings,
  startCodeServer,
  stateFolders,
  writeSettings,
} from './editor/code-server.mjs';
import { openDoor } from './editor/door.mjs';
import { installCodeServer } from './editor/install-code-server.mjs';
import { findCommand } from './lib/commands.mjs';
import { cacheFolder, inProject } from './lib/paths.mjs';
import { Explained, main, step } from './lib/steps.mjs';
import { adaptersPackageFile, pack, packAdapters, packageFile } from './package.mjs';
import { setUp } from './set-up/index.mjs';

const demoFolder = inProject('demo');

/** First settings of the demo editor; the user may change them, they are written only once. */
const demoSettings = { ...quietSettings, 'workbench.startupEditor': 'readme' };

function options() {
  try {
    const { values } = parseArgs({
      options: { code: { type: 'boolean' }, 'no-open': { type: 'boolean' }, port: { type: 'string' } },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
      throw new Explained(`--port takes a number from 1 to 65535, not ${values.port}.`);
    }
    return { code: values.code === true, open: values['no-open'] !== true, port };
  } catch (error) {
    if (error instanceof Explained) throw error;
    throw new Explained(`${error.message}\nThere are --code, --no-open and --port N.`);
  }
}

function requireCode() {
  if (findCommand('code')) return;
  throw new Explained(
    'There is no `code` on PATH. In VS Code run "Shell Command: Install \'code\' command in PATH", or leave --code away to use the embedded editor.',
  );
}

async function startInOwnEditor() {
  await step('Install the extension into your VS Code', ({ run }) =>
    run('code', ['--install-extension', packageFile, '--force'], { env: process.env }).then(() => ''),
  );
  await step('Open the demo workspace', ({ run }) =>
    run('code', [demoFolder], { env: process.env }).then(() => ''),
  );
  console.log(
    '\nIn the window that opens, press F5. `code --uninstall-extension procnetmon.procnetmon` takes it out again.',
  );
}

async function startInEmbeddedEditor({ port, open }) {
  const installation = await installCodeServer();
  const folders = stateFolders(path.join(cacheFolder, 'demo-editor'));
  await packAdapters();
  await step('Install the extension into the embedded editor', async ({ run }) => {
    await writeSettings(folders, demoSettings, { keep: true });
    await installExtensions(installation, folders, [packageFile, adaptersPackageFile], { run });
  });
  let editor;
  await step('Start the embedded editor', async () => {
    editor = await startCodeServer(installation, { folders, port });
  });
  const door = await openDoor(editor, demoFolder);
  explain(editor, door);
  if (open) openBrowser(door.addressForOneUse);
  await untilInterrupted(editor);
  door.close();
  await editor.stop();
}

function explain(editor, door) {
  console.log(`
  Open    ${door.address}
          (the address holds the key to the editor: keep it to yourself. Afterwards
          ${editor.origin}/?folder=${demoFolder} works in the same browser.)
  Then    press F5 and look at "Network Usage" beside the call stack.
  Stop    Ctrl+C here.
`);
  if (process.env['SSH_CONNECTION']) {
    const forward = [door.address, editor.origin].map(
      (url) => `-L ${new URL(url).port}:127.0.0.1:${new URL(url).port}`,
    );
    console.log(`  You are here over SSH. On your own machine run: ssh ${forward.join(' ')} HOST\n`);
  }
}

function openBrowser(address) {
  const hasDisplay = process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!hasDisplay || !findCommand('xdg-open') || process.env['CI']) return;
  // When it fails there is still the printed address.
  spawn('xdg-open', [address], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}

async function untilInterrupted(editor) {
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve('interrupted'));
  });
  const reason = await Promise.race([interrupted, editor.ended.then(() => 'ended')]);
  if (reason === 'ended') throw new Explained(`The embedded editor has ended:\n${editor.output()}`);
  console.log('\nStopping.');
}

await main(async () => {
  const chosen = options();
  if (chosen.code) requireCode();
  await setUp({ for: 'demo' });
  await pack();
  await (chosen.code ? startInOwnEditor() : startInEmbeddedEditor(chosen));
});
