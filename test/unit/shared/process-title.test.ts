import { expect, test } from 'vitest';
import { commandWithoutArguments, processTitle } from '../../../src/shared/process-title';

test.each([
  ['MainThread', '/usr/bin/node', 'node --inspect shop.mjs --open', 'node shop.mjs'],
  ['MainThread', '/usr/bin/node', '/usr/bin/node', 'node'],
  ['python3', '/usr/bin/python3.11', 'python3 /w/courier.py', 'python3.11 courier.py'],
  [
    'python3',
    '/usr/bin/python3.11',
    '/usr/bin/python3 -X frozen_modules=off /lib/debugpy/launcher/../../debugpy --connect 127.0.0.1:5 /w/courier.py',
    'python3.11 courier.py',
  ],
  [
    'python3',
    '/usr/bin/python3.11',
    'python3 -X frozen_modules=off /lib/debugpy/_vendored/pydevd/pydevd.py --port 5 --file /w/weigh.py',
    'python3.11 weigh.py',
  ],
  ['python3', '/usr/bin/python3.11', 'python3 -m http.server', 'python3.11 http.server'],
  ['MainThread', '/usr/bin/node', 'node --require ./hook.js main.ts', 'node main.ts'],
  ['MainThread', '/usr/bin/node', 'node -e console.log(1)', 'node'],
  ['ruby', '/usr/bin/ruby3.1', 'ruby /usr/bin/rake test', 'ruby3.1 rake'],
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

test.each([
  ['mysql', '/usr/bin/mysql', 'mysql -u shop -phunter2 db', 'mysql'],
  ['curl', '/usr/bin/curl', '/usr/bin/curl -u shop:hunter2 http://a/?token=hunter2', '/usr/bin/curl'],
  ['MainThread', '/usr/bin/node', 'node --password=hunter2 /w/shop.mjs --token hunter2', 'node /w/shop.mjs'],
  ['python3', '/usr/bin/python3.11', 'python3 -c hunter2', 'python3'],
  ['kworker/0:1', '', '', ''],
])('the command of %s (%s) %j goes to others as %j, under the same title', (name, exe, command, told) => {
  const process = { name, exe, command };
  expect(commandWithoutArguments(process)).toBe(told);
  expect(processTitle({ ...process, command: told })).toBe(processTitle(process));
});
