// Where this machine has its cgroup v2 hierarchy.
import { readFileSync } from 'node:fs';

/** Mount point of the cgroup v2 hierarchy. */
export const cgroupFolder = (() => {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((candidate) => candidate.includes(' - cgroup2 '));
  const folder = line?.split(' ')[4];
  if (folder === undefined) throw new Error('These tests need a cgroup v2 hierarchy');
  return folder;
})();
