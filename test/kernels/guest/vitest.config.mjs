// How the kernel tests run in a virtual machine: the same files, with time for an emulated processor.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Written by the side that started the machine: which files, and which tests in them. */
const { files, pattern } = JSON.parse(readFileSync('/settings.json', 'utf8'));

const minute = 60_000;

export default defineConfig({
  root: '/project',
  cacheDir: '/tmp/vite',
  test: {
    include: files,
    ...(pattern && { testNamePattern: pattern }),
    setupFiles: '/project/test/kernels/guest/skip-known.mjs',
    reporters: ['default', '/project/test/kernels/guest/reporter.mjs'],
    expect: { poll: { timeout: minute / 2 } },
    fileParallelism: false,
    maxWorkers: 1,
    // One process for all files: starting another one takes seconds here.
    isolate: false,
    testTimeout: 5 * minute,
    hookTimeout: 5 * minute,
    // An error beside a test is a fault all the same; the status tells of it.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
