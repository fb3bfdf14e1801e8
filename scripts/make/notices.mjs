// The licences of everything that is shipped inside the package: npm packages in the bundles, Node itself,
// and the C libraries that are linked into the addon.
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inProject, nodeFolder } from '../lib/paths.mjs';
import { Explained, run } from '../lib/steps.mjs';
import { bundle } from './bundles.mjs';

const shippedBundles = ['extension', 'webview', 'helper'];

/** Static libraries in the addon, by linker option, and the Debian packages that hold their licences. */
const linkedLibraries = [
  { name: 'libbpf', option: '-lbpf', debianPackage: 'libbpf-dev' },
  { name: 'libelf (elfutils)', option: '-lelf', debianPackage: 'libelf-dev' },
  { name: 'zlib', option: '-lz', debianPackage: 'zlib1g-dev' },
  { name: 'Zstandard', option: '-lzstd', debianPackage: 'libzstd-dev' },
];

const licenceFile = /^(licen[cs]e|copying|notice)([-.].*)?$/i;

/** Writes `dist/THIRD-PARTY-NOTICES.txt`. */
export async function writeNotices() {
  const notices = [...(await npmNotices()), await nodeNotice(), ...(await libraryNotices())];
  const rule = '='.repeat(80);
  const sections = notices.map(({ name, text }) => `${rule}\n${name}\n${rule}\n\n${text.trim()}\n`);
  const head = 'ProcNetMon contains the following works of others, each under the licence given with it.\n';
  await mkdir(inProject('dist'), { recursive: true });
  await writeFile(inProject('dist', 'THIRD-PARTY-NOTICES.txt'), [head, ...sections].join('\n'));
}

/** @returns {Promise<Set<string>>} folders of the npm packages of which something is in a shipped bundle */
async function shippedPackages() {
  const folders = new Set();
  for (const name of shippedBundles) {
    const { outputs } = await bundle(name, { production: true, write: false });
    for (const output of Object.values(outputs)) {
      for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
        const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
        if (folder && bytesInOutput > 0) folders.add(folder);
      }
    }
  }
  return folders;
}

async function npmNotices() {
  const notices = [];
  for (const folder of [...(await shippedPackages())].sort()) {
    const manifest = JSON.parse(await readFile(inProject(folder, 'package.json'), 'utf8'));
    const files = (await readdir(inProject(folder))).filter((file) => licenceFile.test(file));
    const texts = await Promise.all(files.map((file) => readFile(inProject(folder, file), 'utf8')));
    if (texts.length === 0)
      texts.push(`Licence: ${manifest.license}\n\n(The package holds no licence text of its own.)`);
    notices.push({
      name: `${manifest.name} ${manifest.version} (${manifest.license})`,
      text: texts.join('\n\n'),
    });
  }
  return notices;
}

async function nodeNotice() {
  const { version } = JSON.parse(await readFile(path.join(nodeFolder, 'package.json'), 'utf8'));
  return { name: `Node.js ${version}`, text: await readFile(path.join(nodeFolder, 'LICENSE'), 'utf8') };
}

async function libraryNotices() {
  const linked = (await run('pkg-config', ['--static', '--libs', 'libbpf', 'libelf', 'zlib']))
    .trim()
    .split(/\s+/);
  const libraries = linkedLibraries
    .filter(({ option }) => linked.includes(option))
    .map(({ name, debianPackage }) => ({ name, file: `/usr/share/doc/${debianPackage}/copyright` }));
  // The compiler's own libraries; Debian keeps their licence with the compiler's version.
  const compilerVersion = (await run('g++', ['-dumpversion'])).trim().split('.')[0];
  libraries.push({
    name: 'libstdc++ and libgcc',
    file: `/usr/share/doc/gcc-${compilerVersion}-base/copyright`,
  });
  return Promise.all(
    libraries.map(async ({ name, file }) => {
      if (!existsSync(file)) throw new Explained(`The licence of ${name} is missing: ${file}.`);
      return { name, text: await readFile(file, 'utf8') };
    }),
  );
}
