// What every other script relies on being there. On a machine that has all of it, this takes a moment.
import { Explained } from '../lib/steps.mjs';
import { installDebianPackages } from './debian-packages.mjs';
import { installNpmPackages } from './npm-packages.mjs';

const oldestNode = 20;

/**
 * Installs what is missing.
 * @param {{ for: 'build' | 'demo' | 'test' }} options what it is needed for
 */
export async function setUp(options) {
  if (process.platform !== 'linux') {
    throw new Explained(`ProcNetMon works on Linux only; this is ${process.platform}.`);
  }
  if (!['x64', 'arm64'].includes(process.arch)) {
    throw new Explained(`ProcNetMon is built on x64 and arm64 only; this processor is ${process.arch}.`);
  }
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    throw new Explained(`Node ${oldestNode} or newer is needed to begin; this is ${process.version}.`);
  }
  await installDebianPackages(options);
  await installNpmPackages();
}
