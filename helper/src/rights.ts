// The rights that a helper which counts still holds: given up for good, then read back for everybody to see.
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { DoctorCheck, HeldRights } from '../../src/shared/protocol';
import { type CallerIdentity, dropToCaller } from './caller';
import { asError } from './errors';
import type { KernelAddon } from './kernel';
import { rememberUsers, userName } from './users';

export interface RightsOptions {
  addon: KernelAddon;
  caller: CallerIdentity;
  /** Runs as the caller, with no more rights than the caller has: looks at and opens what the caller named. */
  asCaller?: () => void;
  /** The command that was started and may still be signalled; none when absent. */
  child?: number;
  /** Takes a sentence when something could not be given up. */
  warn: (sentence: string) => void;
}

const turnOfLoop = promisify(setImmediate);

/**
 * Irreversibly becomes the caller, with no more rights than counting takes, and then lets go of every system call that
 * counting does not make.
 * @throws StartupError when root's rights stay
 */
export async function giveUpRights(options: RightsOptions): Promise<void> {
  const { addon, caller } = options;
  // Names of users from a directory service come from a program, which cannot be run afterwards.
  rememberUsers();
  // For the sockets of other users' processes. A container may not have it: then only those are missing.
  const keepPtrace =
    (caller.uid === 0 || caller.seesAllUsers === true) &&
    addon.capabilities().permitted.includes('cap_sys_ptrace');
  dropToCaller(addon, caller, keepPtrace);
  // CAP_NET_ADMIN opens /proc/sys/net for writing.
  if (options.asCaller !== undefined) addon.withoutCapabilities(options.asCaller);
  await turnOfLoop();
  try {
    addon.confine(options.child ?? 0);
    endQuietly(addon);
  } catch (error) {
    // A kernel without seccomp filters: what was given up until here does not depend on them.
    options.warn(`The system calls of the helper are not filtered: ${asError(error).message}.`);
  }
}

/** Lets every way in which JavaScript ends the process, a failure too, go past what Node would tidy up. */
function endQuietly(addon: Pick<KernelAddon, 'exitNow'>): void {
  process.on('exit', (status) => addon.exitNow(status));
}

/** What this process holds now, as the kernel says. */
export function readHeldRights(addon: Pick<KernelAddon, 'capabilities'>): HeldRights {
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    user: userName(process.getuid?.() ?? 0),
    capabilities: addon.capabilities().permitted,
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    systemCallFilter: /^Seccomp:\s*2$/m.test(status),
  };
}

/** Says what is held, for the doctor. */
export function heldRightsCheck(held: HeldRights): DoctorCheck {
  const check = { id: 'held-rights', title: 'Rights while it counts' };
  const detail = describeRights(held);
  const missing = [
    held.noNewPrivileges ? '' : 'no-new-privileges',
    held.systemCallFilter ? '' : 'the filter of system calls',
  ].filter((part) => part !== '');
  if (missing.length === 0) return { ...check, status: 'ok', detail };
  return {
    ...check,
    status: 'warning',
    detail,
    remedy: `Without ${missing.join(' and ')} the helper could do more than it needs to. Use a kernel with CONFIG_SECCOMP_FILTER.`,
  };
}

function describeRights(held: HeldRights): string {
  const parts = [
    `User ${held.user}`,
    held.capabilities.length === 0 ? 'no capabilities' : held.capabilities.join(', '),
    held.noNewPrivileges ? 'no way to gain others' : 'others can be gained',
    held.systemCallFilter ? 'system calls filtered' : 'system calls not filtered',
  ];
  return `${parts.join('; ')}.`;
}
