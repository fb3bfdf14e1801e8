// One measurement of `watch` or `run`: its monitors, what is written while it goes on, and how it ends.
import { setTimeout as delay } from 'node:timers/promises';
import { matchesFilter } from '../../../src/shared/flow-filter';
import type { MonitorEvent, MonitorSample } from '../../../src/shared/protocol';
import type { Caller } from '../access';
import type { Kernel } from '../kernel';
import type { MonitorSettings } from '../monitor';
import { MonitorEngine } from '../monitoring';
import { eventToLine, factToLine, sampleToLine, type OutputLine } from './json-lines';
import { Tally } from './tally';
import type { MonitorOptions } from './options';
import type { Output } from './output';
import { Keyboard } from './keyboard';
import type { NameQuestions } from './name-questions';
import { LiveScreen } from './screen';
import { MonitorView } from './monitor-view';
import { processOrders, type ProcessOrder } from './process-orders';

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
  /** Shows processes only, in this order at first. */
  sortBy?: ProcessOrder | undefined;
  /** Knows names that the DNS has for addresses; where the user wants them. */
  names?: NameQuestions | undefined;
  /** Takes sentences for people that are not part of the output. */
  warn: (sentence: string) => void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #engine: MonitorEngine;
  /** Process that was asked for, by monitor. */
  readonly #watched = new Map<string, number>();
  /** Flows that were shown and exist. */
  readonly #shown = new Set<number>();
  /** Samples written so far, by monitor. */
  readonly #written = new Map<string, number>();
  readonly #tally: Tally;
  readonly #view: MonitorView;
  readonly #screen: LiveScreen | undefined;
  readonly #keyboard: Keyboard | undefined;
  readonly #startedAt = performance.now();
  readonly #warnings: string[] = [];
  #drawing: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #checking = false;
  #settling = false;
  #finished = false;
  /** It does not end with the processes. */
  #endless = false;
  /** Whether what was measured is not all in the output, for another reason than that its reader has gone. */
  outputFailed = false;
  #end: () => void = () => undefined;
  /** Resolves when all processes have ended, enough was measured, or nobody reads it any more: time to `finish`. */
  readonly ended: Promise<void>;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const { groupBy } = options.monitor;
    this.#tally = new Tally(options.monitor.maximumHistory);
    if (options.names !== undefined) {
      options.names.onName = (address, host) => this.#tally.name(address, host);
    }
    this.#view = new MonitorView({
      colours: options.colours,
      ...(groupBy && { groupBy }),
      ...(options.sortBy && { sortBy: options.sortBy }),
    });
    if (options.monitor.format === 'table' && options.table === 'live' && options.output.isTerminal) {
      this.#screen = new LiveScreen(options.output, () => this.#draw());
      if (options.sortBy !== undefined)
        this.#keyboard = Keyboard.of(process.stdin, (key) => this.#press(key));
    }
    options.output.onBroken((error) => {
      if (error.code !== 'EPIPE') {
        this.outputFailed = true;
        this.warn(`The output cannot be written any more: ${error.message}. The measurement ends here.`);
      }
      this.#end();
    });
    this.#engine = new MonitorEngine({
      kernel: options.kernel,
      caller: options.caller,
      onSample: (sample) => this.#takeSample(sample),
      onEvent: (event) => this.#takeEvent(event),
      onError: (error) => this.warn(error.message),
    });
  }

  /**
   * Starts to watch processes, all of the given or none; or everything that the caller may see.
   * @throws RequestError when one of them cannot be watched, or an interface is not there
   */
  start(pids: readonly number[] | 'all'): void {
    const { durationMillis } = this.#options.monitor;
    try {
      this.#endless = pids === 'all';
      if (pids === 'all') this.#watched.set(this.#engine.startAll(this.#settings()), 0);
      else
        for (const pid of pids) {
          const started = this.#engine.start({ pid, ...this.#settings() });
          this.#watched.set(started.monitor, pid);
        }
    } catch (error) {
      this.#engine.close();
      throw error;
    }
    if (durationMillis !== undefined) {
      this.#timer = setTimeout(() => this.#end(), durationMillis);
    }
    this.#screen?.open();
    this.#keyboard?.open();
  }

  #settings(): MonitorSettings {
    const { children, interfaces, intervalMillis, windowMillis, inspect } = this.#options.monitor;
    const { maximumProcesses, maximumConnections, eventsPerSecond } = this.#options.monitor;
    return {
      ...{ children, interfaces, intervalMillis, windowMillis, inspect },
      ...{ maximumProcesses, maximumConnections, eventsPerSecond },
    };
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

  /** Ends the measurement: the counters as they are now, and the summary. */
  async finish(): Promise<void> {
    if (this.#finished) return;
    clearTimeout(this.#timer);
    if (this.#drawing !== undefined) this.#draw();
    this.#sampleAll();
    this.#finished = true;
    this.#engine.close();
    clearImmediate(this.#drawing);
    this.#keyboard?.close();
    this.#screen?.close();
    this.#writeSummary();
    await this.#options.output.close();
    for (const warning of this.#warnings.splice(0)) this.#options.warn(warning);
  }

  /**
   * All processes have exited, as far as is known. What they sent last is still on its way or waits for its
   * acknowledgement, and the news of a child that they left behind may be on its way as well.
   */
  async #settle(): Promise<void> {
    if (this.#settling) return;
    this.#settling = true;
    const deadline = performance.now() + longestSettlingMillis;
    let before = this.#fingerprint();
    while (performance.now() < deadline) {
      await delay(settlingMillis);
      if (this.#finished) return;
      this.#sampleAll();
      if (this.#tally.anyAlive) {
        this.#settling = false;
        return;
      }
      const now = this.#fingerprint();
      if (now === before) break;
      before = now;
    }
    this.#end();
  }

  #fingerprint(): string {
    return JSON.stringify(this.#tally.processes().map(({ process }) => [process.wire, process.payload]));
  }

  #sampleAll(): void {
    for (const monitor of this.#watched.keys()) this.#takeSample(this.#engine.sampleNow(monitor));
  }

  #takeSample(whole: MonitorSample): void {
    const sample = this.#filtered(whole);
    const pid = this.#watched.get(sample.monitor);
    if (pid === undefined || this.#finished) return;
    this.#tally.add(sample);
    const { format, samples = Infinity } = this.#options.monitor;
    const written = this.#written.get(sample.monitor) ?? 0;
    if (written < samples) {
      this.#written.set(sample.monitor, written + 1);
      if (format === 'json') this.#writeSample(pid, sample);
      else this.#drawing ??= setImmediate(() => this.#draw());
      const complete = [...this.#watched.keys()].every((monitor) => this.#written.get(monitor) === samples);
      if (complete) this.#end();
    }
    if (!this.#endless && !this.#tally.anyAlive) this.#settle().catch((error: unknown) => this.#fail(error));
  }

  #takeEvent(event: MonitorEvent): void {
    const pid = this.#watched.get(event.monitor);
    if (pid === undefined || this.#finished) return;
    if (this.#options.monitor.format === 'json') this.#writeLine(eventToLine(pid, event));
    if (event.kind === 'exit') this.checkProcesses();
  }

  /** Leaves out what is not to be shown, and names what the network gave a name. What was shown once stays. */
  #filtered(sample: MonitorSample): MonitorSample {
    const { filter } = this.#options.monitor;
    const named = sample.flows.map((flow) => this.#options.names?.lookUp(flow) ?? flow);
    const flows = named.filter(({ id }, index) => {
      const flow = named[index];
      if (flow !== undefined && matchesFilter(flow, filter)) this.#shown.add(id);
      return this.#shown.has(id);
    });
    const removedFlows = sample.removedFlows.filter((id) => this.#shown.delete(id));
    const facts = sample.facts.filter(({ flow }) => this.#shown.has(flow));
    return { ...sample, flows, removedFlows, facts };
  }

  #writeSample(pid: number, sample: MonitorSample): void {
    this.#writeLine(sampleToLine(pid, sample));
    for (const fact of sample.facts) {
      const flow = this.#tally.flow(fact.flow);
      if (flow !== undefined) this.#writeLine(factToLine(pid, fact, flow));
    }
  }

  #writeLine(line: OutputLine): void {
    this.#options.output.write(`${JSON.stringify(line)}\n`);
  }

  #draw(): void {
    clearImmediate(this.#drawing);
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

  #press(key: string): void {
    if (key === 'q') this.#end();
    const order = processOrders.find((each) => each.key === key);
    if (order === undefined) return;
    this.#view.sortBy = order.name;
    this.#draw();
  }

  #fail(error: unknown): void {
    this.warn(`The counters could not be read: ${error instanceof Error ? error.message : String(error)}.`);
    this.#end();
  }

  get #elapsedMillis(): number {
    return performance.now() - this.#startedAt;
  }

  /** Hands a sentence on for people; in the middle of a live display it would tear that, so it then waits. */
  warn(sentence: string): void {
    if (this.#screen === undefined) this.#options.warn(sentence);
    else if (!this.#warnings.includes(sentence)) this.#warnings.push(sentence);
  }
}
