// A program that is spoken to in lines: JSON out, anything in.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = once(this.#child, 'close');
    this.#child.stdin.on('error', () => undefined); // it may have ended
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async nextLine<Line>(): Promise<Line> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('A program of the measurement ended early.');
    return JSON.parse(line.value) as Line;
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Ends its input; what it prints then can still be read. */
  endInput(): void {
    this.#child.stdin.end();
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  /** Ends it, in whatever state it is. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
