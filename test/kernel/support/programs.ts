// Small C programs for tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
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

/** A program of a file's tests; there once they run. */
interface TestProgram {
  readonly path: string;
  /** It is in there, with whatever else the tests put there. */
  readonly folder: string;
}

/** Compiles a program (`compiledProgram`) before the tests of a file, or of a part of it, and removes it after them. */
export function useProgram(name: string): TestProgram {
  const program = { path: '', folder: '' };
  beforeAll(() => {
    program.folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
    program.path = compiledProgram(name, program.folder);
  });
  afterAll(() => {
    rmSync(program.folder, { recursive: true });
  });
  return program;
}
