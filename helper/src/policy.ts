// Root's word on who may see the processes of other users: `/etc/procnetmon/policy.json`.
import { z } from 'zod';
import { sanitise } from '../../src/shared/sanitise';
import type { CallerIdentity } from './caller';
import { asError, ExitStatus, StartupError } from './errors';
import { readTrustedFile } from '../../src/installation/trusted-files';
import { findGroupName } from './users';

const policyFile = '/etc/procnetmon/policy.json';

const maximumPolicyBytes = 64 * 1024;

const name = z.string().min(1).max(64);
const schema = z.strictObject({
  /** Who may watch the processes of every user. */
  allUsers: z.strictObject({
    users: z.array(name).max(1_000).default([]),
    groups: z.array(name).max(1_000).default([]),
  }),
});

export type Policy = z.infer<typeof schema>;

const example = '{ "allUsers": { "users": ["alice"], "groups": ["netwatch"] } }';

/**
 * Reads a policy.
 * @throws Error in words when it is not one
 */
export function parsePolicy(text: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('It is not JSON.');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(sanitise(`At "${issue?.path.join('.') ?? ''}": ${issue?.message ?? ''}.`, 256));
}

/** Whether a policy lets a user see the processes of everybody. */
export function letsSeeAllUsers(
  policy: Policy,
  caller: Pick<CallerIdentity, 'userName' | 'gid' | 'groups'>,
  groupName: (gid: number) => string | undefined,
): boolean {
  if (policy.allUsers.users.includes(caller.userName)) return true;
  return [caller.gid, ...caller.groups].some((gid) => {
    const found = groupName(gid);
    return found !== undefined && policy.allUsers.groups.includes(found);
  });
}

export interface AccessSources {
  read: () => string | undefined;
  groupName: (gid: number) => string | undefined;
}

const realAccess: AccessSources = {
  read: () => readTrustedFile(policyFile, maximumPolicyBytes),
  groupName: findGroupName,
};

/**
 * Makes the caller one who sees the processes of every user, where that was asked for and is allowed. Root always is.
 * @throws StartupError when it was asked for and is not allowed
 */
export function allowAllUsers(
  caller: CallerIdentity,
  asked: boolean,
  sources: AccessSources = realAccess,
): CallerIdentity {
  if (caller.uid === 0 || !asked) return caller;
  const who = sanitise(caller.userName, 64);
  let policy: Policy | undefined;
  try {
    const text = sources.read();
    policy = text === undefined ? undefined : parsePolicy(text);
  } catch (error) {
    throw new StartupError(
      ExitStatus.NoRights,
      `The policy ${policyFile} is not used: ${asError(error).message}`,
      `Let root mend it (owner root, mode 0644, in folders that only root may write to, ${example}), or leave --all-users out.`,
      { cause: error },
    );
  }
  if (policy !== undefined && letsSeeAllUsers(policy, caller, sources.groupName))
    return { ...caller, seesAllUsers: true };
  throw new StartupError(
    ExitStatus.NoRights,
    `${who} may not see the processes of other users: ${policy === undefined ? `there is no ${policyFile}` : `${policyFile} does not name ${who} or a group of ${who}`}.`,
    `Ask root for ${example} there, or leave --all-users out.`,
  );
}
