// One conversation with the built helper, as the extension has it.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import {
  type InitializeResult,
  Method,
  type MonitorSample,
  type MonitorStartParams,
  type MonitorStartResult,
  protocolVersion,
} from '../../src/shared/protocol';
import { helperPath } from '../kernel/support/helper';

export class HelperSession {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #connection: MessageConnection;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Set<(sample: MonitorSample) => void>();
  /** The latest of each monitor. */
  readonly samples = new Map<string, MonitorSample>();
  sampleCount = 0;

  private constructor(namespace?: string) {
    const command = [helperPath, 'serve'];
    // It replaces itself by the helper, whose process id is then that of the child.
    if (namespace !== undefined) command.unshift('nsenter', `--net=/run/netns/${namespace}`);
    this.#child = spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    let warnings = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (warnings += text));
    this.#child.on('exit', (status) => {
      // Limitations of a machine are no news here, a failure is.
      if (status !== 0) process.stderr.write(warnings);
    });
    this.#ended = once(this.#child, 'close');
    this.#connection = createMessageConnection(
      new StreamMessageReader(this.#child.stdout),
      new StreamMessageWriter(this.#child.stdin),
    );
    this.#connection.onNotification(Method.MonitorSample, (sample: MonitorSample) => {
      this.samples.set(sample.monitor, sample);
      this.sampleCount += 1;
      for (const resolve of this.#waiting) resolve(sample);
      this.#waiting.clear();
    });
    this.#connection.listen();
  }

  /** Started in a network namespace, or in that of the caller. */
  static async start(namespace?: string): Promise<HelperSession> {
    const session = new HelperSession(namespace);
    const answer: { procnetmon: InitializeResult } = await session.#connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      initializationOptions: { protocolVersion },
    });
    if (answer.procnetmon.pid !== session.pid) throw new Error('The helper has another process id.');
    await session.#connection.sendNotification('initialized', {});
    return session;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async monitor(params: MonitorStartParams): Promise<string> {
    const { monitor }: MonitorStartResult = await this.#connection.sendRequest(Method.MonitorStart, params);
    return monitor;
  }

  /** The next sample, of whatever monitor. */
  nextSample(): Promise<MonitorSample> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Ends the helper in the orderly way and waits until its programs are gone. */
  async end(): Promise<void> {
    await this.#connection.sendRequest('shutdown');
    await this.#connection.sendNotification('exit');
    await this.#ended;
    this.#connection.dispose();
  }
}
