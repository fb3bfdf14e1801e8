import { expect, test } from 'vitest';
import { processTitle } from '../../../src/shared/process-title';

test.each([
  ['MainThread', '/usr/bin/node', 'node --inspect shop.mjs --open', 'node shop.mjs'],
  ['MainThread', '/usr/bin/node', '/usr/bin/node', 'node'],
  ['python3', '/usr/bin/python3.11', 'python3 /w/courier.py', 'python3.11 courier.py'],
  ['echo', '/w/build/echo', 'echo 7000', 'echo'],
  ['a-long-program-', '/w/a-long-program-name', 'a-long-program-name', 'a-long-program-'],
  ['postgres', '/usr/lib/postgresql/15/bin/postgres', 'postgres: writer', 'postgres'],
  ['worker', '/usr/sbin/server', 'server', 'worker'],
  ['kworker/0:1', '', '', 'kworker/0:1'],
  ['', '/w/app', '', 'app'],
  ['', '', '', ''],
])('%j, run from %j as %j, is called %j', (name, exe, command, title) => {
  expect(processTitle({ name, exe, command })).toBe(title);
});
