// Drives `addon-loop.mjs`: the addon in a process of its own.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { KernelEvent, PayloadSample } from '../../../helper/src/kernel';

/** The addon under test. */
export const addonPath =
  process.env['PROCNETMON_ADDON'] ??
  fileURLToPath(new URL('../../../helper/addon/build/Release/procnetmon.node', import.meta.url));

const script = fileURLToPath(new URL('addon-loop.mjs', import.meta.url));

interface Answer {
  result?: unknown;
  error?: { message: string; code?: string; operation?: string };
  events?: KernelEvent[];
  samples?: SampledText[];
}

/** A piece of payload, its bytes as Latin-1. */
export type SampledText = Omit<PayloadSample, 'bytes'> & { bytes: string };

export class AddonProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ended: Promise<unknown>;
  /** Every event so far. */
  readonly events: KernelEvent[] = [];
  /** Every piece of payload that was handed out by itself so far. */
  readonly samples: SampledText[] = [];

  /** Started in a network namespace, or in that of the test; with a library that is loaded before all others. */
  constructor({ namespace, preloaded }: { namespace?: string; preloaded?: string } = {}) {
    const command = [process.execPath, script, addonPath];
    // Not `ip netns exec`: that hides /sys/fs/cgroup behind a /sys of its own.
    if (namespace !== undefined) command.unshift('nsenter', `--net=/run/netns/${namespace}`);
    this.#child = spawn(command[0] ?? '', command.slice(1), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...(preloaded !== undefined && { LD_PRELOAD: preloaded }) },
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdin.on('error', () => undefined); // it may have ended
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#take(JSON.parse(line) as Answer);
    });
    void this.#ended.then(() => {
      for (const answer of this.#waiting.splice(0)) answer({ error: { message: 'The process has ended' } });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #take(answer: Answer): void {
    if (answer.events) this.events.push(...answer.events);
    else if (answer.samples) this.samples.push(...answer.samples);
    else this.#waiting.shift()?.(answer);
  }

  /** Calls a function of the addon, a method of the kernel it opened, or one of the script's own. */
  async call<Result = unknown>(method: string, ...args: unknown[]): Promise<Result> {
    const answer = new Promise<Answer>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin.write(`${JSON.stringify({ method, args })}\n`);
    const { result, error } = await answer;
    if (error) throw Object.assign(new Error(error.message), error);
    return result as Result;
  }

  /** Ends the process in the orderly way and waits for it. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  /** Ends it by force and waits for it. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<void> {
    await this.#ended;
  }
}
