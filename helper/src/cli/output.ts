// Where the command line writes: a standard stream or a file, and what that place can show.
import { closeSync, openSync, writeSync } from 'node:fs';
import { isatty, type WriteStream } from 'node:tty';
import { quoteValue } from '../../../src/shared/sanitise';
import { ExitStatus, StartupError } from '../errors';

export interface OutputSize {
  /** Terminal columns; `Infinity` where the output is no terminal. */
  columns: number;
  /** Terminal rows; `Infinity` where the output is no terminal. */
  rows: number;
}

/** A place for text. Once it is broken (`| head` has left), writing does nothing. */
export interface Output {
  write(text: string): void;
  readonly broken: boolean;
  /** Called once, when the reader has gone or the disk is full. */
  onBroken(listener: (error: NodeJS.ErrnoException) => void): void;
  readonly isTerminal: boolean;
  size(): OutputSize;
  onResize(listener: () => void): void;
  /** Resolves when everything has been handed to the kernel. */
  close(): Promise<void>;
}

const unbounded: OutputSize = { columns: Infinity, rows: Infinity };

/** Standard output or standard error. */
export class StreamOutput implements Output {
  #broken = false;
  #listener: (error: NodeJS.ErrnoException) => void = () => undefined;
  readonly #stream: WriteStream & { fd: number };

  constructor(stream: WriteStream & { fd: number }) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#broken) return;
      this.#broken = true;
      this.#listener(error);
    });
  }

  get broken(): boolean {
    return this.#broken;
  }

  get isTerminal(): boolean {
    // Not `isTTY`: its type says that it is always set, yet on a pipe it is not.
    return isatty(this.#stream.fd);
  }

  write(text: string): void {
    if (!this.#broken) this.#stream.write(text);
  }

  onBroken(listener: (error: NodeJS.ErrnoException) => void): void {
    this.#listener = listener;
  }

  size(): OutputSize {
    if (!this.isTerminal) return unbounded;
    // A terminal that does not tell its size says 0.
    return { columns: this.#stream.columns || 80, rows: this.#stream.rows || 24 };
  }

  onResize(listener: () => void): void {
    this.#stream.on('resize', listener);
  }

  close(): Promise<void> {
    if (this.#broken) return Promise.resolve();
    return new Promise((resolve) => {
      this.#stream.write('', () => resolve());
    });
  }
}

/** The file of `--output`. Made or emptied when opened, with the rights the process has at that time. */
export class FileOutput implements Output {
  #broken = false;
  #listener: (error: NodeJS.ErrnoException) => void = () => undefined;
  readonly #descriptor: number;
  readonly isTerminal = false;

  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'w', 0o644);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StartupError(
        ExitStatus.Failure,
        `The output file ${quoteValue(path, 256)} cannot be written: ${code ?? String(error)}.`,
        'Give a path in a folder where you may create files.',
        { cause: error },
      );
    }
  }

  get broken(): boolean {
    return this.#broken;
  }

  write(text: string): void {
    if (this.#broken) return;
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#descriptor, bytes, done);
    } catch (error) {
      this.#broken = true;
      this.#listener(error as NodeJS.ErrnoException);
    }
  }

  onBroken(listener: (error: NodeJS.ErrnoException) => void): void {
    this.#listener = listener;
  }

  size(): OutputSize {
    return unbounded;
  }

  onResize(): void {
    // A file has no size to fit.
  }

  close(): Promise<void> {
    closeSync(this.#descriptor);
    return Promise.resolve();
  }
}

/**
 * Whether to colour. `--no-color` decides first, then FORCE_COLOR, then NO_COLOR (any value but an empty one),
 * then whether the output is a terminal that knows colours.
 */
export function wantsColours(
  output: Pick<Output, 'isTerminal'>,
  environment: NodeJS.ProcessEnv,
  allowed = true,
): boolean {
  if (!allowed) return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (environment['NO_COLOR']) return false;
  return output.isTerminal && environment['TERM'] !== 'dumb';
}
