// Messages in: what is not a message of this protocol is answered here and goes no further.
import type { Readable } from 'node:stream';
import {
  AbstractMessageReader,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageReader,
} from 'vscode-jsonrpc/node';
import { ErrorCode } from '../../../src/shared/protocol';
import { quoteValue } from '../../../src/shared/sanitise';
import { asError } from '../errors';
import { FrameDecoder } from './framing';
import type { RateLimit } from '../rate-limit';

const parseErrorCode = -32700;
const maximumNameLength = 128;

/** The id of a request as far as it could be made out. */
export type MessageId = number | string | null;

export interface ReaderOptions {
  input: Readable;
  maximumContentBytes: number;
  rateLimit: RateLimit;
  /** Answers what is refused here. */
  refuse: (id: MessageId, code: number, message: string, remedy: string) => void;
  /** A request is handed on, and will be answered. */
  onRequest: () => void;
  /** The conversation cannot go on. */
  onFault: (error: Error) => void;
  /** After each chunk: whether to read on at once. Otherwise `resume` is to be called. */
  readOn: () => boolean;
}

export class BoundedMessageReader extends AbstractMessageReader implements MessageReader {
  readonly #decoder: FrameDecoder;
  #callback: DataCallback | undefined;

  constructor(private readonly options: ReaderOptions) {
    super();
    this.#decoder = new FrameDecoder(options.maximumContentBytes);
  }

  listen(callback: DataCallback): Disposable {
    const { input } = this.options;
    this.#callback = callback;
    input.on('data', this.#read);
    input.on('end', this.#ended);
    input.on('close', this.#ended);
    input.on('error', this.#ended);
    return { dispose: () => this.dispose() };
  }

  resume(): void {
    if (this.#callback !== undefined) this.options.input.resume();
  }

  override dispose(): void {
    super.dispose();
    const { input } = this.options;
    this.#callback = undefined;
    input.off('data', this.#read);
    input.off('end', this.#ended);
    input.off('close', this.#ended);
    // The listener for errors stays: a pipe that breaks later must not end the process with a stack trace.
    input.pause();
  }

  readonly #ended = (): void => this.fireClose();

  readonly #read = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    try {
      for (const content of this.#decoder.decode(bytes)) {
        this.#take(content);
        if (this.#callback === undefined) return;
      }
    } catch (error) {
      this.options.onFault(asError(error));
      return;
    }
    if (!this.options.readOn()) this.options.input.pause();
  };

  #take(content: Buffer): void {
    const { refuse, rateLimit } = this.options;
    let message: unknown;
    try {
      message = JSON.parse(content.toString('utf8'));
    } catch {
      refuse(
        null,
        parseErrorCode,
        'The content of a frame is not JSON.',
        'Send one JSON-RPC 2.0 message a frame.',
      );
      return;
    }
    const problem = problemOf(message);
    if (problem !== undefined) {
      refuse(idOf(message), ErrorCode.InvalidRequest, problem, 'Send one JSON-RPC 2.0 message a frame.');
      return;
    }
    const { method } = message as { method?: string };
    // Answers to requests that were never made, and what concerns the transport only.
    if (method === undefined || method.startsWith('$/')) return;
    const isRequest = 'id' in (message as object);
    if (!rateLimit.take()) {
      const remedy = 'Send fewer; samples come by themselves once a monitor is started.';
      if (isRequest)
        refuse(idOf(message), ErrorCode.LimitReached, 'Too many requests in a short time.', remedy);
      return;
    }
    if (isRequest) this.options.onRequest();
    this.#callback?.(message as Message);
  }
}

/** What makes a value no message of JSON-RPC 2.0; undefined for messages. */
function problemOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return 'Several messages in one frame are not supported.';
  if (typeof value !== 'object' || value === null)
    return `A message must be an object, not ${quoteValue(value)}.`;
  const { jsonrpc, method, id } = value as Record<string, unknown>;
  if (jsonrpc !== '2.0') return `"jsonrpc" must be "2.0", not ${quoteValue(jsonrpc)}.`;
  if ('id' in value && !isId(id)) return `"id" must be a number or a short string, not ${quoteValue(id)}.`;
  if ('method' in value) {
    const valid = typeof method === 'string' && method.length <= maximumNameLength;
    return valid ? undefined : `"method" must be a short string, not ${quoteValue(method)}.`;
  }
  return 'id' in value && ('result' in value || 'error' in value) ? undefined : 'A message has no "method".';
}

function isId(id: unknown): id is number | string {
  return typeof id === 'number' || (typeof id === 'string' && id.length <= maximumNameLength);
}

function idOf(value: unknown): MessageId {
  const id: unknown = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return isId(id) ? id : null;
}
