// The embedded editor: code-server, a real VS Code in the browser, at a pinned version in the project's cache
// folder. It is no dependency of the project and touches nothing of the user's own editor.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withLock } from '../lib/lock.mjs';
import { architecture, cacheFolder, toolEnvironment } from '../lib/paths.mjs';
import { isMain, main, step } from '../lib/steps.mjs';

const version = '4.139.1';
const nodeVersion = '24.21.0';

/** @returns {{ folder: string, node: string, entry: string }} */
function describe(folder) {
  return {
    folder,
    node: path.join(folder, 'node_modules', `node-linux-${architecture}`, 'bin', 'node'),
    entry: path.join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
  };
}

/**
 * Sees to it that the pinned code-server is there.
 * @returns {Promise<{ folder: string, node: string, entry: string }>} its folder, its Node and its entry file
 */
export async function installCodeServer() {
  const folder = path.join(cacheFolder, `code-server-${version}`);
  if (existsSync(folder)) return describe(folder);
  await mkdir(cacheFolder, { recursive: true });
  await step(`Install the embedded editor (code-server ${version}, 800 MB)`, async ({ run, note }) => {
    const waiting = (pid) => note(`waiting for process ${pid}, which installs it`);
    return withLock(`${folder}.lock`, waiting, async () => {
      if (existsSync(folder)) return 'done by another run';
      const unfinished = `${folder}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished);
      await install(unfinished, run, note);
      await rename(unfinished, folder);
      return '';
    });
  });
  return describe(folder);
}

async function install(folder, run, note) {
  const nodePackage = `node-linux-${architecture}`;
  await writeFile(path.join(folder, 'package.json'), '{ "private": true }\n');
  // Install scripts are left out and the two that matter are run by hand below: the package's own one builds
  // native modules that this use does not need and wants Debian packages for them.
  const install = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
  note('packages of code-server');
  await run('npm', [...install, `code-server@${version}`, `${nodePackage}@${nodeVersion}`], { cwd: folder });

  const env = toolEnvironment(path.join(folder, 'node_modules', nodePackage));
  env.PATH = `${path.dirname(describe(folder).node)}${path.delimiter}${env.PATH}`;
  const editor = path.join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  note('packages of the editor');
  await run('npm', install, { cwd: editor, env });
  const extensions = path.join(editor, 'extensions');
  note('packages of its extensions');
  await run('npm', install, { cwd: extensions, env });
  await run('node', ['./postinstall.mjs'], { cwd: extensions, env });
  note('native modules');
  await run('npm', ['rebuild', '@vscode/spdlog', '@vscode/native-watchdog'], { cwd: editor, env });
}

if (isMain(import.meta.url)) {
  await main(async () => {
    console.log((await installCodeServer()).folder);
  });
}
