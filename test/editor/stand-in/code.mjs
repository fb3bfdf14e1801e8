#!/usr/bin/env node
// Stands in for the `code` executable where VS Code cannot be downloaded. It takes the arguments with which
// the runner of @vscode/test-electron starts VS Code, runs the suite in the extension host of the embedded
// editor, opened in a headless browser, and ends with the suite's exit code.
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startCodeServer } from '../../../scripts/editor/code-server.mjs';
import { installCodeServer } from '../../../scripts/editor/install-code-server.mjs';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { launchBrowser, openPage } from '../browser/chromium.mjs';

const suiteMillis = 20 * 60_000;

/** What the workbench says of itself on the same channel as the suite. */
const workbenchChatter =
  /^(\[[\w :-]+\] |Creating a socket|Resolv(ing|ed) connection|Ignoring fetching|Updating additional|Timed out waiting for authentication provider)/;

function launchOptions() {
  // Not strict: the runner passes switches that mean something to a desktop only.
  const { values, positionals } = parseArgs({
    strict: false,
    allowPositionals: true,
    options: {
      extensionTestsPath: { type: 'string' },
      extensionDevelopmentPath: { type: 'string', multiple: true, default: [] },
      'user-data-dir': { type: 'string' },
      'extensions-dir': { type: 'string' },
    },
  });
  for (const name of ['extensionTestsPath', 'user-data-dir', 'extensions-dir']) {
    if (typeof values[name] !== 'string') throw new Error(`--${name} is missing`);
  }
  return { ...values, folder: positionals[0] };
}

/** The address that makes the editor run the suite once it stands. */
function suiteAddress(editor, { extensionTestsPath, extensionDevelopmentPath, folder }) {
  const authority = new URL(editor.origin).host;
  const remote = (file) => `vscode-remote://${authority}${path.resolve(file)}`;
  const payload = [
    ['extensionDevelopmentPath', remote(extensionDevelopmentPath[0])],
    ['extensionTestsPath', remote(extensionTestsPath)],
  ];
  const address = new URL(editor.origin);
  if (folder) address.searchParams.set('folder', path.resolve(folder));
  address.searchParams.set('payload', JSON.stringify(payload));
  return address.href;
}

/**
 * In the browser the editor takes one folder as an extension in development. The others are put where
 * installed extensions are, which a fresh editor reads.
 */
async function installFurtherExtensions({ extensionDevelopmentPath, 'extensions-dir': extensions }) {
  for (const folder of extensionDevelopmentPath.slice(1)) {
    const { publisher, name, version } = JSON.parse(
      await readFile(path.join(folder, 'package.json'), 'utf8'),
    );
    await cp(folder, path.join(extensions, `${publisher}.${name}-${version}`), { recursive: true });
  }
}

/** Resolves to the suite's exit code. */
async function runSuite(page, address) {
  const result = new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`The suite did not end within ${suiteMillis / 60_000} minutes`)),
      suiteMillis,
    );
    const end = (code) => {
      clearTimeout(timer);
      resolve(code);
    };
    void page.exposeFunction('codeAutomationLog', (type, args) => {
      if (workbenchChatter.test(String(args[0]))) return;
      const stream = type === 'error' || type === 'warn' ? process.stderr : process.stdout;
      stream.write(`${args.map(String).join(' ')}\n`);
    });
    void page.exposeFunction('codeAutomationExit', (code) => end(Number(code)));
    page.on('crash', () => reject(new Error('The page crashed')));
  });
  const [, code] = await Promise.all([page.goto(address), result]);
  return code;
}

async function run() {
  const options = launchOptions();
  const installation = await installCodeServer();
  const scratch = await mkdtemp(path.join(tmpdir(), 'procnetmon-stand-in-'));
  const folders = {
    user: options['user-data-dir'],
    extensions: options['extensions-dir'],
    config: path.join(scratch, 'config.yaml'),
  };
  const cleanUp = [() => rm(scratch, { recursive: true, force: true })];
  const interrupted = new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.once(signal, () => reject(new Error(`Interrupted by ${signal}`)));
  });
  try {
    await installFurtherExtensions(options);
    const editor = await startCodeServer(installation, {
      folders,
      vscodeOptions: ['enable-smoke-test-driver'],
    });
    cleanUp.unshift(() => editor.stop());
    const browser = await launchBrowser();
    cleanUp.unshift(() => browser.close());
    const page = await openPage(browser, editor);
    const ended = editor.ended.then(() => Promise.reject(new Error(`The editor ended:\n${editor.output()}`)));
    const code = await Promise.race([runSuite(page, suiteAddress(editor, options)), ended, interrupted]);
    if (code !== 0) await takePicture(page);
    return code;
  } finally {
    for (const action of cleanUp) await action().catch((error) => console.error(error));
  }
}

async function takePicture(page) {
  const folder = inProject('test-results', 'screenshots');
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, 'editor-suite-failed.png') });
}

run().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
