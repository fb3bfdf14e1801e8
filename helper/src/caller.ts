// Who called the helper, and becoming that user once everything that needs root is done.
import type { Caller } from './access';
import { asError, ExitStatus, StartupError } from './errors';
import type { KernelAddon } from './kernel';
import { findUser, type User, userName } from './users';

/** The user behind the process: the one who called sudo, or the one it runs as. */
export interface CallerIdentity extends Caller {
  /** Raw: not for showing. */
  userName: string;
  /** Supplementary groups. */
  groups: number[];
}

/** The highest id; the one above stands for "none" in system calls. */
const maximumId = 0xffff_fffe;

/** What the process knows of itself. */
export interface ProcessIdentity {
  uid: number;
  gid: number;
  groups: number[];
}

function processIdentity(): ProcessIdentity {
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
  };
}

/**
 * Finds out who the caller is: for root, the user named by SUDO_UID and SUDO_GID, where sudo set them.
 * @throws StartupError when they are not numbers of an existing user
 */
export function identifyCaller(
  addon: Pick<KernelAddon, 'groupsOf'>,
  environment: NodeJS.ProcessEnv = process.env,
  own: ProcessIdentity = processIdentity(),
  find: (uid: number) => User | undefined = findUser,
): CallerIdentity {
  const { SUDO_UID: sudoUid, SUDO_GID: sudoGid } = environment;
  if (own.uid !== 0 || sudoUid === undefined || sudoUid === '0') {
    const name = find(own.uid)?.name ?? String(own.uid);
    return { uid: own.uid, gid: own.gid, groups: own.groups, userName: name };
  }
  const uid = parseId('SUDO_UID', sudoUid);
  const user = find(uid);
  if (user === undefined) {
    throw new StartupError(
      ExitStatus.Failure,
      `SUDO_UID names user ${String(uid)}, whom this system does not have.`,
      'Start the helper through sudo, which sets SUDO_UID, or as root with SUDO_UID unset.',
    );
  }
  const gid = sudoGid === undefined ? user.gid : parseId('SUDO_GID', sudoGid);
  return { uid, gid, userName: user.name, groups: addon.groupsOf(user.name, gid) };
}

/**
 * Irreversibly becomes the caller, with no more rights than counting needs: children that need more are to be
 * spawned before.
 * @param keepPtrace keeps the right to look at the sockets of every process
 */
export function dropToCaller(
  addon: Pick<KernelAddon, 'dropPrivileges' | 'trimMemory'>,
  caller: CallerIdentity,
  keepPtrace: boolean,
): void {
  const { uid, gid, groups } = caller;
  try {
    addon.dropPrivileges({ uid, gid, groups, keepPtrace });
  } catch (error) {
    throw new StartupError(
      ExitStatus.NoRights,
      `The rights of root could not be given up to become ${userName(uid)}: ${asError(error).message}.`,
      'Start the helper as root or through sudo, outside of a container that forbids it to change its user.',
      { cause: error },
    );
  }
  addon.trimMemory();
}

function parseId(name: string, text: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (id <= maximumId) return id;
  throw new StartupError(
    ExitStatus.Failure,
    `${name} is not a number of a user or group.`,
    'Start the helper through sudo, which sets it, or as root with SUDO_UID unset.',
  );
}
