// Who may see the processes of other users: root's word, from a file that only root can have written.
import { describe, expect, it } from 'vitest';
import type { CallerIdentity } from '../../../helper/src/caller';
import { StartupError } from '../../../helper/src/errors';
import { allowAllUsers, letsSeeAllUsers, parsePolicy } from '../../../helper/src/policy';
import { checkOnlyRootWrites } from '../../../src/installation/trusted-files';

const alice: CallerIdentity = { uid: 1_000, gid: 1_000, groups: [4, 50], userName: 'alice' };
const groupName = (gid: number): string | undefined => ({ 4: 'adm', 50: 'netwatch', 1000: 'alice' })[gid];

function ask(text: string | undefined, asked = true): CallerIdentity {
  return allowAllUsers(alice, asked, { read: () => text, groupName });
}

function refusal(text: string | undefined): StartupError {
  try {
    ask(text);
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the policy', () => {
  it.each([
    [{ users: ['alice'] }, true],
    [{ groups: ['netwatch'] }, true],
    [{ groups: ['alice'] }, true],
    [{ users: ['netwatch'], groups: ['wheel'] }, false],
    [{ users: ['Alice', 'alic', '1000', ''.padEnd(5, 'x')] }, false],
    [{}, false],
  ])('%j lets alice see everybody: %s', (allUsers, allowed) => {
    expect(letsSeeAllUsers(parsePolicy(JSON.stringify({ allUsers })), alice, groupName)).toBe(allowed);
  });

  it.each([
    ['not JSON', '{'],
    ['of another form', '[]'],
    ['with a field that is misspelt', '{"allUsers":{"user":["alice"]}}'],
    ['with a name that is none', '{"allUsers":{"users":[5]}}'],
    ['with an empty name', '{"allUsers":{"users":[""]}}'],
  ])('%s allows nothing, and says so', (_what, text) => {
    expect(refusal(text).message).toMatch(/policy \/etc\/procnetmon\/policy\.json is not used/);
  });

  it('is asked only when somebody asks to see everybody', () => {
    expect(ask('{', false).seesAllUsers).toBeUndefined();
    expect(ask('{"allUsers":{"users":["alice"]}}').seesAllUsers).toBe(true);
  });

  it('refuses by name, with what root can do', () => {
    expect(refusal(undefined).message).toContain('there is no /etc/procnetmon/policy.json');
    const { message, remedy, status } = refusal('{"allUsers":{"users":["bob"]}}');
    expect(message).toContain('does not name alice');
    expect(remedy).toContain('--all-users');
    expect(status).toBe(3);
  });
});

describe('a file that only root can have written', () => {
  const policy = '/etc/procnetmon/policy.json';
  const plain = { uid: 0, mode: 0o40_755, isSymbolicLink: () => false };
  const links: Record<string, string> = {
    [policy]: '../../srv/./by/way/of',
    '/srv/by/way': '/opt/way/',
    '/opt/way/of': '/srv/policy.json',
  };
  const check = (changed: string, status: object): void =>
    checkOnlyRootWrites(policy, {
      lstat: (file) => ({
        ...plain,
        isSymbolicLink: () => file in links,
        ...(file === changed ? status : {}),
      }),
      readlink: (file) => links[file] ?? '',
    });

  it('is one in folders of root, whatever links of root lead there', () => {
    expect(() => check('', {})).not.toThrow();
  });

  it.each([
    [policy, { uid: 1_000 }, 'belongs to the user 1000'],
    ['/srv/policy.json', { mode: 0o100_664 }, 'may be written by others'],
    ['/etc/procnetmon', { mode: 0o40_777 }, 'may be written by others'],
    ['/etc', { uid: 5 }, 'belongs to the user 5'],
    ['/', { mode: 0o41_777 }, 'may be written by others'],
    ['/srv', { mode: 0o40_777 }, 'may be written by others'],
    // Where the links lead through only, and what is at neither end of them.
    ['/srv/by/way', { uid: 5 }, 'belongs to the user 5'],
    ['/opt/way', { mode: 0o40_775 }, 'may be written by others'],
    ['/opt/way/of', { uid: 5 }, 'belongs to the user 5'],
  ])('is none when of %s it is so that %j', (changed, status, said) => {
    expect(() => check(changed, status)).toThrow(said);
  });

  it('is none when its links lead round in a circle', () => {
    expect(() =>
      checkOnlyRootWrites('/loop', {
        lstat: (file) => ({ ...plain, isSymbolicLink: () => file === '/loop' }),
        readlink: () => 'loop',
      }),
    ).toThrow('too many symbolic links');
  });
});
