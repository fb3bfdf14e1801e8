// Where the files are that measurements use. They run as bundles in a folder of the build, so nothing is found
// relative to their own place.
import path from 'node:path';

const project = process.env['PROCNETMON_PROJECT'] ?? process.cwd();

/** A path inside the project. */
export const inProject = (...parts: string[]): string => path.join(project, ...parts);

/** A program that makes traffic. */
export const programPath = (name: string): string => inProject('test', 'bench', 'programs', name);

/** A measurement that runs in a process of its own. */
export const bundlePath = (name: string): string => inProject('build', 'bench', name);
