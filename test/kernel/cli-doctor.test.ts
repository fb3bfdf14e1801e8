// `procnetmon doctor` and `procnetmon cleanup` as their users have them.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { doctorReport } from '../../helper/src/cli/json-doctor-report';
import { helperPath, runToEnd } from './support/helper';
import { folder, useTestFolder } from './support/test-folder';

const isRoot = process.getuid?.() === 0;

useTestFolder();

describe.skipIf(!isRoot)('doctor and cleanup', () => {
  it('reports to programs', async () => {
    const { status, stdout } = await runToEnd(helperPath, ['doctor', '--format', 'json']);
    const report = doctorReport.parse(JSON.parse(stdout));
    expect(status).toBe(report.checks.some((check) => check.status === 'failed') ? 1 : 0);
    expect(report.checks.find(({ id }) => id === 'programs')?.status).toBe('ok');
  });

  it('reports to people', async () => {
    const { stdout } = await runToEnd(helperPath, ['doctor']);
    expect(stdout).toContain('Kernel programs, ring buffer');
    expect(stdout).not.toContain('\u001b');
  });

  it('leaves nothing in the kernel', async () => {
    const programs = (): unknown[] =>
      (JSON.parse(execFileSync('bpftool', ['--json', 'prog', 'list']).toString()) as { name?: string }[])
        .map(({ name }) => name)
        .filter((name) => name?.startsWith('pnm_'))
        .sort();
    const before = programs();
    await runToEnd(helperPath, ['doctor']);
    expect(programs()).toEqual(before);
  });

  it('answers without rights too, and says what it could not look at', async () => {
    const copy = path.join(folder, 'bin');
    execFileSync('cp', ['-r', path.dirname(helperPath), copy]);
    execFileSync('chmod', ['-R', 'a+rX', folder]);
    const { status, stdout } = await runToEnd('setpriv', [
      ...[
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        path.join(copy, 'procnetmon'),
        'doctor',
        '--format',
        'json',
      ],
    ]);
    const report = doctorReport.parse(JSON.parse(stdout));
    expect(report.checks.find(({ id }) => id === 'programs')).toMatchObject({
      status: 'warning',
      remedy: 'Run "sudo procnetmon doctor" for the whole answer.',
    });
    expect(status).toBe(0);
    const watching = await runToEnd('setpriv', [
      ...['--reuid=65534', '--regid=65534', '--clear-groups', path.join(copy, 'procnetmon'), 'watch', '1'],
    ]);
    expect(watching).toMatchObject({ status: 3, stdout: '' });
    expect(watching.stderr).toMatch(/^procnetmon: .*rights.*\n {2}.*sudo/);
  });

  it('has nothing to clean up where links die with their process', async () => {
    expect(await runToEnd(helperPath, ['cleanup'])).toEqual({
      status: 0,
      signal: null,
      stdout: 'Nothing was left behind.\n',
      stderr: '',
    });
  });
});
