// A client of `procnetmon serve` that can also say what no proper client would.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { protocolVersion } from '../../../src/shared/protocol';
import { helperPath } from './helper';

export interface Answer {
  id: number | string | null;
  result?: unknown;
  error?: { code: number; message: string; data?: { remedy?: string } };
}

export interface Notification {
  method: string;
  params: unknown;
}

type Received = Answer | Notification;

export class RpcClient {
  readonly process: ChildProcessWithoutNullStreams;
  readonly exited: Promise<number | null>;
  stderr = '';
  #buffer = Buffer.alloc(0);
  #nextId = 1;
  readonly #received: Received[] = [];
  #wake: () => void = () => undefined;
  #over = false;

  /**
   * @param environment added to this process' own
   * @param options of `serve`
   * @param command the helper, and what stands before it
   */
  constructor(
    environment: NodeJS.ProcessEnv = {},
    options: readonly string[] = [],
    command: readonly string[] = [helperPath],
  ) {
    const [program = '', ...args] = [...command, 'serve', ...options];
    this.process = spawn(program, args, { env: { ...process.env, ...environment } });
    this.process.stdin.on('error', () => undefined); // the helper may leave while it is written to
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.process.stdout.on('data', (bytes: Buffer) => this.#take(bytes));
    this.exited = once(this.process, 'close').then(([status]) => {
      this.#over = true;
      this.#wake();
      return status as number | null;
    });
  }

  #take(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const match = /^Content-Length: (\d+)\r\n\r\n/.exec(this.#buffer.toString('latin1', 0, 64));
      if (!match) break;
      const start = match[0].length;
      const end = start + Number(match[1]);
      if (this.#buffer.length < end) break;
      this.#received.push(JSON.parse(this.#buffer.toString('utf8', start, end)) as Received);
      this.#buffer = this.#buffer.subarray(end);
    }
    this.#wake();
  }

  /** The next message that a test accepts; those before it are dropped. Fails when the helper ends first. */
  async next<T extends Received>(accept: (message: Received) => message is T): Promise<T> {
    for (;;) {
      for (let message = this.#received.shift(); message !== undefined; message = this.#received.shift()) {
        if (accept(message)) return message;
      }
      if (this.#over) throw new Error(`The helper has ended: ${this.stderr}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  notification(method: string): Promise<Notification> {
    return this.next((message): message is Notification => 'method' in message && message.method === method);
  }

  answer(id: number | string | null): Promise<Answer> {
    return this.next((message): message is Answer => 'id' in message && message.id === id);
  }

  /** Writes bytes as they are. */
  write(bytes: string | Buffer): void {
    this.process.stdin.write(bytes);
  }

  /** Puts a frame around some content. */
  frame(content: string): void {
    this.write(`Content-Length: ${String(Buffer.byteLength(content))}\r\n\r\n${content}`);
  }

  request(method: string, params?: unknown): Promise<Answer> {
    const id = this.#nextId++;
    this.frame(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return this.answer(id);
  }

  initialize(version = protocolVersion): Promise<Answer> {
    return this.request('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      initializationOptions: { protocolVersion: version },
    });
  }

  /** Ends it, however it is: by the end of its input, which it has to obey. */
  async leave(): Promise<number | null> {
    this.process.stdin.end();
    return this.exited;
  }
}
