// `procnetmon watch --format json` while it runs: its lines as they come.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type EventLine,
  type OutputLine,
  outputLine,
  type SampleLine,
} from '../../../helper/src/cli/json-lines';
import { helperPath } from './helper';
import { type Command, type From, inside, readReport, type Report } from './scenario';

export type FlowLine = SampleLine['flows'][number];

export class Watching {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly lines: OutputLine[] = [];
  #stdout = '';
  #stderr = '';
  #over = false;
  #wake: () => void = () => undefined;

  private constructor(command: Command) {
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.push(outputLine.parse(JSON.parse(line)));
      this.#wake();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#closed = once(child, 'close').then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /** Watches a process, and returns as soon as it is counted. */
  static async start(from: From, pid: number, ...options: string[]): Promise<Watching> {
    const command: Command = [
      helperPath,
      ...['watch', '--format', 'json', '--interval', '200ms', ...options, String(pid)],
    ];
    const watching = new Watching(from === 'outside' ? command : inside(from, ...command));
    await watching.until(() => watching.lines.some(({ type }) => type === 'sample') || undefined);
    return watching;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get events(): EventLine[] {
    return this.lines.filter((line) => line.type === 'event');
  }

  get samples(): SampleLine[] {
    return this.lines.filter((line) => line.type === 'sample');
  }

  /** Waits until something is found among the lines; fails when the helper ends first. */
  async until<Found>(find: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`The helper has ended: ${this.#stderr}${this.#stdout.slice(-500)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  event(accept: (event: EventLine) => boolean): Promise<EventLine> {
    return this.until(() => this.events.find(accept));
  }

  /** The newest of what was said of each flow that a test accepts. */
  flows(accept: (flow: FlowLine) => boolean): FlowLine[] {
    const newest = new Map<number, FlowLine>();
    for (const { flows } of this.samples) for (const flow of flows) newest.set(flow.id, flow);
    return [...newest.values()].filter(accept);
  }

  /** Waits for a flow to be as a test wants it. */
  flow(accept: (flow: FlowLine) => boolean): Promise<FlowLine> {
    return this.until(() => this.flows(accept)[0]);
  }

  /** Ends it as its user would, and gives everything it said. */
  async stop(): Promise<Report> {
    this.#child.kill('SIGINT');
    await this.#closed;
    return readReport(this.#stdout, this.#stderr);
  }

  async dispose(): Promise<void> {
    if (!this.#over) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
