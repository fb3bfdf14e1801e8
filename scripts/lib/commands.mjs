// Finds commands, also those of administrators that PATH of an ordinary user does not name.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { administratorFolders } from './paths.mjs';

const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...administratorFolders].filter(
  (folder) => path.isAbsolute(folder),
);

/** Path of a command, or undefined. */
export function findCommand(name) {
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Whether there is a command whose name matches. */
export function hasCommandLike(pattern) {
  return folders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => pattern.test(file)),
  );
}

/** A browser that playwright can drive, or undefined. `PROCNETMON_BROWSER` names another one. */
export function findBrowser() {
  const named = process.env['PROCNETMON_BROWSER'];
  if (named) return named;
  return ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser']
    .map(findCommand)
    .find(Boolean);
}
