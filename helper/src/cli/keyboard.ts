// Single keys of a terminal, while a live display stands. The terminal is as it was afterwards, and while the process is
// stopped.
import type { ReadStream } from 'node:tty';

const interruptKey = '\u0003';
const suspendKey = '\u001a';

export class Keyboard {
  readonly #raw = (): void => void this.input.setRawMode(true);
  readonly #cooked = (): void => void this.input.setRawMode(false);
  readonly #read = (text: string): void => {
    for (const key of text) this.#take(key);
  };

  private constructor(
    private readonly input: ReadStream,
    private readonly onKey: (key: string) => void,
  ) {}

  /** The keyboard behind an input; undefined where that is no terminal. */
  static of(input: ReadStream, onKey: (key: string) => void): Keyboard | undefined {
    return input.isTTY ? new Keyboard(input, onKey) : undefined;
  }

  /** Hands keys on from here. Ctrl-C and Ctrl-Z do what they always do. */
  open(): void {
    this.#raw();
    this.input.setEncoding('utf8').on('data', this.#read);
    // Ahead of those that end or stop the process.
    process.prependListener('exit', this.#cooked);
    process.prependListener('SIGTSTP', this.#cooked);
    process.on('SIGCONT', this.#raw);
  }

  close(): void {
    this.#cooked();
    this.input.off('data', this.#read).pause();
    process.off('exit', this.#cooked);
    process.off('SIGTSTP', this.#cooked);
    process.off('SIGCONT', this.#raw);
  }

  #take(key: string): void {
    if (key === interruptKey) process.kill(process.pid, 'SIGINT');
    else if (key === suspendKey) process.kill(process.pid, 'SIGTSTP');
    else this.onKey(key.toLowerCase());
  }
}
