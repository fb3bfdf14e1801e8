// What the helper does as root for a user who started it through sudo, and what it does with their rights only.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { helperPath, runToEnd } from './support/helper';
import { statusOfNameProcess } from './support/name-process';
import { folder, useTestFolder } from './support/test-folder';

const isRoot = process.getuid?.() === 0;

useTestFolder();

describe.skipIf(!isRoot)('started by root itself', () => {
  it('has names looked up by a process that has nothing of root but its files', async () => {
    const helper = spawn(helperPath, ['watch', '--reverse-lookup', '--format', 'json', String(process.pid)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, SUDO_UID: undefined },
    });
    const ended = once(helper, 'exit');
    try {
      await once(helper.stdout, 'data');
      const status = await statusOfNameProcess(helper);
      for (const field of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toMatch(new RegExp(`^${field}:\t0{16}$`, 'm'));
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    } finally {
      helper.kill();
      await ended;
    }
  });
});

describe.skipIf(!isRoot)('under sudo', () => {
  // What sudo sets for a user; "nobody" exists everywhere.
  const nobody = { uid: 65_534, gid: 65_534 };
  const asNobody = [
    'env',
    `SUDO_UID=${String(nobody.uid)}`,
    `SUDO_GID=${String(nobody.gid)}`,
    'SUDO_USER=nobody',
  ];

  it('the command runs as the user, with all of their groups, and cannot gain rights from the helper', async () => {
    const script =
      'id; echo $HOME $USER $LOGNAME $SUDO_UID; grep -E "^(Cap(Prm|Eff|Amb)|NoNewPrivs)" /proc/self/status';
    const expected = execFileSync('setpriv', [
      ...['--reuid=nobody', '--regid=65534', '--init-groups', 'id'],
    ]).toString();
    const home = execFileSync('getent', ['passwd', 'nobody']).toString().split(':')[5] ?? '';
    const { stdout, status } = await runToEnd('env', [
      ...asNobody,
      ...[helperPath, 'run', '--', 'sh', '-c', script],
    ]);
    expect(status).toBe(0);
    expect(stdout).toBe(
      `${expected}${home} nobody nobody\n` +
        ['CapPrm', 'CapEff', 'CapAmb'].map((name) => `${name}:\t0000000000000000\n`).join('') +
        'NoNewPrivs:\t0\n',
    );
  });

  it('runs no program as root that PATH leads to', async () => {
    // Where sudo is not told which PATH is safe, it hands on that of the user.
    const program = path.join(folder, 'setpriv');
    const touched = path.join(folder, 'touched');
    writeFileSync(program, `#!/bin/sh\n/usr/bin/id -u >>${touched}\n`, { mode: 0o755 });
    const { status, stdout } = await runToEnd('env', [
      ...[...asNobody, `PATH=${folder}:${process.env['PATH'] ?? ''}`],
      ...[helperPath, 'run', '--reverse-lookup', '--', 'id', '-u'],
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${String(nobody.uid)}\n` });
    expect(() => statSync(touched)).toThrow();
  });

  it('refuses the process of another user', async () => {
    const args = [...asNobody, helperPath, 'watch', String(process.pid)];
    const { status, stdout, stderr } = await runToEnd('env', args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^procnetmon: Process ${String(process.pid)} .*root.*nobody`));
  });

  it('writes its file with the rights of the user', async () => {
    const file = path.join(folder, 'lines');
    const args = [...asNobody, helperPath, 'run', '-o', file, '--', 'true'];
    const { status, stderr } = await runToEnd('env', args);
    expect(status).toBe(1);
    expect(stderr).toContain(`The output file "${file}" cannot be written: EACCES.`);
    expect(() => statSync(file)).toThrow();
  });
});
