// Names of users, looked up once.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { sanitise } from '../../src/shared/sanitise';

/** A line of the user database. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
  /** The login shell; empty where none is set. */
  shell: string;
}

const maximumCached = 4_096;
const lookupTimeoutMillis = 1_000;
/** For all look-ups of the start together: the owners of processes may be thousands, as in containers without root. */
const rememberingBudgetMillis = 2_000;
const cache = new Map<number, User | undefined>();

/** Name of a user, sanitised; the number where it has none. */
export function userName(uid: number): string {
  const user = findUser(uid);
  return user === undefined ? String(uid) : sanitise(user.name, 64);
}

/** The user with an id, from `/etc/passwd` or whatever else the system keeps its users in. */
export function findUser(uid: number): User | undefined {
  if (!cache.has(uid)) {
    if (cache.size >= maximumCached) cache.clear();
    cache.set(uid, lookUp(uid));
  }
  return cache.get(uid);
}

/** Finds a user in text of the form of `/etc/passwd`. */
export function parseUsers(text: string, uid: number): User | undefined {
  for (const line of text.split('\n')) {
    const [name, , id, group, , home = '/', shell = ''] = line.split(':');
    if (name && id === String(uid) && group !== undefined && /^\d+$/.test(group)) {
      return { name, uid, gid: Number(group), home, shell };
    }
  }
  return undefined;
}

/**
 * Looks up the names of those who own a process now, so that they are known when programs cannot be run any more; as many
 * as time allows. The others are shown by their numbers.
 * @param nowMillis a clock that is never set
 */
export function rememberUsers(
  owners: Iterable<number> = ownersOfProcesses(),
  find: (uid: number) => unknown = findUser,
  nowMillis = () => performance.now(),
): void {
  const untilMillis = nowMillis() + rememberingBudgetMillis;
  for (const uid of owners) {
    if (nowMillis() >= untilMillis) return;
    find(uid);
  }
}

function ownersOfProcesses(): Set<number> {
  const owners = readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid);
  return new Set(owners.filter((uid) => uid !== undefined));
}

/** Name of a group, raw; undefined where it has none. */
export function findGroupName(gid: number): string | undefined {
  return findGroup(String(gid), ([, , id]) => id === String(gid))?.[0];
}

/** Number of a group; undefined when there is none of that name. */
export function findGroupNumber(name: string): number | undefined {
  const id = findGroup(name, ([found]) => found === name)?.[2];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}

function findGroup(key: string, isIt: (fields: string[]) => boolean): string[] | undefined {
  const search = (text: string): string[] | undefined =>
    text
      .split('\n')
      .map((line) => line.split(':'))
      .find(isIt);
  try {
    return search(readFileSync('/etc/group', 'utf8')) ?? search(getent('group', key));
  } catch {
    return undefined;
  }
}

/** Directory services (LDAP, systemd-homed) are reached through the C library only, so through a program. */
function getent(database: 'passwd' | 'group', key: string): string {
  return execFileSync('/usr/bin/getent', ['--', database, key], {
    encoding: 'utf8',
    timeout: lookupTimeoutMillis,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {},
  });
}

function lookUp(uid: number): User | undefined {
  try {
    const user = parseUsers(readFileSync('/etc/passwd', 'utf8'), uid);
    if (user !== undefined) return user;
  } catch {
    // Without the file there is still the name service.
  }
  try {
    return parseUsers(getent('passwd', String(uid)), uid);
  } catch {
    return undefined;
  }
}
