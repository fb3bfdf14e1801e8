// Processes as `/proc` shows them: identity, credentials and start time. Every string is sanitised here.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ProcessInfo } from '../../src/shared/protocol';
import { sanitise } from '../../src/shared/sanitise';
import { readBeginning } from './small-file';
import { userName } from './users';

/** Largest process id any Linux kernel gives out (PID_MAX_LIMIT). */
export const maximumProcessId = 2 ** 22;

const nameLength = 64;
const pathLength = 4_096;
const commandLength = 4_096;
/** Bytes of a command line that are read, as it may have any length; in UTF-8 one character is at most four. */
const commandBytes = commandLength * 4;
/** Bytes of `stat` and `status` that are read: all of the one, and the other up to groups, which may be many. */
const factsBytes = 4_096;

/** What Node.js calls its main thread, by version. */
const mainThreadNames = new Set(['MainThread', 'node-MainThread']);

/** Flag of kernel threads in `/proc/PID/stat` (PF_KTHREAD). */
const kernelThreadFlag = 0x0020_0000;

/** What `/proc/PID/stat` says. */
export interface ProcessStat {
  pid: number;
  /** Sanitised. */
  name: string;
  state: string;
  ppid: number;
  startTicks: number;
  kernelThread: boolean;
}

/** Real, effective and saved ids of a process, and who owns its files in `/proc`. */
export interface Credentials {
  uids: [real: number, effective: number, saved: number];
  gids: [real: number, effective: number, saved: number];
  /** Root's, where the process may not be traced by its own user (not dumpable). */
  filesOwner: number;
}

/**
 * Reads a line of `/proc/PID/stat`. The name stands in parentheses and may itself hold parentheses, blanks and
 * newlines, so the fields are counted from the last parenthesis on.
 */
export function parseStat(line: string): ProcessStat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = line.slice(close + 2).split(' ');
  const pid = Number(line.slice(0, open));
  const state = fields[0];
  const ppid = Number(fields[1]);
  const flags = Number(fields[6]);
  const startTicks = Number(fields[19]);
  if (state === undefined || ![pid, ppid, flags, startTicks].every(Number.isSafeInteger)) return undefined;
  return {
    pid,
    name: sanitise(line.slice(open + 1, close), nameLength),
    state,
    ppid,
    startTicks,
    kernelThread: (flags & kernelThreadFlag) !== 0,
  };
}

/** The stat of a process that lives; undefined when there is none, or only its exit status is left (zombie). */
export function readStat(pid: number): ProcessStat | undefined {
  const text = readText(`/proc/${String(pid)}/stat`, factsBytes);
  const stat = text === undefined ? undefined : parseStat(text);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat;
}

/** When a process started, in clock ticks since boot; undefined when it lives no more. */
export function readStartTicks(pid: number): number | undefined {
  return readStat(pid)?.startTicks;
}

/** Whose process it is, or undefined when it is gone or hidden. */
export function readCredentials(pid: number): Credentials | undefined {
  const path = `/proc/${String(pid)}/status`;
  const text = readText(path, factsBytes);
  if (text === undefined) return undefined;
  const uids = parseIds(/^Uid:\t(\d+)\t(\d+)\t(\d+)/m.exec(text));
  const gids = parseIds(/^Gid:\t(\d+)\t(\d+)\t(\d+)/m.exec(text));
  const owner = statSync(path, { throwIfNoEntry: false });
  if (uids === undefined || gids === undefined || owner === undefined) return undefined;
  return { uids, gids, filesOwner: owner.uid };
}

/**
 * Everything that is told about a process, or undefined when it lives no more.
 * @param credentials as just read
 */
export function readProcess(pid: number, credentials: Credentials): ProcessInfo | undefined {
  const stat = readStat(pid);
  if (stat === undefined) return undefined;
  const uid = credentials.uids[0];
  const exe = readExecutable(pid);
  const info: ProcessInfo = {
    pid,
    ppid: stat.ppid,
    startTicks: stat.startTicks,
    name: displayName(stat.name, exe),
    exe,
    command: readCommand(pid),
    uid,
    user: userName(uid),
  };
  // All of it must be of one process: the id may have been given to another one in between.
  return readStartTicks(pid) === stat.startTicks ? info : undefined;
}

/** Ids of all processes, ascending. */
export function listProcessIds(): number[] {
  const ids: number[] = [];
  for (const name of readdirSync('/proc')) {
    const id = /^[1-9]\d*$/.test(name) ? Number(name) : NaN;
    if (isProcessId(id)) ids.push(id);
  }
  return ids.sort((a, b) => a - b);
}

export function isProcessId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= maximumProcessId;
}

/** Decodes a `comm` that the kernel half handed out as Latin-1. */
export function decodeName(latin1: string): string {
  return sanitise(Buffer.from(latin1, 'latin1').toString('utf8'), nameLength);
}

/**
 * Runtimes that name their threads rename the process with them. That it has a main thread says nothing, so the
 * executable gives the name then.
 */
export function displayName(name: string, exe: string): string {
  return mainThreadNames.has(name) ? basename(exe) || name : name;
}

function readExecutable(pid: number): string {
  try {
    return sanitise(readlinkSync(`/proc/${String(pid)}/exe`), pathLength);
  } catch {
    return '';
  }
}

function readCommand(pid: number): string {
  const text = readText(`/proc/${String(pid)}/cmdline`, commandBytes) ?? '';
  return sanitise(text.replace(/\0+$/, '').replaceAll('\0', ' '), commandLength);
}

function parseIds(match: RegExpExecArray | null): [number, number, number] | undefined {
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** A process may end between any two calls: what cannot be read is as good as gone. */
function readText(path: string, maximumBytes: number): string | undefined {
  return readBeginning(path, maximumBytes)?.toString('utf8');
}
