// `npm run lint`: ESLint, Prettier and clang-format over the whole project; any finding is an error.
// `npm run format` (--fix): the same tools mend what they can.
import { CommandFailed, Explained, isMain, main, run as runCommand, step } from './lib/steps.mjs';

const nativeSources = ['bpf', 'helper/addon', 'demo', 'test'].flatMap((folder) =>
  ['c', 'h', 'cpp'].map((ending) => `${folder}/*.${ending}`),
);

/** Runs every linter, also after one has failed, so that one run shows all findings. */
export async function lint({ fix = false } = {}) {
  const tracked = await runCommand('git', [
    'ls-files',
    '--cached',
    '--others',
    '--exclude-standard',
    '-z',
    ...nativeSources,
  ]);
  const native = tracked.split('\0').filter(Boolean);
  const linters = [
    ['ESLint', 'eslint', ['--max-warnings=0', ...(fix ? ['--fix'] : []), '.']],
    ['Prettier', 'prettier', ['--log-level=warn', fix ? '--write' : '--check', '.']],
    ['clang-format', 'clang-format', fix ? ['-i', ...native] : ['--dry-run', '-Werror', ...native]],
  ];
  let failed = 0;
  for (const [title, command, options] of linters) {
    if (command === 'clang-format' && native.length === 0) continue;
    try {
      await step(title, async ({ run }) => void (await run(command, options)));
    } catch (error) {
      if (!(error.cause instanceof CommandFailed)) throw error;
      failed += 1;
    }
  }
  if (failed > 0)
    throw new Explained(
      fix ? 'Something is left to be mended by hand.' : '`npm run format` mends most of this.',
    );
}

if (isMain(import.meta.url)) {
  await main(() => lint({ fix: process.argv.includes('--fix') }));
}
