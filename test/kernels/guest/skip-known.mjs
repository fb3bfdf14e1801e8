// Leaves out the tests whose results are known from a run that was interrupted.
import { readFileSync } from 'node:fs';
import { beforeEach } from 'vitest';

const known = new Set(
  JSON.parse(readFileSync('/settings.json', 'utf8')).known.map(({ file, test }) => `${file} ${test}`),
);

beforeEach(({ task, skip }) => {
  if (known.has(`${task.file.name} ${task.fullTestName}`)) skip('known');
});
