// Which kernels there are, and what is taken from each: the image and single modules.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { Explained } from '../../scripts/lib/steps.mjs';
import { unpackedPackages } from '../debian/unpacked-packages.mjs';

/** The oldest kernel that is supported, those of Debian's releases since, and the newest one. */
export const kernels = [
  { name: '5.10', suites: ['bullseye-security'] },
  { name: '6.1', suites: ['bookworm', 'bookworm-security'] },
  { name: '6.12', suites: ['trixie', 'trixie-security'] },
  { name: 'newest', suites: ['sid'] },
];

// Made for virtual machines: without drivers for hardware, a quarter of the size.
const metaPackage = 'linux-image-cloud-amd64';
// Newer releases spread a kernel over several packages.
const partOfKernel = /^linux-(image|binary|modules|base)-\d/;

/** The folder with a kernel's unpacked packages. */
export async function unpackKernel({ name, suites }, options) {
  return unpackedPackages(
    `linux-${name}`,
    suites,
    async (apt) => {
      const packages = new Set();
      const add = async (parent) => {
        for (const dependency of await apt.dependencies(parent)) {
          if (!partOfKernel.test(dependency) || packages.has(dependency)) continue;
          packages.add(dependency);
          await add(dependency);
        }
      };
      await add(metaPackage);
      if (packages.size === 0) throw new Explained(`${metaPackage} of ${suites.join(', ')} names no kernel`);
      return [...packages];
    },
    options,
  );
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Path of the kernel's image. */
export function findImage(folder) {
  const image = filesBelow(folder).find((file) => /\/vmlinuz(-[^/]*)?$/.test(file));
  if (image === undefined) throw new Explained(`There is no kernel image in ${folder}`);
  return image;
}

function readModule(file) {
  if (file.endsWith('.xz')) return execFileSync('xz', ['-dc', file], { maxBuffer: 2 ** 28 });
  return file.endsWith('.zst') ? zstdDecompressSync(readFileSync(file)) : readFileSync(file);
}

/**
 * Modules and what they depend on, in the order in which they are to be loaded. What is built into the kernel, or
 * not there, is left out.
 * @returns {{ name: string, content: Buffer }[]}
 */
export function collectModules(folder, names) {
  const canonical = (name) => name.replaceAll('-', '_');
  const files = new Map();
  for (const file of filesBelow(folder)) {
    const name = /([^/]+)\.ko(?:\.xz|\.zst)?$/.exec(file)?.[1];
    if (name !== undefined) files.set(canonical(name), file);
  }
  const modules = new Map();
  const add = (name) => {
    const file = files.get(name);
    if (file === undefined || modules.has(name)) return;
    const content = readModule(file);
    // Each module names what it needs in a list of "key=value" that end in a zero byte.
    const start = content.indexOf('\0depends=') + '\0depends='.length;
    const depends = content.toString('latin1', start, content.indexOf(0, start));
    for (const dependency of depends.split(',').filter(Boolean)) add(canonical(dependency));
    modules.set(name, content);
  };
  for (const name of names) add(canonical(name));
  return [...modules].map(([name, content]) => ({ name, content }));
}
