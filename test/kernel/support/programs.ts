// Small C programs for tests.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilerOptions } from './compiler.mjs';
import { run } from './namespaces';

/**
 * The program, or the module for Node, that `support/NAME.c` makes, compiled into a folder. Where there is no compiler,
 * `PROCNETMON_TEST_PROGRAMS` names a folder that has it already.
 */
export function compiledProgram(name: string, folder: string): string {
  const readyMade = process.env['PROCNETMON_TEST_PROGRAMS'];
  if (readyMade !== undefined) return path.join(readyMade, name);
  const program = path.join(folder, name);
  run(
    'cc',
    ...compilerOptions(`${name}.c`),
    '-o',
    program,
    fileURLToPath(new URL(`${name}.c`, import.meta.url)),
  );
  return program;
}
