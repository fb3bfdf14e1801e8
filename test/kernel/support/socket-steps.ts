// Drives `socket-steps.c`: a program whose sockets do what a test says, one step at a time.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Host } from './namespaces';
import { inside } from './scenario';

/** How a step went. */
export interface Outcome {
  /** Descriptor of the socket; -1 where there is none. */
  socket: number;
  /** Local port of the socket. */
  port: number;
  /** What the step counts: bytes received, connections made. */
  value: number;
  /** Name of the error, such as `ECONNREFUSED`; empty when it went well. */
  error: string;
  /** When `connect()` or `close()` was called last, in microseconds of CLOCK_MONOTONIC. */
  calledAt: number;
  /** When that came back. */
  returnedAt: number;
}

export class SocketProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ended: Promise<unknown>;
  readonly #waiting: { resolve: (outcome: Outcome) => void; reject: (error: Error) => void }[] = [];

  /**
   * @param host where it runs; undefined for the network namespace of the test
   * @param program the compiled `socket-steps.c`
   */
  constructor(host: Host | undefined, program: string) {
    const [file, ...args] = host === undefined ? ([program] as const) : inside(host, program);
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => undefined); // it may have been killed
    this.#ended = once(this.#child, 'close').then(() => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('The program has ended'));
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line) as Outcome);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Has it do a step, whatever comes of it. */
  attempt(...words: (string | number)[]): Promise<Outcome> {
    const outcome = new Promise<Outcome>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#child.stdin.write(`${words.join(' ')}\n`);
    return outcome;
  }

  /** Has it do a step that must go well. */
  async do(...words: (string | number)[]): Promise<Outcome> {
    const outcome = await this.attempt(...words);
    if (outcome.error !== '') throw new Error(`${words.join(' ')}: ${outcome.error}`);
    return outcome;
  }

  /** Ends it; its sockets are closed. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}

/** Two ends of a connection. */
export interface Connection {
  near: number;
  far: number;
  /** Local port of the near end. */
  port: number;
  /** Local port of the far end. */
  peerPort: number;
  /** How `connect()` went. */
  made: Outcome;
}

/** Has one process connect to another. */
export async function connected(
  near: SocketProcess,
  far: SocketProcess,
  address: string,
): Promise<Connection> {
  const listener = await far.do('listen', address);
  const made = await near.do('connect', address, listener.port);
  const accepted = await far.do('accept', listener.socket);
  await far.do('close', listener.socket);
  return { near: made.socket, far: accepted.socket, port: made.port, peerPort: listener.port, made };
}
