// A helper that is installed for good: what is put where, what it can do for the user, and what the user cannot do
// with it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import {
  findInstallation,
  InstalledFile,
  installationFolder,
  installedExecutable,
} from '../../src/installation/installation';
import { createTemporaryUser, type TemporaryUser } from '../editor/browser/temporary-user';
import { helperPath, runToEnd } from './support/helper';
import { statusOfNameProcess } from './support/name-process';
import { run } from './support/namespaces';
import { compiledProgram } from './support/programs';
import { RpcClient } from './support/rpc-client';

const setAside = `${installationFolder}.before-tests`;
const parent = path.dirname(installationFolder);
const installed = (name: string): string => path.join(installationFolder, name);
let alice: TemporaryUser;
let bob: TemporaryUser;
let folder: string;
let hadParent: boolean;

beforeAll(async () => {
  hadParent = existsSync(parent);
  if (existsSync(installationFolder)) renameSync(installationFolder, setAside);
  alice = await createTemporaryUser({ label: 'a', sudo: false });
  bob = await createTemporaryUser({ label: 'b', sudo: false });
  folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  chmodSync(folder, 0o777);
  const finished = await runToEnd(helperPath, ['install', '--yes', '--group', alice.name]);
  expect(finished, finished.stderr).toMatchObject({ status: 0 });
});

afterAll(async () => {
  await runToEnd(helperPath, ['uninstall', '--yes']);
  if (existsSync(setAside)) renameSync(setAside, installationFolder);
  rmSync(folder, { recursive: true, force: true });
  await alice.remove();
  await bob.remove();
});

const as = (user: TemporaryUser): string[] => [
  'setpriv',
  `--reuid=${user.uid}`,
  `--regid=${user.gid}`,
  '--init-groups',
  '--',
];

function runAs(user: TemporaryUser, command: readonly string[], environment: Record<string, string> = {}) {
  // Only the command itself gets to see the environment.
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const [program = '', ...args] = [...as(user), 'env', ...settings, ...command];
  return spawnSync(program, args, { encoding: 'utf8' });
}

describe('what is installed', () => {
  it('belongs to root, and is open to the group alone', () => {
    const modes = Object.fromEntries(
      readdirSync(installationFolder).map((name) => {
        const { uid, gid, mode } = statSync(installed(name));
        expect({ uid, gid }).toEqual({ uid: 0, gid: alice.gid });
        return [name, (mode & 0o7777).toString(8)];
      }),
    );
    expect(modes).toEqual({
      [InstalledFile.Executable]: '750',
      [InstalledFile.Addon]: '640',
      [InstalledFile.Record]: '644',
      [InstalledFile.Lock]: '660',
    });
    expect(statSync(installationFolder).mode & 0o7777).toBe(0o750);
    expect(run('getcap', installedExecutable).trim()).toBe(
      `${installedExecutable} cap_net_admin,cap_sys_ptrace,cap_perfmon,cap_bpf=ep`,
    );
    expect(runAs(bob, [installedExecutable, '--version']).status).not.toBe(0);
    expect(runAs(alice, [installedExecutable, '--version']).stdout).toContain(version);
  });

  it('was shown beforehand, with the same hashes', async () => {
    const { stdout } = await runToEnd(helperPath, ['install', '--dry-run', '--group', alice.name]);
    for (const name of [InstalledFile.Executable, InstalledFile.Addon]) {
      const [hash = 'none'] = run('sha256sum', installed(name)).split(' ');
      expect(stdout).toContain(hash);
    }
  });

  it('is not touched by users', () => {
    expect(runAs(alice, [installedExecutable, 'uninstall', '--yes']).status).toBe(3);
    expect(runAs(alice, [installedExecutable, 'install', '--yes']).status).toBe(3);
    expect(runAs(alice, ['rm', '-rf', installationFolder]).status).not.toBe(0);
    expect(existsSync(installedExecutable)).toBe(true);
  });
});

describe('an ordinary user', () => {
  const clients: RpcClient[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.leave()));
  });

  function connect(user: TemporaryUser): RpcClient {
    const client = new RpcClient({}, [], [...as(user), installedExecutable]);
    clients.push(client);
    return client;
  }

  it('counts without a password, with two capabilities and no way to more', async () => {
    const client = connect(alice);
    expect(await client.initialize()).toMatchObject({
      result: {
        procnetmon: {
          rights: {
            user: alice.name,
            capabilities: ['cap_net_admin', 'cap_bpf'],
            noNewPrivileges: true,
            systemCallFilter: true,
          },
        },
      },
    });
    const status = readFileSync(`/proc/${String(client.process.pid)}/status`, 'utf8');
    expect(status).toMatch(/^CapPrm:\t0000008000001000$/m);
    expect(status).toMatch(/^CapAmb:\t0000000000000000$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    // Nobody but root reads its memory or environment.
    expect(runAs(alice, ['cat', `/proc/${String(client.process.pid)}/environ`]).status).not.toBe(0);

    const [program, ...args] = [...as(alice), 'cat'];
    const child = spawn(program, args, { stdio: 'pipe' });
    child.stdin.write('x');
    await once(child.stdout, 'data');
    expect(await client.request('monitor/start', { pid: child.pid })).toMatchObject({
      result: { process: { name: 'cat' } },
    });
    expect(await client.request('monitor/start', { pid: process.pid })).toHaveProperty('error');
    child.stdin.end();
    await once(child, 'exit');
  });

  it('neither looks into it nor takes anything from it', async () => {
    const lookInto = compiledProgram('look-into', folder);
    const client = connect(alice);
    await client.initialize();
    expect(runAs(alice, [lookInto, String(client.process.pid)]).stdout).toBe('done\n');
    // The test must be able to fail.
    const [program, ...args] = [...as(alice), 'cat'];
    const child = spawn(program, args, { stdio: 'pipe' });
    child.stdin.write('x');
    await once(child.stdout, 'data');
    expect(runAs(alice, [lookInto, String(child.pid)]).stdout).toMatch(
      /^pidfd_getfd\n[^]*\nmaps\nfd\n[^]*done\n$/,
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('has no use of it where it may gain no rights, or in a user namespace', () => {
    const wrappers = [
      ['setpriv', '--no-new-privs'],
      ['unshare', '--user', '--map-root-user', '--mount'],
    ];
    for (const wrapper of wrappers) {
      const { status, stdout } = runAs(alice, [
        ...wrapper,
        installedExecutable,
        'run',
        '--',
        'echo',
        'counted',
      ]);
      expect([wrapper, status, stdout]).toEqual([wrapper, 3, '']);
    }
  });

  it('measures a command, which gets none of the rights', () => {
    const { stdout, status } = runAs(alice, [
      ...[installedExecutable, 'run', '--', 'sh', '-c'],
      'grep -E "^(CapPrm|CapEff|CapAmb|Seccomp):" /proc/self/status; exit 7',
    ]);
    expect(status).toBe(7);
    expect(stdout.replaceAll('\t', ' ').trim().split('\n')).toEqual([
      'CapPrm: 0000000000000000',
      'CapEff: 0000000000000000',
      'CapAmb: 0000000000000000',
      'Seccomp: 0',
    ]);
  });

  it('has names looked up by a process that gets none of the rights either', async () => {
    const own = spawn('setpriv', [...as(alice).slice(1), 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const [program = '', ...args] = [
      ...as(alice),
      ...[installedExecutable, 'watch', '--reverse-lookup', '--format', 'json', String(own.pid)],
    ];
    const helper = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(helper.stdout, 'data');
    const status = await statusOfNameProcess(helper);
    for (const field of ['CapPrm', 'CapEff', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${field}:\t0{16}$`, 'm'));
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const ended = once(helper, 'exit');
    own.stdin.end();
    await ended;
  });

  it('writes to no file that is not theirs', () => {
    const target = path.join(folder, 'of-root');
    writeFileSync(target, 'as it was');
    const { status } = runAs(alice, [installedExecutable, 'run', '-f', 'json', '-o', target, '--', 'true']);
    expect(status).toBe(1);
    expect(readFileSync(target, 'utf8')).toBe('as it was');
  });

  it('changes no setting of the network, for which the capabilities that it counts with would do', () => {
    const setting = '/proc/sys/net/ipv4/conf/lo/log_martians';
    const before = readFileSync(setting, 'utf8');
    for (const command of [
      ['run', '-o', setting, '--', 'true'],
      ['watch', '--all', '--samples', '1', '-o', setting],
    ]) {
      const { status, stderr } = runAs(alice, [installedExecutable, ...command]);
      expect(stderr).toContain(`"${setting}" cannot be written: EACCES`);
      expect(status).toBe(1);
    }
    expect(readFileSync(setting, 'utf8')).toBe(before);
  });

  it('has no code of their own run in it', () => {
    const library = compiledProgram('intruder-module', folder);
    const mark = path.join(folder, 'mark');
    const script = path.join(folder, 'intruder.cjs');
    const configuration = path.join(folder, 'openssl.cnf');
    writeFileSync(script, `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '');`);
    writeFileSync(
      configuration,
      `nodejs_conf = a\nopenssl_conf = a\n[a]\nproviders = p\n[p]\ni = i\n[i]\nmodule = ${library}\nactivate = 1\n`,
    );
    for (const environment of [
      { LD_PRELOAD: library },
      { LD_AUDIT: library },
      { LD_LIBRARY_PATH: folder },
      { NODE_OPTIONS: `--require ${script}` },
      { OPENSSL_CONF: configuration },
      { GCONV_PATH: folder },
    ]) {
      runAs(alice, [installedExecutable, 'doctor'], { ...environment, INTRUDER_MARK: mark });
      expect([environment, existsSync(mark)]).toEqual([environment, false]);
    }
    for (const args of [[script], ['-r', script, 'doctor'], ['--require', script]]) {
      runAs(alice, [installedExecutable, ...args]);
      expect([args, existsSync(mark)]).toEqual([args, false]);
    }
    // The test must be able to fail.
    runAs(alice, ['true'], { LD_PRELOAD: library, INTRUDER_MARK: mark });
    expect(existsSync(mark)).toBe(true);
  });

  it('cannot make it load what lies beside another path of it', () => {
    const own = mkdtempSync(path.join(folder, 'own-'));
    chownSync(own, alice.uid, alice.gid);
    chmodSync(own, 0o755);
    copyFileSync(helperPath.replace(/[^/]+$/, 'procnetmon.node'), path.join(own, 'procnetmon.node'));
    const refused = runAs(alice, ['ln', installedExecutable, path.join(own, 'linked')]);
    expect(refused.status).not.toBe(0);
    // Where the kernel lets links be made (fs.protected_hardlinks=0).
    const copy = path.join(parent, 'procnetmon-test-copy');
    try {
      copyFileSync(installedExecutable, copy);
      chmodSync(copy, 0o755);
      run('setcap', 'cap_net_admin,cap_bpf+ep', copy);
      if (statSync(parent).dev === statSync(own).dev) linkSync(copy, path.join(own, 'procnetmon'));
      else run('cp', '--preserve=all', copy, path.join(own, 'procnetmon'));
      const { status, stderr } = runAs(alice, [path.join(own, 'procnetmon'), 'serve']);
      expect(stderr).toContain('has rights that its user has not');
      expect(status).toBe(1);
    } finally {
      rmSync(copy, { force: true });
    }
  });

  it('opens no debugger in it, from the first moment on', async () => {
    for (const waitMillis of [0, 5, 10, 20, 40, 80]) {
      const [program, ...args] = [...as(alice), installedExecutable, 'doctor'];
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const timer = setInterval(() => child.kill('SIGUSR1'), Math.max(1, waitMillis));
      await once(child, 'close');
      clearInterval(timer);
      expect(said).not.toContain('Debugger listening');
    }
  });
});

describe('before it is used', () => {
  it('is found to be in order', () => {
    expect(findInstallation(version)).toEqual({ state: 'usable', executable: installedExecutable });
  });

  it('is refused when it is of another version', () => {
    expect(findInstallation('9.9.9')).toMatchObject({
      state: 'unusable',
      reason: expect.stringContaining(`version ${version}`) as string,
    });
  });

  it.each([InstalledFile.Executable, InstalledFile.Addon, '.', '..'])(
    'is refused when others own %s',
    (name) => {
      const file = path.join(installationFolder, name);
      const { uid, gid } = statSync(file);
      const capabilities = run('getcap', installedExecutable).trim().split(' ')[1] ?? '';
      try {
        chownSync(file, alice.uid, gid);
        expect(findInstallation(version)).toMatchObject({ state: 'unusable' });
      } finally {
        chownSync(file, uid, gid);
        run('setcap', capabilities, installedExecutable);
      }
    },
  );

  it.each([InstalledFile.Executable, InstalledFile.Addon, '.', '..'])(
    'is refused when others may write to %s',
    (name) => {
      const file = path.join(installationFolder, name);
      const { mode } = statSync(file);
      try {
        chmodSync(file, mode | 0o020);
        expect(findInstallation(version)).toMatchObject({ state: 'unusable' });
      } finally {
        chmodSync(file, mode);
      }
    },
  );
});

describe('installing and uninstalling', () => {
  it('asks for consent, and without a terminal does nothing', async () => {
    const { status, stderr } = await runToEnd(helperPath, ['install', '--group', alice.name]);
    expect(status).toBe(2);
    expect(stderr).toContain('--yes');
  });

  it('refuses a group that there is not', async () => {
    const { status, stderr } = await runToEnd(helperPath, ['install', '-y', '--group', 'no-such-group']);
    expect(status).toBe(2);
    expect(stderr).toContain('"no-such-group"');
  });

  it('replaces an older one, also while that runs, and leaves nothing else', async () => {
    const client = new RpcClient({}, [], [...as(alice), installedExecutable]);
    await client.initialize();
    const finished = await runToEnd(helperPath, ['install', '--yes', '--no-ptrace', '--group', alice.name]);
    expect(finished, finished.stderr).toMatchObject({ status: 0 });
    expect(await client.request('interface/list')).toHaveProperty('result');
    await client.leave();
    expect(readdirSync(parent).filter((name) => name.startsWith('procnetmon'))).toEqual(
      existsSync(setAside) ? ['procnetmon', path.basename(setAside)] : ['procnetmon'],
    );
    expect(run('getcap', installedExecutable)).toContain('cap_net_admin,cap_perfmon,cap_bpf=ep');
  });

  it('can be reached by its group, whatever the umask of the one who installs', async () => {
    expect(await runToEnd(helperPath, ['uninstall', '--yes'])).toMatchObject({ status: 0 });
    const arguments_ = ['-c', 'umask 077; exec "$0" install --yes --group "$1"', helperPath, alice.name];
    expect(await runToEnd('sh', arguments_)).toMatchObject({ status: 0 });
    expect(runAs(alice, [installedExecutable, '--version']).stdout).toContain(version);
    expect(statSync(parent).mode & 0o7777).toBe(0o755);
  });

  it('leaves nothing', async () => {
    // As an installation does that is killed.
    const unfinished = `${installationFolder}.0123456789abcdef`;
    mkdirSync(unfinished, { mode: 0o700 });
    copyFileSync(helperPath, path.join(unfinished, InstalledFile.Executable));
    // Whoever has it open cannot run it any more either.
    const [program, ...args] = as(alice);
    const script = 'exec 9<"$0"; echo open; read line; exec /proc/self/fd/9 --version';
    const holder = spawn(program ?? '', [...args, 'bash', '-c', script, installedExecutable], {
      stdio: 'pipe',
    });
    let said = '';
    holder.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(holder.stdout, 'data');
    expect(await runToEnd(helperPath, ['uninstall', '--yes'])).toMatchObject({ status: 0 });
    expect(existsSync(installationFolder)).toBe(false);
    expect(existsSync(unfinished)).toBe(false);
    holder.stdin.write('go on\n');
    expect(await once(holder, 'close')).toEqual([126, null]);
    expect(said).toContain('Permission denied');
    expect(existsSync(parent)).toBe(hadParent || existsSync(setAside));
    expect(findInstallation(version)).toEqual({ state: 'absent' });
  });
});
