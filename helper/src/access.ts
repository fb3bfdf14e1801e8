// Which processes a caller may see: those that the caller could trace.
import { readlinkSync } from 'node:fs';
import { ErrorCode, type ProcessInfo } from '../../src/shared/protocol';
import { quoteValue } from '../../src/shared/sanitise';
import { errorCode, RequestError } from './errors';
import type { Credentials } from './processes';
import {
  isProcessId,
  listProcessIds,
  maximumProcessId,
  readCredentials,
  readProcess,
  readStat,
} from './processes';
import { userName } from './users';

/** The user on whose behalf the helper works. What this user could trace decides what can be seen. */
export interface Caller {
  uid: number;
  gid: number;
  /** Root's policy lets this user see the processes of everybody, and the user asked for it. */
  seesAllUsers?: boolean;
}

/**
 * The kernel's own rule for tracing (`ptrace(2)`, ptrace access mode checking): root may trace all; others only
 * processes all of whose user and group ids are theirs. A set-user-id program, or one that the kernel has marked as
 * not dumpable for another reason, is out of bounds even for the user who started it.
 */
export function mayTrace(caller: Caller, credentials: Credentials): boolean {
  return (
    seesEverything(caller) ||
    (credentials.uids.every((uid) => uid === caller.uid) &&
      credentials.gids.every((gid) => gid === caller.gid) &&
      credentials.filesOwner === caller.uid)
  );
}

/** Whether a caller may see the processes of every user. */
export function seesEverything(caller: Caller): boolean {
  return caller.uid === 0 || caller.seesAllUsers === true;
}

/** The user whose sockets alone are told of; undefined when everybody's are. */
export function onlyUserOf(caller: Caller): number | undefined {
  return seesEverything(caller) ? undefined : caller.uid;
}

/**
 * A process the caller may watch, as it is now.
 * @throws RequestError when there is none, when it is not the one that started at `startTicks`, or when the caller
 *   may not trace it
 */
export function inspectProcess(caller: Caller, pid: number, startTicks?: number): ProcessInfo {
  if (!isProcessId(pid)) {
    throw new RequestError(
      ErrorCode.InvalidParams,
      `The process id ${quoteValue(pid)} is not valid.`,
      `Give a whole number from 1 to ${String(maximumProcessId)}.`,
    );
  }
  const stat = readStat(pid);
  if (stat === undefined) throw noSuchProcess(pid);
  if (startTicks !== undefined && stat.startTicks !== startTicks) {
    throw new RequestError(
      ErrorCode.NoSuchProcess,
      `Process ${String(pid)} is not the one that was meant: that one has ended, and its id belongs to "${stat.name}" by now.`,
      'Choose a process that is running.',
    );
  }
  const credentials = readCredentials(pid);
  if (credentials === undefined) throw noSuchProcess(pid);
  if (!mayTrace(caller, credentials) || !kernelAgrees(caller, pid))
    throw accessDenied(caller, pid, stat.name, credentials);
  const info = readProcess(pid, credentials);
  if (info?.startTicks !== stat.startTicks) throw noSuchProcess(pid);
  return info;
}

/** Everything the caller may watch, by pid. Threads of the kernel are left out. */
export function listVisibleProcesses(caller: Caller): ProcessInfo[] {
  const processes: ProcessInfo[] = [];
  for (const pid of listProcessIds()) {
    const credentials = readCredentials(pid);
    if (credentials === undefined || !mayTrace(caller, credentials)) continue;
    if (readStat(pid)?.kernelThread !== false || !kernelAgrees(caller, pid)) continue;
    const info = readProcess(pid, credentials);
    if (info !== undefined) processes.push(info);
  }
  return processes;
}

/**
 * Once the helper has become the caller, the kernel itself can be asked, and it knows more than the rule above:
 * capabilities of the process, security modules, Landlock. Reading the link needs the same permission as tracing.
 */
function kernelAgrees(caller: Caller, pid: number): boolean {
  if (seesEverything(caller) || process.geteuid?.() !== caller.uid) return true;
  try {
    readlinkSync(`/proc/${String(pid)}/exe`);
    return true;
  } catch (error) {
    return !['EACCES', 'EPERM'].includes(errorCode(error));
  }
}

function noSuchProcess(pid: number): RequestError {
  return new RequestError(
    ErrorCode.NoSuchProcess,
    `There is no process ${String(pid)}.`,
    'Choose a process that is running.',
  );
}

function accessDenied(caller: Caller, pid: number, name: string, credentials: Credentials): RequestError {
  const what = `Process ${String(pid)} ("${name}")`;
  const other = [...credentials.uids].find((uid) => uid !== caller.uid);
  return new RequestError(
    ErrorCode.AccessDenied,
    other === undefined
      ? `${what} has more rights than ${userName(caller.uid)} has, so ${userName(caller.uid)} may not watch it.`
      : `${what} belongs to ${userName(other)}, so ${userName(caller.uid)} may not watch it.`,
    'Watch a process of your own, run the helper as root from a root shell, or ask root for a policy (--all-users).',
  );
}
