// `npm run fuzz`: gives the parsers of helper/src/protocols inputs that no program sends, guided by the code that they reach.
//   npm run fuzz [-- [TARGET...] [--seconds 600] [--seed N] [--keep]]
// Each target runs for that long, one after the other. `--keep` writes inputs that reached new code into test/fuzz/corpus.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { inProject, projectFolder, toolEnvironment } from './lib/paths.mjs';
import { Explained, isMain, main } from './lib/steps.mjs';

const bundles = inProject('build', 'fuzz');
const corpus = inProject('test', 'fuzz', 'corpus');
export const targetNames = ['conversation', 'datagrams', 'tls-hello', 'quic', 'dns', 'hpack'];
/** A target that says nothing for so long hangs. */
const silenceMillis = 60_000;

/** The parsers in a script of their own, so that their steps alone are counted. */
async function bundle() {
  const { build } = await import('esbuild');
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'silent',
    absWorkingDir: projectFolder,
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  };
  await build({
    ...common,
    entryPoints: ['test/fuzz/subject.ts'],
    outfile: path.join(bundles, 'subject.mjs'),
  });
  await build({
    ...common,
    entryPoints: ['test/fuzz/main.ts'],
    outfile: path.join(bundles, 'main.mjs'),
    plugins: [
      {
        name: 'subject-apart',
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/subject$/ }, () => ({ path: './subject.mjs', external: true })),
      },
    ],
  });
}

/** Runs one target; resolves to whether it kept all promises. */
function fuzz(name, { seconds, seed, keep }) {
  return new Promise((resolve, reject) => {
    const args = [name, seconds, seed, corpus, ...(keep ? ['--keep'] : [])];
    const child = spawn(process.execPath, ['--expose-gc', path.join(bundles, 'main.mjs'), ...args], {
      cwd: projectFolder,
      env: { ...toolEnvironment(), PROCNETMON_PROJECT: projectFolder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        console.error(`${name}: hangs. The same seed (${seed}) and corpus lead there again.`);
        child.kill('SIGKILL');
      }, silenceMillis);
    };
    watch();
    child.stdout.on('data', (text) => {
      watch();
      process.stdout.write(text);
    });
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve(status === 0);
    });
  });
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '600' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
        keep: { type: 'boolean', default: false },
      },
    });
    const unknown = positionals.find((name) => !targetNames.includes(name));
    if (unknown !== undefined)
      throw new Explained(`Unknown target ${unknown}. There are ${targetNames.join(', ')}.`);
    for (const option of ['seconds', 'seed']) {
      if (!/^\d{1,10}$/.test(values[option]))
        throw new Explained(`--${option} ${values[option]}: a whole number is expected.`);
    }
    await bundle();
    const names = positionals.length > 0 ? positionals : targetNames;
    const broken = [];
    for (const name of names) if (!(await fuzz(name, values))) broken.push(name);
    if (broken.length > 0) throw new Explained(`Promises were broken in ${broken.join(', ')}.`);
  });
}
