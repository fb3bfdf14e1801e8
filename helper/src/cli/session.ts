// One measurement of `watch` or `run`: its monitors, what is written while it goes on, and how it ends.
import { setTimeout as delay } from 'node:timers/promises';
import type { MonitorEvent, MonitorSample } from '../../../src/shared/protocol';
import type { Caller } from '../access';
import type { Kernel } from '../kernel';
import { MonitorEngine } from '../monitoring';
import { eventToLine, sampleToLine, type OutputLine } from './json-lines';
import { Tally } from './tally';
import type { MonitorOptions } from './options';
import type { Output } from './output';
import { LiveScreen } from './screen';
import { MonitorView } from './views';

/** How far apart two samples are that must agree before the counters are taken as final. */
const settlingMillis = 100;
/** When traffic still moves after this time, it is no longer the rest of what had ended. */
const longestSettlingMillis = 5_000;

/** How a table is shown while the measurement goes on. */
export type LiveTable =
  /** On a terminal in place, elsewhere one block an interval. */
  | 'live'
  /** Not at all; only the summary is written. */
  | 'none';

export interface SessionOptions {
  kernel: Kernel;
  caller: Caller;
  monitor: MonitorOptions;
  table: LiveTable;
  output: Output;
  colours: boolean;
  /** Takes sentences for people that are not part of the output. */
  warn: (sentence: string) => void;
}

/** Why a measurement ended. */
export type Ending = 'processes-ended' | 'limit-reached' | 'output-closed';

export class Session {
  readonly #options: SessionOptions;
  readonly #engine: MonitorEngine;
  /** Process that was asked for, by monitor. */
  readonly #watched = new Map<string, number>();
  /** Samples written so far, by monitor. */
  readonly #written = new Map<string, number>();
  readonly #tally = new Tally();
  readonly #view: MonitorView;
  readonly #screen: LiveScreen | undefined;
  readonly #startedAt = performance.now();
  readonly #warnings: string[] = [];
  #drawing: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking = false;
  #finished = false;
  #end: (ending: Ending) => void = () => undefined;
  /** Resolves when there is nothing more to measure; `finish` is then to be called. */
  readonly ended: Promise<Ending>;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#view = new MonitorView({ colours: options.colours });
    if (options.monitor.format === 'table' && options.table === 'live' && options.output.isTerminal) {
      this.#screen = new LiveScreen(options.output, () => this.#draw());
    }
    options.output.onBroken((error) => {
      if (error.code !== 'EPIPE') this.#warn(`The output cannot be written any more: ${error.message}.`);
      this.#end('output-closed');
    });
    this.#engine = new MonitorEngine({
      kernel: options.kernel,
      caller: options.caller,
      onSample: (sample) => this.#takeSample(sample),
      onEvent: (event) => this.#takeEvent(event),
      onError: (error) => this.#warn(error.message),
    });
  }

  /**
   * Starts to watch processes, all or none.
   * @throws RequestError when one of them cannot be watched, or an interface is not there
   */
  start(pids: readonly number[]): void {
    const { children, interfaces, intervalMillis, windowMillis, durationMillis } = this.#options.monitor;
    try {
      for (const pid of pids) {
        const started = this.#engine.start({ pid, children, interfaces, intervalMillis, windowMillis });
        this.#watched.set(started.monitor, pid);
      }
    } catch (error) {
      this.#engine.close();
      throw error;
    }
    if (durationMillis !== undefined) {
      this.#timer = setTimeout(() => this.#end('limit-reached'), durationMillis);
    }
    this.#screen?.open();
  }

  /** True while a process that is covered has not exited. */
  get anyAlive(): boolean {
    return this.#tally.anyAlive;
  }

  /** Looks at once whether the processes have exited, instead of at the next interval. */
  checkProcesses(): void {
    if (this.#checking || this.#finished) return;
    this.#checking = true;
    // Events come in batches; one look after a batch is enough.
    setImmediate(() => {
      this.#checking = false;
      if (!this.#finished) this.#sampleAll();
    });
  }

  /**
   * Ends the measurement: the last counters, once they have come to rest, and the summary.
   * @param settle false to take the counters as they are, because the processes go on
   */
  async finish(settle: boolean): Promise<void> {
    if (this.#finished) return;
    clearTimeout(this.#timer);
    this.#sampleAll();
    if (settle) await this.#settle();
    this.#finished = true;
    this.#engine.close();
    clearImmediate(this.#drawing);
    this.#screen?.close();
    this.#writeSummary();
    await this.#options.output.close();
    for (const warning of this.#warnings.splice(0)) this.#options.warn(warning);
  }

  /** What was sent just before the exit is still on its way, or waits for its acknowledgement. */
  async #settle(): Promise<void> {
    const deadline = performance.now() + longestSettlingMillis;
    let before = this.#fingerprint();
    while (performance.now() < deadline) {
      await delay(settlingMillis);
      this.#sampleAll();
      const now = this.#fingerprint();
      if (now === before) return;
      before = now;
    }
  }

  #fingerprint(): string {
    return JSON.stringify(this.#tally.processes().map(({ process }) => [process.wire, process.payload]));
  }

  #sampleAll(): void {
    for (const monitor of this.#watched.keys()) this.#takeSample(this.#engine.sampleNow(monitor));
  }

  #takeSample(sample: MonitorSample): void {
    const pid = this.#watched.get(sample.monitor);
    if (pid === undefined || this.#finished) return;
    this.#tally.add(sample);
    const { format, samples = Infinity } = this.#options.monitor;
    const written = this.#written.get(sample.monitor) ?? 0;
    if (written < samples) {
      this.#written.set(sample.monitor, written + 1);
      if (format === 'json') this.#writeLine(sampleToLine(pid, sample));
      else this.#drawing ??= setImmediate(() => this.#draw());
      const complete = [...this.#watched.keys()].every((monitor) => this.#written.get(monitor) === samples);
      if (complete) this.#end('limit-reached');
    }
    if (!this.#tally.anyAlive) this.#end('processes-ended');
  }

  #takeEvent(event: MonitorEvent): void {
    const pid = this.#watched.get(event.monitor);
    if (pid === undefined || this.#finished) return;
    if (this.#options.monitor.format === 'json') this.#writeLine(eventToLine(pid, event));
    if (event.kind === 'exit') this.checkProcesses();
  }

  #writeLine(line: OutputLine): void {
    this.#options.output.write(`${JSON.stringify(line)}\n`);
  }

  #draw(): void {
    this.#drawing = undefined;
    const { output, table } = this.#options;
    if (this.#finished || table === 'none') return;
    const lines = this.#view.live(this.#tally, this.#elapsedMillis, output.size());
    if (this.#screen !== undefined) this.#screen.draw(lines);
    else output.write(`${lines.join('\n')}\n\n`);
  }

  #writeSummary(): void {
    const { output, monitor } = this.#options;
    if (monitor.format === 'json') {
      this.#writeLine(this.#tally.summary());
      return;
    }
    const size = { columns: output.size().columns, rows: Infinity };
    output.write(`${this.#view.summary(this.#tally, this.#elapsedMillis, size).join('\n')}\n`);
  }

  get #elapsedMillis(): number {
    return performance.now() - this.#startedAt;
  }

  /** A sentence in the middle of a live display would tear it. */
  #warn(sentence: string): void {
    if (this.#screen === undefined) this.#options.warn(sentence);
    else if (!this.#warnings.includes(sentence)) this.#warnings.push(sentence);
  }
}
