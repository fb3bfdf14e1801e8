// An ordinary Unix user for the length of a test: a home folder, a random password, and the right to use sudo
// with that password. Removed afterwards; what a run that was killed left behind, the next one removes.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The id of the test's own process follows, then its label: whether that runs tells leftovers from users in use. */
const namePrefix = 'pnm-test-';
const sudoersFolder = '/etc/sudoers.d';
const pollMillis = 50;

export interface TemporaryUser {
  readonly name: string;
  readonly password: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Ends every process of the user and removes the user, the home folder and the right to use sudo. */
  remove(): Promise<void>;
}

function accounts(): { name: string; uid: number; gid: number; home: string }[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid = '', gid = '', , home = '']) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
    }));
}

/** What a user is like. */
export interface TemporaryUserOptions {
  /** Tells several users of one test apart. */
  label?: string;
  /** Whether the user may use sudo: with a password, without one, or not at all. */
  sudo?: 'PASSWD:' | 'NOPASSWD:' | false;
  /** Whether sudo asks for the password each time, also right after it was given. */
  asksEachTime?: boolean;
}

/** Makes the user, by default one who may use sudo with a password. Needs root. */
export async function createTemporaryUser({
  label = '',
  sudo = 'PASSWD:',
  asksEachTime = false,
}: TemporaryUserOptions = {}): Promise<TemporaryUser> {
  await removeLeftovers();
  const name = `${namePrefix}${process.pid}${label}`;
  const password = randomBytes(12).toString('base64url');
  execFileSync('useradd', ['--create-home', '--user-group', '--shell', '/bin/bash', name], { stdio: 'pipe' });
  try {
    execFileSync('chpasswd', { input: `${name}:${password}\n`, stdio: 'pipe' });
    if (sudo !== false) allowSudo(name, sudo, asksEachTime);
    const account = accounts().find((candidate) => candidate.name === name);
    if (!account) throw new Error(`useradd made no user ${name}`);
    return { ...account, password, remove: () => removeUser(name) };
  } catch (error) {
    await removeUser(name);
    throw error;
  }
}

function allowSudo(name: string, tag: 'PASSWD:' | 'NOPASSWD:', asksEachTime: boolean): void {
  const file = path.join(sudoersFolder, name);
  // sudo ignores files with a dot in their name, so it never reads this one half written.
  const unfinished = `${file}.new`;
  const defaults = asksEachTime ? `Defaults:${name} timestamp_timeout=0\n` : '';
  writeFileSync(unfinished, `${defaults}${name} ALL=(ALL:ALL) ${tag} ALL\n`, { mode: 0o440 });
  chmodSync(unfinished, 0o440);
  execFileSync('visudo', ['--check', '--quiet', '--file', unfinished], { stdio: 'pipe' });
  renameSync(unfinished, file);
}

async function removeLeftovers(): Promise<void> {
  const fromSudoers = readdirSync(sudoersFolder).map((file) => file.replace(/\.new$/, ''));
  const names = new Set([...accounts().map(({ name }) => name), ...fromSudoers]);
  for (const name of names) {
    if (!name.startsWith(namePrefix)) continue;
    if (!existsSync(`/proc/${Number.parseInt(name.slice(namePrefix.length), 10)}`)) await removeUser(name);
  }
}

async function removeUser(name: string): Promise<void> {
  for (const file of [name, `${name}.new`]) rmSync(path.join(sudoersFolder, file), { force: true });
  const account = accounts().find((candidate) => candidate.name === name);
  if (!account) return;
  await endProcesses(account.uid);
  execFileSync('userdel', ['--force', '--remove', name], { stdio: 'pipe' });
}

/** Ends what runs as a user that was made for this test: its number is nobody else's. */
async function endProcesses(uid: number): Promise<void> {
  for (;;) {
    const running = processesOf(uid);
    if (running.length === 0) return;
    for (const pid of running) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself since it was listed.
      }
    }
    await delay(pollMillis);
  }
}

function processesOf(uid: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const isZombie = /^State:\s+Z/m.test(status);
        return !isZombie && Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === uid;
      } catch {
        return false;
      }
    });
}
