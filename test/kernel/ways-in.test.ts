// The ways in which a helper gets its rights, each with the real sudo of this machine, and each way in which that ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { installationFolder, installedExecutable } from '../../src/installation/installation';
import { createTemporaryUser, type TemporaryUser } from '../editor/browser/temporary-user';
import { helperPath, runToEnd } from './support/helper';
import type { LaunchOrders, LaunchOutcome } from './support/launch';

const askpassScript = path.resolve(import.meta.dirname, '../../media/askpass/askpass.sh');
const setAside = `${installationFolder}.before-tests`;
const rules = '/etc/sudoers.d/procnetmon-test-ways-in';
let folder: string;
let driver: string;
/** May use sudo with a password. */
let alice: TemporaryUser;
/** May not use sudo. */
let bob: TemporaryUser;

beforeAll(async () => {
  if (existsSync(installationFolder)) renameSync(installationFolder, setAside);
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  chmodSync(folder, 0o755);
  driver = path.join(folder, 'launch.mjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'support/launch.ts')],
    outfile: driver,
    ...({ bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'silent' } as const),
  });
  alice = await createTemporaryUser({ label: 'a' });
  bob = await createTemporaryUser({ label: 'b', sudo: false });
});

afterAll(async () => {
  if (existsSync(setAside)) renameSync(setAside, installationFolder);
  rmSync(folder, { recursive: true, force: true });
  await alice.remove();
  await bob.remove();
});

afterEach(() => rmSync(rules, { force: true }));

/** Further rules for sudo, of a test. */
function allow(text: string): void {
  writeFileSync(rules, `${text}\n`, { mode: 0o440 });
}

interface LaunchOptions extends Partial<LaunchOrders> {
  /** Stands before the driver. */
  wrapper?: string[];
  /** Called again and again while it runs. */
  watch?: () => void;
}

async function launchAs(
  user: TemporaryUser | undefined,
  options: LaunchOptions = {},
): Promise<LaunchOutcome> {
  const { wrapper = [], watch, ...changed } = options;
  const orders: LaunchOrders = {
    ...{ executable: helperPath, askpassScript, sudo: 'sudo', answer: null, version, keepMillis: 0 },
    ...changed,
  };
  const ids =
    user === undefined
      ? ['env']
      : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  const [program, ...args] = [...ids, ...wrapper, process.execPath, driver, JSON.stringify(orders)];
  const home = user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
  // No terminal: as the editor's server has none.
  const child = spawn('setsid', ['--wait', program, ...args], {
    cwd: '/',
    env: { PATH: process.env['PATH'], ...home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = watch === undefined ? undefined : setInterval(watch, 2);
  await once(child, 'close');
  clearInterval(timer);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as LaunchOutcome;
}

describe('the ways in', () => {
  it('root starts the helper itself', async () => {
    expect(await launchAs(undefined)).toMatchObject({ command: `${helperPath} serve`, questions: 0 });
  });

  it('an installed helper comes before sudo, also for those who may not use sudo', async () => {
    const installing = await runToEnd(helperPath, ['install', '--yes', '--group', bob.name]);
    expect(installing, installing.stderr).toMatchObject({ status: 0 });
    try {
      expect(await launchAs(bob)).toMatchObject({ command: `${installedExecutable} serve`, questions: 0 });
      const ofAnotherVersion = await launchAs(bob, { version: '9.9.9' });
      expect(ofAnotherVersion).toMatchObject({ failure: 'declined' });
      expect(ofAnotherVersion.log.join('\n')).toContain('version 9.9.9 is needed');
    } finally {
      await runToEnd(helperPath, ['uninstall', '--yes']);
    }
  });

  it('the rule of sudo that SECURITY.md tells is for counting, and not for installing', async () => {
    const security = readFileSync(path.resolve(import.meta.dirname, '../../SECURITY.md'), 'utf8');
    const rule = /```sudoers\n([^`]*)```/.exec(security)?.[1] ?? '';
    // What sudo starts does not matter here, but it has to be there.
    allow(rule.replaceAll('/usr/local/sbin/procnetmon', '/usr/bin/true').replaceAll('alice', bob.name));
    const ids = [`--reuid=${bob.uid}`, `--regid=${bob.gid}`, '--init-groups', '--'];
    const isAllowed = async (...words: string[]): Promise<boolean> => {
      const command = [...ids, 'sudo', '-n', '--', '/usr/bin/true', ...words];
      return (await runToEnd('setpriv', command)).status === 0;
    };
    for (const line of ['top', 'top --all-users', 'watch --all', 'watch 1 2', 'run -- id', 'doctor'])
      expect([line, await isAllowed(...line.split(' '))]).toEqual([line, true]);
    for (const line of ['', 'install', 'install --yes --group users', 'uninstall', 'uninstall --yes'])
      expect([line, await isAllowed(...line.split(' ').filter(Boolean))]).toEqual([line, false]);
  });

  it('sudo -n, where no password is needed', async () => {
    allow(`${alice.name} ALL=(ALL:ALL) NOPASSWD: ALL`);
    expect(await launchAs(alice)).toMatchObject({ command: `sudo -n -- ${helperPath} serve`, questions: 0 });
  });

  it('sudo -A, with the right password', async () => {
    expect(await launchAs(alice, { answer: alice.password })).toMatchObject({
      command: `sudo -A -- ${helperPath} serve`,
      questions: 1,
    });
  });
});

describe('the ways in which it fails, each by its name', () => {
  it.each<[string, string, () => Promise<LaunchOutcome>, number]>([
    ['the box is closed', 'declined', () => launchAs(alice), 1],
    ['the password is wrong', 'password-rejected', () => launchAs(alice, { answer: 'wrong' }), 1],
    ['the user may not use sudo', 'not-permitted', () => launchAs(bob, { answer: bob.password }), 1],
    ['there is no sudo', 'sudo-missing', () => launchAs(alice, { sudo: '/nonexistent/sudo' }), 0],
    [
      'no-new-privileges is set',
      'no-new-privileges',
      () => launchAs(alice, { wrapper: ['setpriv', '--no-new-privs', '--'] }),
      0,
    ],
    [
      'sudo demands a terminal',
      'terminal-required',
      () => {
        allow(`Defaults:${alice.name} requiretty`);
        return launchAs(alice, { answer: alice.password });
      },
      0,
    ],
  ])('%s: %s', async (_what, failure, launch, questions) => {
    expect(await launch()).toMatchObject({ failure, questions });
  });
});

it('the password is in no log, in no process, and in no file', async () => {
  const { password } = alice;
  const seen = new Set<string>();
  let looked = 0;
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      for (const file of ['cmdline', 'environ']) {
        try {
          const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
          looked += 1;
          // The test's own driver is told what to type.
          if (text.includes(password) && !text.includes('launch.mjs')) seen.add(`${file}: ${text}`);
        } catch {
          // It has ended.
        }
      }
    }
  };
  const { log, command } = await launchAs(alice, { answer: password, keepMillis: 500, watch: look });
  expect(command).toContain('sudo -A');
  expect(looked).toBeGreaterThan(100);
  expect([...seen]).toEqual([]);
  expect(log.join('\n')).not.toContain(password);
  for (const place of [alice.home, '/var/log', '/run/sudo', '/run/user', folder])
    expect((await runToEnd('grep', ['-rlFs', '--devices=skip', '--', password, place])).stdout).toBe('');
});
