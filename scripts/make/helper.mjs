// The helper as one executable file (a Node "single executable application") and its native addon beside it.
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inProject, nodeExecutable, nodeFolder } from '../lib/paths.mjs';
import { hashOf, unlessUpToDate } from './stamps.mjs';

// Published in Node's documentation of single executable applications; the same in every Node.
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const helperFolder = inProject('dist', 'helper');
const executable = path.join(helperFolder, 'procnetmon');
const addon = path.join(helperFolder, 'procnetmon.node');

const nodeVersion = async () =>
  JSON.parse(await readFile(path.join(nodeFolder, 'package.json'), 'utf8')).version;

/** Compiles the kernel half and the addon. Resolves to whether anything had to be done. */
export async function buildAddon({ force, run }) {
  const inputs = await hashOf({
    files: ['helper/addon', 'bpf', 'node_modules/node-addon-api/package.json', 'package.json'],
    values: [await nodeVersion(), process.arch],
  });
  return unlessUpToDate('addon', { inputs, outputs: [addon], force }, async () => {
    const folder = inProject('helper', 'addon');
    // Without `rebuild`, make compiles only what has changed.
    await run('node-gyp', [...(force ? ['rebuild'] : ['configure', 'build']), '-C', folder, '--jobs', 'max']);
    await mkdir(helperFolder, { recursive: true });
    // Renamed into place: a helper that runs right now keeps the file that it has mapped.
    await copyFile(path.join(folder, 'build', 'Release', 'procnetmon.node'), `${addon}.new`);
    await rename(`${addon}.new`, addon);
  });
}

/** Makes the executable from `dist/helper/helper.cjs`. Resolves to whether anything had to be done. */
export async function buildExecutable({ force, run }) {
  const inputs = await hashOf({
    files: ['dist/helper/helper.cjs', 'scripts/make/helper.mjs'],
    values: [await nodeVersion()],
  });
  return unlessUpToDate('executable', { inputs, outputs: [executable], force }, async () => {
    const work = inProject('build', 'executable');
    await mkdir(work, { recursive: true });
    const configuration = path.join(work, 'sea-config.json');
    const blob = path.join(work, 'helper.blob');
    await writeFile(
      configuration,
      JSON.stringify({
        main: path.join(helperFolder, 'helper.cjs'),
        output: blob,
        disableExperimentalSEAWarning: true,
        useCodeCache: true,
        // A small young generation and no worker threads of V8 keep the resident memory of an idle helper low.
        execArgv: [
          '--max-semi-space-size=1',
          '--v8-pool-size=0',
          // Far above what the largest sample takes. Without a bound garbage piles up to gigabytes before it is swept.
          '--max-old-space-size=256',
          '--openssl-config=/dev/null',
          '--disable-sigusr1',
        ],
        // The helper runs as root: NODE_OPTIONS of the calling user must not reach it.
        execArgvExtension: 'none',
      }),
    );
    await run(nodeExecutable, ['--experimental-sea-config', configuration]);

    const unfinished = path.join(work, 'procnetmon');
    await rm(unfinished, { force: true });
    await copyFile(nodeExecutable, unfinished);
    // Before the blob goes in: stripping afterwards would tear it out again.
    await run('strip', ['--strip-all', unfinished]);
    await run('postject', [unfinished, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse]);
    await chmod(unfinished, 0o755);
    await run(unfinished, ['--version'], { env: {} });
    await rename(unfinished, executable);
  });
}
