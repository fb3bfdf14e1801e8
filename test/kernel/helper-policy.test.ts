// Who sees the processes of everybody: those whom root's policy names, with the right that it takes, and only then. With
// real files, two ordinary users, and both ways in: as root through sudo, and as the user with the capabilities of an
// installed helper.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTemporaryUser, type TemporaryUser } from '../editor/browser/temporary-user';
import { helperPath, runToEnd } from './support/helper';
import { run } from './support/namespaces';
import { RpcClient } from './support/rpc-client';

const policyFolder = '/etc/procnetmon';
const policy = `${policyFolder}/policy.json`;
const setAside = `${policyFolder}.before-tests-${String(process.pid)}`;
/** Where an installed helper could be: every folder above belongs to root. */
const installation = `/opt/procnetmon-test-${String(process.pid)}`;
const installed = `${installation}/procnetmon`;
/** Bits of a set of capabilities. */
const seesProcesses = 1n << 19n;
const counts = (1n << 12n) | (1n << 39n);

let alice: TemporaryUser;
let bob: TemporaryUser;
/** Of alice, where everybody may look. */
let folderOfAlice: string;
const clients: RpcClient[] = [];
const children: ChildProcessWithoutNullStreams[] = [];

beforeAll(async () => {
  alice = await createTemporaryUser({ label: 'a', sudo: false });
  bob = await createTemporaryUser({ label: 'b', sudo: false });
  folderOfAlice = mkdtempSync(path.join(tmpdir(), 'procnetmon-'));
  chmodSync(folderOfAlice, 0o755);
  chownSync(folderOfAlice, alice.uid, alice.gid);
  mkdirSync(installation, { mode: 0o755 });
  copyFileSync(helperPath, installed);
  copyFileSync(helperPath.replace(/[^/]+$/, 'procnetmon.node'), `${installation}/procnetmon.node`);
  run('setcap', 'cap_net_admin,cap_bpf,cap_perfmon,cap_sys_ptrace+ep', installed);
  if (existsSync(policyFolder)) renameSync(policyFolder, setAside);
});

afterAll(async () => {
  if (existsSync(setAside)) renameSync(setAside, policyFolder);
  for (const folder of [folderOfAlice, installation]) rmSync(folder, { recursive: true, force: true });
  await alice.remove();
  await bob.remove();
});

beforeEach(() => {
  mkdirSync(policyFolder, { mode: 0o755 });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()));
  for (const child of children.splice(0)) {
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  }
  rmSync(policyFolder, { recursive: true, force: true });
});

/** Arguments of `setpriv`. */
const asUser = ({ uid, gid }: TemporaryUser): string[] => [
  ...[`--reuid=${String(uid)}`, `--regid=${String(gid)}`, '--init-groups', '--'],
];

const waysIn = {
  'through sudo': ({ uid, gid, name }: TemporaryUser) => [
    'env',
    ...[`SUDO_UID=${String(uid)}`, `SUDO_GID=${String(gid)}`, `SUDO_USER=${name}`, helperPath],
  ],
  'with capabilities of its file': (user: TemporaryUser) => ['setpriv', ...asUser(user), installed],
};

const naming = (...users: string[]): string => JSON.stringify({ allUsers: { users } });

async function processOf(user: TemporaryUser): Promise<number> {
  const child = spawn('setpriv', [...asUser(user), 'cat'], { stdio: 'pipe' });
  children.push(child);
  child.stdin.write('ready\n');
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** Sends itself datagrams until its input ends. */
const talker = `
  const socket = require('node:dgram').createSocket('udp4').bind(0, '127.0.0.1', () => {
    setInterval(() => socket.send('x', socket.address().port, '127.0.0.1'), 20);
    console.log('up');
  });
  process.stdin.resume().on('end', () => process.exit());`;

async function talkerOf(user: TemporaryUser): Promise<number> {
  const child = spawn('setpriv', [...asUser(user), process.execPath, '-e', talker], { stdio: 'pipe' });
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

async function serving(command: string[], ...options: string[]): Promise<RpcClient> {
  const client = new RpcClient({}, options, command);
  clients.push(client);
  expect(await client.initialize()).toHaveProperty('result');
  return client;
}

/** What any thread of a process has or could raise by itself, as the kernel says. */
function heldBy(pid: number | undefined): bigint {
  const tasks = `/proc/${String(pid)}/task`;
  return readdirSync(tasks)
    .map((task) => readFileSync(`${tasks}/${task}/status`, 'latin1'))
    .flatMap((status) => [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Amb):\s*([0-9a-f]+)$/gm)])
    .reduce((all, [, bits = '']) => all | BigInt(`0x${bits}`), 0n);
}

describe.each(Object.entries(waysIn))("root's policy, %s", (_way, helperOf) => {
  it('lets those whom it names see everybody, once they ask for it, and gives the right for that then only', async () => {
    writeFileSync(policy, naming(alice.name));
    const pid = await processOf(bob);
    const unasked = await serving(helperOf(alice));
    expect(heldBy(unasked.process.pid)).toBe(counts);
    expect(await unasked.request('monitor/start', { pid })).toHaveProperty('error');

    const asked = await serving(helperOf(alice), '--all-users');
    expect(heldBy(asked.process.pid)).toBe(counts | seesProcesses);
    expect(await asked.request('monitor/start', { pid })).toMatchObject({
      result: { process: { user: bob.name, name: 'cat' } },
    });
    expect(readFileSync(`/proc/${String(asked.process.pid)}/status`, 'latin1')).toMatch(
      new RegExp(`^Uid:(\\t${String(alice.uid)}){4}$`, 'm'),
    );
  });

  it('lets the members of a group that it names', async () => {
    writeFileSync(policy, JSON.stringify({ allUsers: { groups: [alice.name] } }));
    expect(heldBy((await serving(helperOf(alice), '--all-users')).process.pid)).toBe(counts | seesProcesses);
    expect(await refusal(helperOf(bob))).toContain(`${policy} does not name ${bob.name}`);
  });

  async function refusal([program = '', ...args]: string[], command = ['serve']): Promise<string> {
    const { status, stdout, stderr } = await runToEnd(program, [...args, ...command, '--all-users']);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    return stderr;
  }

  it.each([['serve'], ['watch', '--all'], ['top']])('holds for %s %s', async (...command) => {
    writeFileSync(policy, naming(alice.name));
    const said = await refusal(helperOf(bob), command);
    expect(said).toContain(`${bob.name} may not see the processes of other users`);
    expect(said).toContain('Ask root for {');
  });

  it.each([
    ['watch', '--all'],
    ['top', '--sort=rate'],
  ])('has %s %s show everybody, once asked for', async (...command) => {
    writeFileSync(policy, naming(alice.name));
    const pids = [await talkerOf(bob), await talkerOf(alice)];
    const shown = async (...options: string[]): Promise<number[]> => {
      const [program = '', ...args] = [...helperOf(alice), ...command, '--format', 'json', ...options];
      const measuring = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const seen = new Set<number>();
      // Bob's talks before Alice's does: with the latter to be seen, the former would have been.
      for await (const line of createInterface({ input: measuring.stdout })) {
        const { processes = [] } = JSON.parse(line) as { processes?: { pid: number }[] };
        for (const { pid } of processes) if (pids.includes(pid)) seen.add(pid);
        if (seen.has(pids[1] ?? 0) && (seen.size === 2 || options.length === 0)) measuring.kill('SIGINT');
      }
      return [...seen];
    };
    expect(new Set(await shown('--all-users'))).toEqual(new Set(pids));
    expect(await shown()).toEqual([pids[1]]);
  });

  it.each<[string, () => void, string]>([
    ['is not there', () => undefined, `there is no ${policy}`],
    ['names others', () => writeFileSync(policy, naming(bob.name)), `${policy} does not name`],
    [
      'belongs to somebody else',
      () => {
        writeFileSync(policy, naming(alice.name));
        chownSync(policy, alice.uid, 0);
      },
      `"${policy}" belongs to the user`,
    ],
    [
      'a group may write',
      () => {
        writeFileSync(policy, naming(alice.name));
        chmodSync(policy, 0o664);
      },
      `"${policy}" may be written by others`,
    ],
    [
      'everybody may write',
      () => {
        writeFileSync(policy, naming(alice.name));
        chmodSync(policy, 0o646);
      },
      `"${policy}" may be written by others`,
    ],
    [
      'is a link of somebody else',
      () => {
        writeFileSync(`${policyFolder}/real.json`, naming(alice.name));
        run('ln', '-s', 'real.json', policy);
        run('chown', '-h', String(alice.uid), policy);
      },
      `"${policy}" belongs to the user`,
    ],
    [
      'is a link to a file of somebody else',
      () => {
        const file = path.join(folderOfAlice, 'policy.json');
        writeFileSync(file, naming(alice.name));
        chownSync(file, alice.uid, alice.gid);
        symlinkSync(file, policy);
      },
      'may be written by others', // /tmp, through which it leads
    ],
    [
      'is a link to a file of root, by way of a link that somebody else could change',
      () => {
        writeFileSync(`${policyFolder}/real.json`, naming(alice.name));
        const link = path.join(folderOfAlice, 'link');
        rmSync(link, { force: true });
        symlinkSync(`${policyFolder}/real.json`, link);
        symlinkSync(link, policy);
      },
      'may be written by others',
    ],
    [
      'lies in a folder that others may write to',
      () => {
        writeFileSync(policy, naming(alice.name));
        chmodSync(policyFolder, 0o775);
      },
      `"${policyFolder}" may be written by others`,
    ],
    [
      'lies in a folder of somebody else',
      () => {
        writeFileSync(policy, naming(alice.name));
        chownSync(policyFolder, alice.uid, alice.gid);
      },
      `"${policyFolder}" belongs to the user`,
    ],
    ['is empty', () => writeFileSync(policy, ''), 'It is not JSON'],
    ['is cut off', () => writeFileSync(policy, naming(alice.name).slice(0, -1)), 'It is not JSON'],
    [
      'has a name that is not known',
      () => writeFileSync(policy, JSON.stringify({ allUser: { users: [alice.name] } })),
      'allUser',
    ],
    [
      'is too large',
      () => writeFileSync(policy, `${naming(alice.name)}${' '.repeat(64 * 1024)}`),
      'may have 65536 at most',
    ],
    ['is a folder', () => mkdirSync(policy), `"${policy}" is not a file`],
    ['is a pipe, which nobody writes to', () => run('mkfifo', policy), `"${policy}" is not a file`],
  ])('that %s lets nobody', async (_what, prepare, said) => {
    prepare();
    const [first = '', second = ''] = (await refusal(helperOf(alice))).split('\n');
    expect(first).toContain(said);
    // What can be done about it.
    expect(second).toMatch(/^ {2}.*--all-users/);
  });

  it('counts where links of root lead to it', async () => {
    writeFileSync(`${policyFolder}/real.json`, naming(alice.name));
    symlinkSync('real.json', policy);
    expect(heldBy((await serving(helperOf(alice), '--all-users')).process.pid)).toBe(counts | seesProcesses);
  });
});

it('is told to those who may not read it that it is so', async () => {
  writeFileSync(policy, naming(alice.name));
  chmodSync(policy, 0o600);
  const [program = '', ...args] = waysIn['with capabilities of its file'](alice);
  const { status, stderr } = await runToEnd(program, [...args, 'serve', '--all-users']);
  expect(status).toBe(3);
  expect(stderr).toContain(`The policy ${policy} is not used: EACCES`);
  expect(stderr).toContain('mode 0644');
});
