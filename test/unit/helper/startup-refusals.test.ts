// Starts that would succeed and then count nothing, or that have no room: refused in words, with a remedy.
import { describe, expect, it } from 'vitest';
import { ExitStatus, StartupError } from '../../../helper/src/errors';
import type { KernelAddon } from '../../../helper/src/kernel';
import { checkProcessNamespace, openKernel } from '../../../helper/src/startup';
import { kernelError } from './fake-kernel';

const machine = { link: () => 'pid:[4026531836]' };
const container = { link: () => 'pid:[4026532177]' };

function addonThat(open: KernelAddon['open']): KernelAddon {
  return {
    open,
    dropPrivileges: () => {},
    withoutCapabilities: (action) => action(),
    confine: () => {},
    setFileCapabilities: () => {},
    exitNow: () => {
      throw new Error('not in a test');
    },
    capabilities: () => ({
      effective: ['cap_bpf', 'cap_perfmon', 'cap_net_admin'],
      permitted: [],
      noNewPrivileges: false,
    }),
    groupsOf: () => [],
    monotonicNanos: () => 0,
    sweep: () => 0,
    trimMemory: () => {},
  };
}

function refusal(action: () => unknown): StartupError {
  try {
    action();
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the process namespace', () => {
  it('is taken when it is that of the machine, or cannot be told', () => {
    expect(() => checkProcessNamespace(machine)).not.toThrow();
    expect(() => checkProcessNamespace({ link: () => undefined })).not.toThrow();
  });

  it('is refused when it is another one, before the kernel is asked for anything', () => {
    const addon = addonThat(() => {
      throw new Error('opened');
    });
    const error = refusal(() => openKernel(addon, { cgroup: '/c' }, container));
    expect(error.status).toBe(ExitStatus.ProcessNamespace);
    expect(error.message).toContain('process namespace');
    expect(error.remedy).toContain('--pid=host');
  });
});

it('a helper too many is told what to close', () => {
  const addon = addonThat(() => {
    throw kernelError('EUSERS', 'fcntl(F_OFD_SETLK)');
  });
  const error = refusal(() => openKernel(addon, { cgroup: '/c' }, machine));
  expect(error.status).toBe(ExitStatus.TooManyHelpers);
  expect(error.message).toContain('Eight helpers');
  expect(error.remedy).toContain('Close an editor window');
});
