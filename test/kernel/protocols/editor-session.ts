// The editor's half of a helper that watches this process and everything that it starts.
import { expect } from 'vitest';
import { networkUsageReport } from '../../../src/extension/network-usage-report';
import { toCsv, toHar, toJson } from '../../../src/extension/saved/export-texts';
import { loadSession, saveSession } from '../../../src/extension/saved/saved-session';
import { MonitoredSession } from '../../../src/extension/watched-session';
import {
  Method,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartResult,
} from '../../../src/shared/protocol';
import { helperPath } from '../support/helper';
import { type Notification, RpcClient } from '../support/rpc-client';
import { conversations } from './conversations';

/** What an editor makes of the figures of its helper. */
export class EditorSession {
  readonly figures = new MonitoredSession({
    ...{ id: 'real-peers', label: 'real peers', origin: 'debug', debugType: 'node', startedAt: Date.now() },
  });
  /** When the last sample was read. */
  #readMillis = 0;
  #wake: () => void = () => undefined;
  readonly #listening: Promise<void>;

  private constructor(private readonly client: RpcClient) {
    this.#listening = this.#listen();
  }

  static async open(namespace: string): Promise<EditorSession> {
    const client = new RpcClient({}, [], ['nsenter', `--net=/run/netns/${namespace}`, helperPath]);
    await client.initialize();
    const { result, error } = await client.request(Method.MonitorStart, { pid: process.pid });
    expect((result as MonitorStartResult | undefined)?.monitor, error?.message).toBeDefined();
    return new EditorSession(client);
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const { method, params } = await this.client.next(
          (message): message is Notification => 'method' in message,
        );
        if (method === Method.MonitorEvent) this.figures.applyEvent(params as MonitorEvent);
        if (method !== Method.MonitorSample) continue;
        this.figures.applySample(params as MonitorSample);
        this.#readMillis = Date.parse((params as MonitorSample).time);
        this.#wake();
      }
    } catch {
      // It has left.
    }
  }

  /** Takes in everything until now. */
  async upToDate(): Promise<void> {
    for (const now = Date.now(); this.#readMillis < now;)
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Everything that an editor writes of a session or says of it, by the form. */
  texts(): Record<string, string> {
    const { figures } = this;
    const saved = saveSession(figures);
    const again = loadSession(saved, 'again');
    return {
      'saved session': saved,
      CSV: toCsv(figures, figures.flows.values()),
      JSON: toJson(figures, figures.flows.values()),
      HAR: toHar(figures, '0'),
      // It tells of the largest connections; a question for each protocol finds the others.
      'answers to a language model': [undefined, ...conversations.map(({ label }) => label)]
        .map((question) => networkUsageReport([figures, again], question))
        .join('\n'),
      'what the helper says for the log': this.client.stderr,
    };
  }

  async close(): Promise<void> {
    await this.client.leave();
    await this.#listening;
  }
}
