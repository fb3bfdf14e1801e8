// What every command answers to bad input.
import { statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { helperPath, runToEnd } from './support/helper';
import { folder, useTestFolder } from './support/test-folder';

const isRoot = process.getuid?.() === 0;

useTestFolder();

describe.skipIf(!isRoot)('bad input', () => {
  const self = String(process.pid);
  it.each<[string[], number, RegExp]>([
    [['nosuch'], 2, /unknown command 'nosuch'/],
    [['watch'], 2, /give either process ids or '--all'/],
    [['watch', '--all', self], 2, /give either process ids or '--all'/],
    [['watch', 'abc'], 2, /"abc" is not a process id/],
    [['watch', '--interval', '5', self], 2, /--interval.*"5" is not a duration.*from 100ms to 60s/],
    [['watch', '--interval', '1ms', self], 2, /--interval.*"1ms" is out of range.*from 100ms to 60s/],
    [['watch', '--samples', '0', self], 2, /--samples.*"0".*from 1 to 1000000/],
    [['watch', '--format', 'xml', self], 2, /--format.*'xml'.*table, json/],
    [['watch', '--interface', 'a/b', self], 2, /--interface.*"a\/b" cannot be the name/],
    [['watch', '4194304'], 1, /There is no process 4194304/],
    [['watch', '--interface', 'nosuch0', self], 1, /no network interface named "nosuch0"/],
    [
      ['watch', '-o', '/no/such/folder/file', self],
      1,
      /"\/no\/such\/folder\/file" cannot be written: ENOENT/,
    ],
    [['run'], 2, /missing required argument 'command'/],
    [['run', '--', 'no-such-command'], 127, /"no-such-command" was not found in PATH/],
    [['run', '--', '/etc/passwd'], 126, /"\/etc\/passwd" is not marked as executable/],
    [['run', '--', '/etc'], 126, /"\/etc" is a folder/],
    [['run', '--interface', 'nosuch0', '--', 'true'], 1, /no network interface named "nosuch0"/],
  ])('%j: status %d', async (args, status, message) => {
    const finished = await runToEnd(helperPath, args);
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr).toMatch(/^procnetmon: /);
    expect(finished.stderr).not.toContain('    at ');
  });

  it('never runs the command that could not be watched', async () => {
    const file = path.join(folder, 'touched');
    await runToEnd(helperPath, ['run', '--interface', 'nosuch0', '--', 'touch', file]);
    expect(() => statSync(file)).toThrow();
  });
});
