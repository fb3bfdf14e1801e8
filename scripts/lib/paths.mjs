// Where things are: folders of the project, the Node that everything runs on, the cache of large downloads.
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the project. */
export const projectFolder = path.resolve(fileURLToPath(import.meta.url), '../../..');

/** Resolves a path inside the project. */
export const inProject = (...parts) => path.join(projectFolder, ...parts);

/** The processor as VS Code's platform names have it: `x64` or `arm64`. */
export const architecture = process.arch;

/** The Node distribution that the lock file pins: `bin/node` and `include/`. */
export const nodeFolder = inProject('node_modules', `node-linux-${architecture}`);

export const nodeExecutable = path.join(nodeFolder, 'bin', 'node');

/** Where commands are that only administrators usually need. */
export const administratorFolders = ['/usr/sbin', '/sbin'];

/** Large things that outlive a `git clean`: the embedded editor. */
export const cacheFolder = path.join(
  process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'),
  'procnetmon',
);

/**
 * The environment for tools: the pinned Node first in PATH, and its headers for node-gyp, which would
 * otherwise download them or take those that the user's npm configuration names. Administrators' commands,
 * which an ordinary user of Debian has not in PATH, come last.
 */
export function toolEnvironment(folder = nodeFolder) {
  return {
    ...process.env,
    PATH: [
      inProject('node_modules', '.bin'),
      path.join(folder, 'bin'),
      process.env['PATH'],
      ...administratorFolders,
    ].join(path.delimiter),
    npm_config_nodedir: folder,
    npm_config_update_notifier: 'false',
  };
}
