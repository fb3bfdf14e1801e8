// Messages out: each within the largest frame, and with an eye on how much the client has left unread.
import type { Writable } from 'node:stream';
import { AbstractMessageWriter, type Message, type MessageWriter } from 'vscode-jsonrpc/node';
import { ErrorCode } from '../../../src/shared/protocol';
import { encodeFrame } from './framing';

/** Fields that may be long, are shown to people only, and can be cut where a message is too large. */
const lengthyFields = new Set(['command', 'exe']);
/** Characters left of each, tried one after the other. */
const shortenedLengths = [256, 32, 0];

export class BoundedMessageWriter extends AbstractMessageWriter implements MessageWriter {
  constructor(
    private readonly output: Writable,
    private readonly maximumContentBytes: number,
  ) {
    super();
    output.on('error', this.#failed);
    output.on('close', this.#closed);
  }

  /** Bytes that were written and that the client has not taken yet. */
  get backlogBytes(): number {
    return this.output.writableLength;
  }

  /** Runs once the backlog is empty. */
  whenDrained(action: () => void): void {
    // The callback of a write comes after everything written before it.
    this.output.write('', action);
  }

  write(message: Message): Promise<void> {
    this.post(message);
    return Promise.resolve();
  }

  /** Writes a message; returns false when it is too large for that, however much is cut. */
  post(message: Message): boolean {
    const content = encodeWithin(message, this.maximumContentBytes);
    if (content === undefined) {
      const answer = refusal(message);
      if (answer !== undefined) this.output.write(encodeFrame(JSON.stringify(answer)));
      return false;
    }
    this.output.write(encodeFrame(content));
    return true;
  }

  end(): void {
    // The stream belongs to the process.
  }

  override dispose(): void {
    super.dispose();
    this.output.off('close', this.#closed);
  }

  readonly #failed = (error: Error): void => this.fireError(error);
  readonly #closed = (): void => this.fireClose();
}

/** Encodes a message, with lengthy texts cut as far as is needed for it to fit. */
export function encodeWithin(message: object, maximumBytes: number): string | undefined {
  let content = JSON.stringify(message);
  for (const length of shortenedLengths) {
    if (Buffer.byteLength(content) <= maximumBytes) return content;
    content = JSON.stringify(message, (key, value: unknown) =>
      lengthyFields.has(key) && typeof value === 'string' && value.length > length
        ? `${value.slice(0, length)}…`
        : value,
    );
  }
  return Buffer.byteLength(content) <= maximumBytes ? content : undefined;
}

/** What is said in place of an answer that is too large. */
function refusal(message: Message): object | undefined {
  if (!('id' in message)) return undefined;
  const error = {
    code: ErrorCode.LimitReached,
    message: 'The answer is larger than a frame may be.',
    data: { remedy: 'Ask for less, such as for one process by its id.' },
  };
  return { jsonrpc: '2.0', id: message.id, error };
}
