// Packs the extension for this kind of processor: `dist/procnetmon-linux-x64.vsix`, and for the demo editor
// and the tests the debug adapters, `dist/debug-adapters.vsix`. Refuses a bundle that has grown too large.
import { stat } from 'node:fs/promises';
import { build } from './build.mjs';
import { architecture, inProject } from './lib/paths.mjs';
import { Explained, isMain, main, step } from './lib/steps.mjs';

/** What starts slowly when it grows, and how many bytes it may have. */
const budgets = [
  // Read at activation; with the first start of the helper; when somebody exports. See docs/performance.md.
  { files: ['dist/extension/extension.js'], bytes: 150_000 },
  { files: ['dist/extension/extension.js', 'dist/extension/language-client.js'], bytes: 500_000 },
  { files: ['dist/extension/on-demand.js'], bytes: 50_000 },
  { files: ['dist/webview/panel.js', 'dist/webview/panel.css'], bytes: 150_000 },
];

export const packageFile = inProject('dist', `procnetmon-linux-${architecture}.vsix`);
export const adaptersPackageFile = inProject('dist', 'debug-adapters.vsix');

// Links of the README stay relative: there is no published address yet that they could be made absolute with.
const vsce = ['package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];

/** Builds what is shipped and packs it. */
export async function pack() {
  await build({ names: ['extension', 'webview', 'addon', 'helper', 'notices'], production: true });
  await step('Check the size of the bundles', checkBudgets);
  await step('Pack the extension', async ({ run }) => {
    await run('vsce', [...vsce, '--target', `linux-${architecture}`, '--out', packageFile]);
    return `${Math.round((await stat(packageFile)).size / 1_000_000)} MB`;
  });
}

/** Packs the extension that contributes the distribution's debug adapters. It is never published. */
export async function packAdapters() {
  await step('Pack the debug adapters for the demo', async ({ run }) => {
    const cwd = inProject('test', 'editor', 'adapters');
    await run('vsce', [...vsce, '--skip-license', '--out', adaptersPackageFile], { cwd });
  });
}

async function checkBudgets() {
  const sizes = [];
  for (const { files, bytes } of budgets) {
    let length = 0;
    for (const file of files) length += (await stat(inProject(file))).size;
    if (length > bytes) {
      throw new Explained(`${files.join(' and ')} have ${length} bytes; their budget is ${bytes}.`);
    }
    sizes.push(`${Math.round(length / 1000)} of ${bytes / 1000} kB`);
  }
  return sizes.join(', ');
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await pack();
    console.log(packageFile);
  });
}
