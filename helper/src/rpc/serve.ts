// `procnetmon serve`: one conversation in JSON-RPC over a pair of streams.
import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type Message,
  type MessageConnection,
  ResponseError,
} from 'vscode-jsonrpc/node';
import {
  type DoctorReport,
  ErrorCode,
  type ErrorData,
  type HeldRights,
  type InitializeResult,
  limits,
  maximumFrameBytes,
  Method,
  type MonitorEvent,
  protocolVersion,
} from '../../../src/shared/protocol';
import { quoteValue, sanitise } from '../../../src/shared/sanitise';
import type { Caller } from '../access';
import { asError, ExitStatus, RequestError } from '../errors';
import type { Kernel } from '../kernel';
import { MonitorEngine } from '../monitoring';
import { BoundedMessageReader } from './message-reader';
import { BoundedMessageWriter } from './message-writer';
import { RateLimit } from '../rate-limit';
import { initializeParams, noParams, parse, startParams, stopParams, updateParams } from './schema';

export interface ServeOptions {
  kernel: Kernel;
  caller: Caller;
  /** What this process holds, given to the client. */
  rights: HeldRights;
  input: Readable;
  output: Writable;
  /** Version of the helper, given to the client. */
  version: string;
  /** Answers the request `doctor`. */
  doctor: () => DoctorReport | Promise<DoctorReport>;
  /** Lines for people, for standard error. */
  log?: (line: string) => void;
}

const requestsPerSecond = 200;
const requestBurst = 400;
/** Of all monitors of a client together. */
const eventsPerSecond = limits.eventsPerSecond.maximum;
/** A client that leaves this much unread gets no samples; the next one it gets covers the time in between. */
const sampleBacklogBytes = 64 * 1024;
/** Beyond this, events are dropped and counted, and requests are not read. */
const backlogBytes = 4 * 1024 * 1024;
/** Keeps a sample well within a frame. */
const maximumFlowsPerSample = 2_000;
/** How long the last words may take to get through. */
const farewellMillis = 1_000;
const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Serves one client until it leaves. Resolves with the exit status of the process. */
export function serve(options: ServeOptions): Promise<number> {
  return new Promise((resolve) => new Conversation(options, resolve).begin());
}

type State = 'new' | 'initialized' | 'shut-down';

class Conversation {
  readonly #writer: BoundedMessageWriter;
  readonly #reader: BoundedMessageReader;
  readonly #connection: MessageConnection;
  readonly #engine: MonitorEngine;
  #state: State = 'new';
  /** Requests that were read and not answered yet. */
  #unanswered = 0;
  #inputHasEnded = false;
  #ended = false;
  readonly #eventRate = new RateLimit(eventsPerSecond, eventsPerSecond * limits.eventBurst);
  /** Events that a client did not get, because it is slow or they are too many, by monitor. */
  readonly #droppedEvents = new Map<string, MonitorEvent & { count: number }>();
  readonly #requests: Partial<Record<string, (params: unknown) => unknown>> = {
    initialize: (params) => this.#initialize(params),
    shutdown: (params) => this.#shutDown(params),
    [Method.MonitorStart]: (params) => this.#engine.start(parse(Method.MonitorStart, startParams, params)),
    [Method.MonitorUpdate]: (params) =>
      this.#engine.update(parse(Method.MonitorUpdate, updateParams, params)),
    [Method.MonitorStop]: (params) => this.#engine.stop(parse(Method.MonitorStop, stopParams, params)),
    [Method.ProcessList]: (params) => {
      parse(Method.ProcessList, noParams, params);
      return { processes: this.#engine.listProcesses() };
    },
    [Method.InterfaceList]: (params) => {
      parse(Method.InterfaceList, noParams, params);
      return { interfaces: this.#engine.listInterfaces() };
    },
    [Method.Doctor]: (params) => {
      parse(Method.Doctor, noParams, params);
      return this.options.doctor();
    },
  };

  constructor(
    private readonly options: ServeOptions,
    private readonly resolve: (status: number) => void,
  ) {
    this.#writer = new BoundedMessageWriter(options.output, maximumFrameBytes);
    this.#reader = new BoundedMessageReader({
      input: options.input,
      maximumContentBytes: maximumFrameBytes,
      rateLimit: new RateLimit(requestsPerSecond, requestBurst),
      refuse: (id, code, message, remedy) => {
        this.#post({ jsonrpc: '2.0', id, error: { code, message, data: { remedy } } });
      },
      onRequest: () => (this.#unanswered += 1),
      onFault: (error) => this.#fault(error),
      readOn: () => this.#readOn(),
    });
    this.#connection = createMessageConnection(this.#reader, this.#writer);
    this.#engine = new MonitorEngine({
      kernel: options.kernel,
      caller: options.caller,
      maximumFlowsPerSample,
      readyForSample: () => this.#writer.backlogBytes < sampleBacklogBytes,
      onSample: (sample) => {
        this.#tellDropped(sample.monitor);
        this.#notify(Method.MonitorSample, sample);
      },
      onEvent: (event) => this.#passOn(event),
      onError: (error) => this.#log(error),
    });
  }

  begin(): void {
    const connection = this.#connection;
    connection.onRequest((method, params) => this.#answer(method, params));
    connection.onNotification((method) => {
      if (method === 'exit') this.#end(this.#state === 'shut-down' ? ExitStatus.Success : ExitStatus.Failure);
    });
    connection.onClose(() => this.#inputEnded());
    connection.onError(([error]) => {
      // Nobody listens any more (EPIPE and its like): the client has left without a word.
      this.#log(error);
      this.#end(ExitStatus.Success);
    });
    for (const signal of endingSignals) process.on(signal, this.#signalled);
    connection.listen();
  }

  async #answer(method: string, params: unknown): Promise<unknown> {
    try {
      const handler = Object.hasOwn(this.#requests, method) ? this.#requests[method] : undefined;
      this.#checkState(method);
      if (handler === undefined) {
        throw new RequestError(
          ErrorCode.MethodNotFound,
          `There is no request ${quoteValue(method)}.`,
          'Use extension and helper of the same version.',
        );
      }
      return (await handler(params)) ?? null;
    } catch (error) {
      if (error instanceof RequestError) {
        return new ResponseError<ErrorData>(
          error.code,
          error.message,
          error.remedy === undefined ? {} : { remedy: error.remedy },
        );
      }
      this.#log(asError(error));
      return new ResponseError<ErrorData>(ErrorCode.InternalError, sanitise(asError(error).message), {
        remedy: 'Look into the log of the helper.',
      });
    } finally {
      this.#unanswered -= 1;
      // The answer is written once this has returned.
      setImmediate(() => this.#endWhenAnswered());
    }
  }

  #checkState(method: string): void {
    if (this.#state === 'new' && method !== 'initialize') {
      throw new RequestError(
        ErrorCode.ServerNotInitialized,
        `${quoteValue(method)} came before initialize.`,
        'Send initialize first.',
      );
    }
    if (this.#state === 'shut-down') {
      throw new RequestError(ErrorCode.InvalidRequest, 'The helper has been shut down.', 'Start it anew.');
    }
    if (this.#state === 'initialized' && method === 'initialize') {
      throw new RequestError(ErrorCode.InvalidRequest, 'initialize came twice.', 'Send it once.');
    }
  }

  #initialize(params: unknown): unknown {
    const { initializationOptions } = parse('initialize', initializeParams, params);
    const spoken = initializationOptions.protocolVersion;
    if (spoken !== protocolVersion) {
      throw new RequestError(
        ErrorCode.ProtocolMismatch,
        `The extension speaks version ${String(spoken)} of the protocol, the helper version ${String(protocolVersion)}.`,
        spoken < protocolVersion ? 'Update the extension.' : 'Rebuild or reinstall the helper.',
      );
    }
    this.#state = 'initialized';
    const procnetmon: InitializeResult = {
      protocolVersion,
      pid: process.pid,
      attachment: this.options.kernel.attachment,
      rights: this.options.rights,
    };
    return {
      capabilities: {},
      serverInfo: { name: 'procnetmon', version: this.options.version },
      procnetmon,
    };
  }

  #shutDown(params: unknown): void {
    parse('shutdown', noParams, params);
    this.#state = 'shut-down';
    this.#engine.close();
  }

  /** Hands an event to the client, unless it reads too slowly or there are too many. */
  #passOn(event: MonitorEvent): void {
    if (this.#writer.backlogBytes < backlogBytes && this.#eventRate.take()) {
      this.#tellDropped(event.monitor);
      this.#notify(Method.MonitorEvent, event);
      return;
    }
    const { monitor, time, pid } = event;
    // One that tells of dropped events stands for as many.
    const count = (this.#droppedEvents.get(monitor)?.count ?? 0) + (event.count ?? 1);
    this.#droppedEvents.set(monitor, { monitor, time, kind: 'dropped', pid, count });
  }

  #tellDropped(monitor: string): void {
    const dropped = this.#droppedEvents.get(monitor);
    if (dropped === undefined) return;
    this.#droppedEvents.delete(monitor);
    this.#notify(Method.MonitorEvent, dropped);
  }

  #notify(method: string, params: object): void {
    this.#post({ jsonrpc: '2.0', method, params });
  }

  #post(message: Message & Record<string, unknown>): void {
    if (!this.#ended && !this.#writer.post(message))
      this.#log(new Error('A message was too large to be sent.'));
  }

  /** A client that does not take its answers is asked nothing more. */
  #readOn(): boolean {
    if (this.#writer.backlogBytes < backlogBytes) return true;
    this.#writer.whenDrained(() => this.#reader.resume());
    return false;
  }

  #fault(error: Error): void {
    const remedy = 'Send JSON-RPC in frames with a Content-Length.';
    this.#post({
      jsonrpc: '2.0',
      id: null,
      error: { code: ErrorCode.InvalidRequest, message: error.message, data: { remedy } },
    });
    this.#log(error);
    this.#end(ExitStatus.Failure);
  }

  /** Whoever asks and then closes the pipe still gets the answers, as in a shell. */
  #inputEnded(): void {
    this.#inputHasEnded = true;
    this.#endWhenAnswered();
    setTimeout(() => this.#end(ExitStatus.Success), farewellMillis).unref();
  }

  #endWhenAnswered(): void {
    if (this.#inputHasEnded && this.#unanswered === 0) this.#end(ExitStatus.Success);
  }

  readonly #signalled = (): void => this.#end(ExitStatus.Success);

  #end(status: number): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const signal of endingSignals) process.off(signal, this.#signalled);
    this.#engine.close();
    this.#connection.dispose();
    this.#reader.dispose();
    // A client that reads no more must not keep the helper alive.
    const timer = setTimeout(() => this.resolve(status), farewellMillis);
    this.#writer.whenDrained(() => {
      clearTimeout(timer);
      this.resolve(status);
    });
  }

  #log(error: Error): void {
    const cause = error.cause === undefined ? '' : ` (${asError(error.cause).message})`;
    this.options.log?.(sanitise(`${error.message}${cause}`, 1_024));
  }
}
