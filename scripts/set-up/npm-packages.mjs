// The npm packages, just as the lock file has them; nothing is done when they are there already.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { architecture, inProject, nodeExecutable } from '../lib/paths.mjs';
import { Explained, run as runCommand, step } from '../lib/steps.mjs';

const stamp = inProject('node_modules', '.procnetmon-lock-hash');

/** Runs `npm ci` when node_modules is missing or does not match the lock file. */
export async function installNpmPackages() {
  const lock = await readFile(inProject('package-lock.json'));
  const hash = createHash('sha256').update(lock).update(process.arch).digest('hex');
  const installed = await readFile(stamp, 'utf8').catch(() => '');
  if (installed === hash && existsSync(nodeExecutable)) return;
  if (installed === '' && (await matchesLock())) {
    await writeFile(stamp, hash);
    return;
  }
  await step('Install the npm packages', async ({ run }) => {
    // Node's own major version is checked by nobody here: the tools run on the Node that is being installed.
    await run('npm', ['ci', '--no-audit', '--no-fund', '--engine-strict=false'], { env: process.env });
  });
  if (!existsSync(nodeExecutable)) {
    throw new Explained(
      `There is no Node for this processor (${architecture}). ProcNetMon is built on x64 and arm64.`,
    );
  }
  await writeFile(stamp, hash);
}

/** Whether somebody has run `npm install` by hand already. */
async function matchesLock() {
  if (!existsSync(nodeExecutable)) return false;
  try {
    await runCommand('npm', ['ls', '--all', '--silent'], { env: process.env });
    return true;
  } catch {
    return false;
  }
}
