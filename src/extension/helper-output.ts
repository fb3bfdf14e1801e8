// What the helper, or sudo before it, says on standard error: lines for the log, bounded however long they are, and
// the helper's own account of why it did not start. What sudo says is passed on and never understood.
import type { Readable } from 'node:stream';
import { sanitise } from '../shared/sanitise';

/** Longest line that is passed on whole, in characters. */
const maximumLineLength = 4_096;

/** Longest sentence that is taken over into a message, in characters. */
const maximumSentenceLength = 400;

/** How long the end of the output may lag behind the end of the process, in milliseconds. */
const lagMillis = 500;

/** Why the helper refused to start, in its own words. */
export interface HelperRefusal {
  message: string;
  remedy: string;
}

export class HelperOutput {
  readonly #log: (line: string) => void;
  readonly #ended: Promise<void>;
  #unfinished = '';
  #sentence: string | undefined;
  #refusal: HelperRefusal | undefined;

  constructor(stream: Readable, log: (line: string) => void) {
    this.#log = log;
    this.#ended = new Promise((resolve) => {
      stream.once('close', resolve);
    });
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#take(text));
    stream.once('end', () => this.#line(this.#unfinished));
    stream.on('error', () => undefined);
  }

  /** The helper's last refusal, once the output has ended; for a process that has ended itself. */
  async refusal(): Promise<HelperRefusal | undefined> {
    let timer: NodeJS.Timeout | undefined;
    // A process that sudo left behind may hold the stream open.
    const lag = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lagMillis);
    });
    await Promise.race([this.#ended, lag]);
    clearTimeout(timer);
    return this.#refusal;
  }

  #take(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) {
      this.#line(line);
    }
    if (this.#unfinished.length > maximumLineLength) {
      this.#line(this.#unfinished);
      this.#unfinished = '';
    }
  }

  /** The helper says `procnetmon: SENTENCE`, and for a refusal in the next line, two blanks in, what to do. */
  #line(line: string): void {
    if (line.trim() === '') {
      return;
    }
    this.#log(sanitise(line, maximumLineLength));
    const sentence = /^procnetmon: (.+)$/.exec(line)?.[1];
    const remedy = /^ {2}(\S.*)$/.exec(line)?.[1];
    if (remedy !== undefined && this.#sentence !== undefined) {
      this.#refusal = {
        message: sanitise(this.#sentence, maximumSentenceLength),
        remedy: sanitise(remedy, maximumSentenceLength),
      };
    }
    this.#sentence = sentence;
  }
}
