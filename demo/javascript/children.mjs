// Starts the other programs of the shop as child processes and learns the port each one listens on.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Starts a program of this folder. Resolves with its process and its port once it has sent `{ port }`.
 *
 * @param {string} file name of the program, such as `warehouse.mjs`
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, port: number }>}
 */
export function startService(file) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, port: message.port }));
    child.once('error', reject);
    child.once('exit', (status, signal) => reject(new Error(`${file} ended early (${signal ?? status})`)));
  });
}

/**
 * Starts a program that serves nobody.
 *
 * @param {string} file name of the program, such as `customers.mjs`
 * @param {string[]} programArguments its command line
 */
export function startProgram(file, programArguments) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), programArguments);
  child.on('error', (error) => console.error(`${file}: ${error.message}`));
  return child;
}
