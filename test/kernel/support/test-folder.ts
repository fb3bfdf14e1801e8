// A folder that each test of a file has for itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** That of the running test. */
export let folder: string;

/** Gives each test of the file an empty folder, and removes it afterwards. */
export function useTestFolder(): void {
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-test-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
}
