// JSON-RPC with the helper over its standard input and output, through the language-client library: framing,
// the life cycle, time-outs at the end. The library is large and loaded with this file, on the first start only.
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  ResponseError,
  type DynamicFeature,
  type LanguageClientOptions,
  type StaticFeature,
} from './language-client';
import {
  ErrorCode,
  Method,
  protocolVersion,
  type DoctorReport,
  type HeldRights,
  type InitializationOptions,
  type InitializeResult,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartParams,
  type MonitorStartResult,
  type MonitorUpdateParams,
  type ProcessInfo,
  type ProcessListResult,
} from '../shared/protocol';
import { HelperRequestError, type HelperConnection } from './helper-connection';
import { describeExit, endProcess, HelperStartError, type HelperProcess } from './helper-process';

/** How long the helper has to answer the request to shut down, in milliseconds. */
const shutdownMillis = 2_000;

/**
 * Shakes hands with a helper that has been spawned.
 * Throws a `HelperStartError` for one that speaks another version of the protocol, and any other error for one
 * that ended or does not speak it at all.
 */
export async function connectHelper(
  helper: HelperProcess,
  log: vscode.LogOutputChannel,
): Promise<HelperConnection> {
  const connection = new LanguageClientConnection(helper, log);
  await connection.shakeHands();
  return connection;
}

/**
 * The library shows a message of its own for whatever goes wrong, and logs it with stack traces. Here the end of
 * a process that was refused its rights is an ordinary answer, and the user is told once, by the caller.
 */
class QuietLanguageClient extends LanguageClient {
  /** The bundle leaves the features for documents out: what stands in their place does nothing. */
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    if ('fillClientCapabilities' in feature) super.registerFeature(feature);
  }

  override error(message: string, data?: unknown): void {
    const reason = data instanceof Error ? `: ${data.message}` : '';
    this.outputChannel.debug(`${message}${reason}`);
  }
}

class LanguageClientConnection implements HelperConnection {
  readonly #process: HelperProcess;
  readonly #client: QuietLanguageClient;
  readonly #samples = new vscode.EventEmitter<MonitorSample>();
  readonly #events = new vscode.EventEmitter<MonitorEvent>();
  readonly #disconnected = new vscode.EventEmitter<void>();
  #helper: InitializeResult | undefined;
  #stopping = false;

  readonly onSample = this.#samples.event;
  readonly onEvent = this.#events.event;
  readonly onDidDisconnect = this.#disconnected.event;

  constructor(helper: HelperProcess, log: vscode.LogOutputChannel) {
    this.#process = helper;
    const initializationOptions: InitializationOptions = { protocolVersion };
    const options: LanguageClientOptions = {
      documentSelector: [],
      outputChannel: log,
      initializationOptions,
      // The caller says what went wrong; the library's own message would be a second one.
      initializationFailedHandler: () => false,
      errorHandler: {
        // What cannot be written or read is followed by the end of the connection, which counts.
        error: (error) => ({ action: ErrorAction.Continue, message: error.message, handled: true }),
        // Starting again would ask for the password again.
        closed: () => {
          this.#closed();
          return { action: CloseAction.DoNotRestart, message: 'The helper has gone.', handled: true };
        },
      },
    };
    const streams = { reader: helper.child.stdout, writer: helper.child.stdin, detached: true };
    this.#client = new QuietLanguageClient(
      'procnetmon',
      'ProcNetMon',
      () => Promise.resolve(streams),
      options,
    );
    this.#client.onNotification(Method.MonitorSample, (sample: unknown) => {
      if (isMonitorSample(sample)) this.#samples.fire(sample);
    });
    this.#client.onNotification(Method.MonitorEvent, (event: unknown) => {
      if (isMonitorEvent(event)) this.#events.fire(event);
    });
  }

  get helper(): InitializeResult {
    if (this.#helper === undefined) {
      throw new Error('The helper has not answered yet.');
    }
    return this.#helper;
  }

  async shakeHands(): Promise<void> {
    const ended = this.#process.exited.then((exit) => {
      throw new Error(describeExit(exit));
    });
    try {
      await Promise.race([this.#client.start(), ended]);
    } catch (error) {
      this.#stopping = true;
      if (error instanceof ResponseError && error.code === ErrorCode.ProtocolMismatch) {
        throw new HelperStartError('mismatch', error.message, { cause: error });
      }
      throw error;
    }
    const answer: unknown = this.#client.initializeResult?.['procnetmon'];
    if (!isInitializeResult(answer) || answer.protocolVersion !== protocolVersion) {
      await this.stop();
      const theirs = isInitializeResult(answer) ? String(answer.protocolVersion) : 'none';
      throw new HelperStartError(
        'mismatch',
        `The helper speaks protocol version ${theirs}, the extension ${String(protocolVersion)}.`,
      );
    }
    this.#helper = answer;
  }

  startMonitor(params: MonitorStartParams): Promise<MonitorStartResult> {
    return this.#request<MonitorStartResult>(Method.MonitorStart, params);
  }

  async updateMonitor(params: MonitorUpdateParams): Promise<void> {
    await this.#request<unknown>(Method.MonitorUpdate, params);
  }

  async stopMonitor(monitor: string): Promise<void> {
    await this.#request<unknown>(Method.MonitorStop, { monitor });
  }

  async listProcesses(): Promise<ProcessInfo[]> {
    const { processes } = await this.#request<ProcessListResult>(Method.ProcessList, {});
    return processes;
  }

  doctor(): Promise<DoctorReport> {
    return this.#request<DoctorReport>(Method.Doctor, {});
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    try {
      await this.#client.stop(shutdownMillis);
    } catch {
      // It did not answer; the end of its input makes it leave.
    }
    await endProcess(this.#process);
  }

  dispose(): void {
    this.#samples.dispose();
    this.#events.dispose();
    this.#disconnected.dispose();
  }

  #closed(): void {
    if (!this.#stopping && this.#helper !== undefined) {
      this.#stopping = true;
      this.#disconnected.fire();
    }
  }

  async #request<T>(method: string, params: object): Promise<T> {
    try {
      return await this.#client.sendRequest<T>(method, params);
    } catch (error) {
      if (error instanceof ResponseError) {
        throw new HelperRequestError(error.code, error.message, remedyOf(error.data));
      }
      throw new HelperRequestError(ErrorCode.InternalError, String(error), undefined);
    }
  }
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

function remedyOf(data: unknown): string | undefined {
  const remedy = isObject(data) ? data['remedy'] : undefined;
  return typeof remedy === 'string' ? remedy : undefined;
}

function isInitializeResult(value: unknown): value is InitializeResult {
  return (
    isObject(value) &&
    typeof value['protocolVersion'] === 'number' &&
    typeof value['pid'] === 'number' &&
    isHeldRights(value['rights'])
  );
}

function isHeldRights(value: unknown): value is HeldRights {
  return isObject(value) && typeof value['user'] === 'string' && Array.isArray(value['capabilities']);
}

function isMonitorSample(value: unknown): value is MonitorSample {
  return (
    isObject(value) &&
    typeof value['monitor'] === 'string' &&
    isObject(value['total']) &&
    Array.isArray(value['processes']) &&
    Array.isArray(value['flows']) &&
    Array.isArray(value['removedFlows'])
  );
}

function isMonitorEvent(value: unknown): value is MonitorEvent {
  return isObject(value) && typeof value['monitor'] === 'string' && typeof value['kind'] === 'string';
}
