// How the tests' own programs in C are compiled, here and for the virtual machines.
import path from 'node:path';
import { nodeFolder } from '../../../scripts/lib/paths.mjs';

const common = ['-std=gnu17', '-Wall', '-Wextra', '-Werror', '-O1', '-pthread'];
const module = ['-shared', '-fPIC', '-I', path.join(nodeFolder, 'include', 'node')];

/**
 * Options of the C compiler, without `-o` and the source. What is called `NAME-module.c` is a module for Node.
 * @param {string} source
 */
export function compilerOptions(source) {
  return source.endsWith('-module.c') ? [...common, ...module] : common;
}
