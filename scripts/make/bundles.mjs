// The JavaScript bundles: extension, webview, helper and the test suite for the real editor.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { inProject } from '../lib/paths.mjs';
import { Explained } from '../lib/steps.mjs';

const common = { bundle: true, logLevel: 'silent', metafile: true, legalComments: 'none', charset: 'utf8' };

/**
 * The editor's API, copied once for the whole bundle. Left to itself the bundler makes a copy of its hundreds of
 * names for every file that uses it, which is a third of the time that the bundle takes to load.
 */
const oneEditorApi = {
  name: 'one-editor-api',
  setup({ onResolve, onLoad }) {
    const namespace = 'one-editor-api';
    onResolve({ filter: /^vscode$/ }, ({ importer }) =>
      importer === 'vscode' ? { path: 'vscode', external: true } : { path: 'vscode', namespace },
    );
    onLoad({ filter: /^vscode$/, namespace }, () => ({ contents: "export * from 'vscode';" }));
  },
};

/**
 * The language-client library without its features for documents: nothing is asked of the helper about any, and they are a
 * third of the library. In their place are classes that do nothing. What the connection itself leans on stays.
 */
const noDocumentFeatures = {
  name: 'no-document-features',
  setup({ onResolve, onLoad }) {
    const namespace = 'no-document-features';
    const kept = /^\.\/(features|codeConverter|protocolConverter|progressPart|textSynchronization|client)$/;
    onResolve({ filter: /^\.\/\w+$/ }, ({ path: file, importer }) =>
      /vscode-languageclient\/lib\/common\/(client|api)\.js$/.test(importer) && !kept.test(file)
        ? { path: 'feature', namespace }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace }, () => ({
      contents: 'module.exports = new Proxy({}, { get: () => class {} });',
    }));
  },
};

/** Options of esbuild by bundle. The names are those that `npm run build` takes. */
function bundleOptions(production) {
  const shipped = { ...common, minify: production, sourcemap: production ? false : 'linked' };
  return {
    extension: {
      ...shipped,
      entryPoints: [
        inProject('src/extension/extension.ts'),
        // Loaded by the first one when they are needed.
        inProject('src/extension/language-client.ts'),
        inProject('src/extension/on-demand.ts'),
      ],
      outdir: inProject('dist/extension'),
      platform: 'node',
      format: 'cjs',
      // The oldest editor in `engines.vscode` has this Node.
      target: 'node20.18',
      mainFields: ['module', 'main'],
      external: ['*/language-client', '*/on-demand'],
      plugins: [oneEditorApi, noDocumentFeatures],
    },
    webview: {
      ...shipped,
      entryPoints: [inProject('src/webview/main.ts')],
      outfile: inProject('dist/webview/panel.js'),
      platform: 'browser',
      format: 'iife',
      target: 'chrome128',
      loader: { '.ttf': 'file', '.svg': 'file' },
      assetNames: '[name]',
    },
    helper: {
      ...common,
      // Into the executable; names are kept for the stacks in bug reports.
      minify: true,
      keepNames: true,
      entryPoints: [inProject('helper/src/cli/main.ts')],
      outfile: inProject('dist/helper/helper.cjs'),
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      mainFields: ['module', 'main'],
    },
    tests: {
      ...common,
      entryPoints: [inProject('test/editor/suite/index.ts')],
      outfile: inProject('dist/test/editor/suite/index.js'),
      platform: 'node',
      format: 'cjs',
      target: 'node20.18',
      sourcemap: 'inline',
      external: ['vscode', 'mocha'],
    },
  };
}

/**
 * Makes one bundle; with `write: false` only to learn what would go into it.
 * @returns {Promise<import('esbuild').Metafile>} what went into it
 */
export async function bundle(name, { production, write = true }) {
  const { build, formatMessages } = await import('esbuild');
  const options = bundleOptions(production)[name];
  // A map of an earlier build would otherwise be packed beside a bundle that it does not describe.
  if (production && write) {
    const folder = options.outdir ?? path.dirname(options.outfile);
    const maps = (await readdir(folder).catch(() => [])).filter((file) => /\.(js|cjs|css)\.map$/.test(file));
    for (const file of maps) await rm(path.join(folder, file), { force: true });
  }
  try {
    const { metafile } = await build({ ...options, write, absWorkingDir: inProject() });
    return metafile;
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    throw new Explained(
      (await formatMessages(error.errors, { kind: 'error', color: process.stdout.isTTY })).join('\n'),
    );
  }
}
