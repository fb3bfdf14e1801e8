// The process beside the helper that asks the DNS.
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'vitest';

/** What the kernel says (`/proc/PID/status`) of the process in which a helper has names looked up. */
export async function statusOfNameProcess(helper: ChildProcess): Promise<string> {
  const pid = String(helper.pid);
  const children = (): string[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const executable = readlinkSync(`/proc/${pid}/exe`);
  await expect
    .poll(() => children().map((child) => readlinkSync(`/proc/${child}/exe`)))
    .toEqual([executable]);
  return readFileSync(`/proc/${children()[0] ?? ''}/status`, 'utf8');
}
