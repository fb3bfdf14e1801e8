// Finds the debug adapters that the Linux distribution installed. Apart from the extension, so that tests
// can drive the same adapters without an editor.
'use strict';
const { execFile } = require('node:child_process');
const { constants } = require('node:fs');
const { access, readdir } = require('node:fs/promises');
const path = require('node:path');
const { promisify } = require('node:util');

/** @typedef {{ command: string, arguments: string[] }} Adapter */

/** Folders of PATH, those of the distribution first: a Python from elsewhere seldom has debugpy. */
function programFolders() {
  return [
    ...new Set(['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(path.delimiter)]),
  ].filter((folder) => path.isAbsolute(folder));
}

async function isExecutable(file) {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * @returns {Promise<Adapter>} debugpy's adapter, run by the first Python that has it
 * @throws when none has it; the message says what to install
 */
async function findDebugpy() {
  for (const folder of programFolders()) {
    const python = path.join(folder, 'python3');
    if (!(await isExecutable(python))) continue;
    const importable = await promisify(execFile)(python, ['-c', 'import debugpy']).then(
      () => true,
      () => false,
    );
    if (importable) return { command: python, arguments: ['-m', 'debugpy.adapter'] };
  }
  throw new Error('No Python here has debugpy. Install it: sudo apt install python3-debugpy');
}

/**
 * @returns {Promise<Adapter>} LLDB's adapter; LLVM 18 renamed `lldb-vscode` to `lldb-dap`
 * @throws when there is none; the message says what to install
 */
async function findLldb() {
  for (const folder of programFolders()) {
    const names = await readdir(folder).catch(() => []);
    const candidates = names
      .map((name) => ({ name, match: /^lldb-(?:dap|vscode)(?:-(\d+))?$/.exec(name) }))
      .filter(({ match }) => match !== null)
      // The distribution's default has no number; of the numbered ones the newest is taken.
      .sort((a, b) => Number(b.match[1] ?? Infinity) - Number(a.match[1] ?? Infinity));
    for (const { name } of candidates) {
      const command = path.join(folder, name);
      if (await isExecutable(command)) return { command, arguments: [] };
    }
  }
  throw new Error('LLDB has no debug adapter here. Install it: sudo apt install lldb');
}

module.exports = { findDebugpy, findLldb };
