// `npm run test:editor`: the suite in test/editor/suite, inside the extension host of a real VS Code.
// PROCNETMON_VSCODE says which one: the path of a `code` executable, or `download` for the newest release.
// Without it the embedded editor stands in. PROCNETMON_TESTS, a regular expression, picks tests by their title.
import { rm } from 'node:fs/promises';
import { runTests } from '@vscode/test-electron';
import { quietSettings, stateFolders, writeSettings } from '../../scripts/editor/code-server.mjs';
import { inProject } from '../../scripts/lib/paths.mjs';

const state = inProject('build', 'editor-suite');
const folders = stateFolders(state);
const chosen = process.env['PROCNETMON_VSCODE'];

await rm(state, { recursive: true, force: true });
await writeSettings(folders, quietSettings);

try {
  await runTests({
    ...(chosen === 'download'
      ? {}
      : { vscodeExecutablePath: chosen ?? inProject('test/editor/stand-in/code.mjs') }),
    extensionDevelopmentPath: [inProject(), inProject('test/editor/adapters')],
    extensionTestsPath: inProject('dist/test/editor/suite/index.js'),
    launchArgs: [
      inProject('demo'),
      `--user-data-dir=${folders.user}`,
      `--extensions-dir=${folders.extensions}`,
    ],
    extensionTestsEnv: {
      PROCNETMON_PROJECT: inProject(),
      PROCNETMON_USER_DATA: folders.user,
      PROCNETMON_TESTS: process.env['PROCNETMON_TESTS'] ?? '',
    },
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
