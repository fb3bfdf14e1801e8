// Builds everything into `dist/`, or the parts that are named:
//   npm run build [-- [extension] [webview] [addon] [helper] [tests] [notices] [--production] [--force]]
// `--production` minifies what is shipped, `--force` also builds what has not changed.
import { inProject } from './lib/paths.mjs';
import { withLock } from './lib/lock.mjs';
import { Explained, isMain, main, step } from './lib/steps.mjs';
import { bundle } from './make/bundles.mjs';
import { buildAddon, buildExecutable } from './make/helper.mjs';
import { writeNotices } from './make/notices.mjs';

const upToDate = 'up to date';

const parts = {
  extension: ({ production }) =>
    step('Bundle the extension', () => quietly(bundle('extension', { production }))),
  webview: ({ production }) => step('Bundle the webview', () => quietly(bundle('webview', { production }))),
  addon: ({ force }) =>
    step('Compile the kernel half and the addon', async ({ run }) =>
      (await buildAddon({ force, run })) ? '' : upToDate,
    ),
  helper: ({ force }) =>
    step('Build the helper', async ({ run }) => {
      await bundle('helper', { production: true });
      return (await buildExecutable({ force, run })) ? '' : upToDate;
    }),
  tests: () => step('Bundle the editor tests', () => quietly(bundle('tests', { production: false }))),
  notices: () => step('Collect the licences of what is shipped', () => quietly(writeNotices())),
};

async function quietly(promise) {
  await promise;
}

/** Builds parts by name; all when none is named. */
export async function build({ names = Object.keys(parts), production = false, force = false } = {}) {
  const waiting = (pid) => console.log(`… waiting for the build that process ${pid} runs`);
  await withLock(inProject('build', 'lock'), waiting, async () => {
    for (const name of names) await parts[name]({ production, force });
  });
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const options = process.argv.slice(2);
    const names = options.filter((option) => !option.startsWith('--'));
    const unknown = options.find(
      (option) => !(option in parts) && option !== '--production' && option !== '--force',
    );
    if (unknown) {
      throw new Explained(
        `Unknown argument ${unknown}. There are --production, --force and the parts ${Object.keys(parts).join(', ')}.`,
      );
    }
    await build({
      names: names.length > 0 ? names : undefined,
      production: options.includes('--production'),
      force: options.includes('--force'),
    });
  });
}
