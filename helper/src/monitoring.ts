// The engine behind both faces of the helper, the RPC server and the command line: monitors over processes,
// each with its own interval, window and interfaces, fed by one sampler.
import {
  ErrorCode,
  type InterfaceInfo,
  limits,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartParams,
  type MonitorStartResult,
  type MonitorStopParams,
  type MonitorUpdateParams,
  type ProcessInfo,
} from '../../src/shared/protocol';
import { quoteValue } from '../../src/shared/sanitise';
import { type Caller, listVisibleProcesses, onlyUserOf } from './access';
import { monotonicNanos, WallClock } from './clock';
import { Discovery } from './discovery';
import { asError, RequestError } from './errors';
import { endpoint, protocolName } from './flow';
import { Inspection } from './inspection/inspection';
import { Interfaces } from './interfaces';
import type { Kernel, KernelEvent, SocketEvent } from './kernel';
import { Ledger } from './ledger';
import { Monitor, type MonitorSettings } from './monitor';
import { FlowNames, flowNameSources } from './names/flow-names';
import { reasonName } from './reason';
import { Sampler } from './sampler';
import { Schedule } from './schedule';
import { findUser } from './users';
import { WatchedProcesses } from './watched-processes';

export interface MonitorEngineOptions {
  /** Opened, and listened to by nobody else. The engine does not close it. */
  kernel: Kernel;
  caller: Caller;
  onSample: (sample: MonitorSample) => void;
  onEvent: (event: MonitorEvent) => void;
  /** Something went wrong in the background, or a limitation was met. Monitoring goes on. */
  onError?: (error: Error) => void;
  /**
   * Asked before a sample is composed. False skips it: the next one covers the time since the last that was
   * handed out, so nothing is lost. Always true when absent.
   */
  readyForSample?: (monitor: string) => boolean;
  /**
   * Flows one sample may hold; the rest follow at once in samples of their own, with the same time and the
   * next sequence numbers. No bound when absent.
   */
  maximumFlowsPerSample?: number;
}

/** The pool is tidied in this interval when no monitor samples more often, and more often when it fills up. */
const tidyNanos = 1e9;
const hurriedTidyNanos = 0.2e9;
const crowdedOccupancy = 0.25;
/** Name of the tidying in the schedule; no monitor is called so. */
const tidying = 'tidying';

const defaultSettings: MonitorSettings = {
  children: true,
  interfaces: [],
  intervalMillis: limits.intervalMillis.default,
  windowMillis: limits.windowMillis.default,
  inspect: true,
  maximumProcesses: limits.processes.default,
  maximumConnections: limits.connections.default,
  eventsPerSecond: limits.eventsPerSecond.default,
};

/** The settings among the parameters of a request: those that are there. */
function settingsIn(params: Partial<MonitorSettings>): Partial<MonitorSettings> {
  const names = Object.keys(defaultSettings) as (keyof MonitorSettings)[];
  return Object.fromEntries(
    names.filter((name) => params[name] !== undefined).map((name) => [name, params[name]]),
  );
}

/**
 * Watches processes and hands out samples and events. Every method that refuses throws a `RequestError`.
 * The first sample of a monitor is handed out as soon as the call that started it has returned. Numbers among
 * the parameters are within `limits`: that is checked where they come in.
 */
export class MonitorEngine {
  readonly #wallClock = new WallClock();
  readonly #ledger: Ledger;
  readonly #interfaces: Interfaces;
  readonly #processes: WatchedProcesses;
  readonly #inspection: Inspection;
  readonly #sampler: Sampler;
  readonly #monitors = new Map<string, Monitor>();
  /** Of the monitor of everything, where there is one. */
  #discovery: Discovery | undefined;
  readonly #schedule = new Schedule((names, now) => this.#tick(names, now));
  #nextMonitor = 1;
  #readNanos = 0;
  #tidyNanos = 0;
  #closed = false;

  constructor(readonly options: MonitorEngineOptions) {
    const { kernel, caller } = options;
    const onError = (error: Error): void => options.onError?.(error);
    this.#ledger = new Ledger(undefined, undefined, onlyUserOf(caller));
    this.#interfaces = new Interfaces(kernel, onError);
    this.#processes = new WatchedProcesses(kernel, caller, this.#ledger, onError);
    this.#inspection = new Inspection({
      kernel,
      names: new FlowNames(flowNameSources(findUser(caller.uid)?.home)),
      inspected: (pid) => {
        const process = this.#processes.findLately(pid);
        return process?.inspected === true ? process.account : undefined;
      },
      onError,
    });
    this.#sampler = new Sampler(kernel, this.#ledger, onError, this.#inspection);
    this.#inspection.useFinder(this.#sampler);
    this.#interfaces.attachAll();
    kernel.listen(
      (events) => this.#receive(events),
      (samples) => {
        if (!this.#closed) this.#guard(() => this.#inspection.take(samples));
      },
    );
    this.#scheduleTidying(monotonicNanos());
  }

  /** Watches a process. Refuses unknown processes, those the caller may not trace, and unknown interfaces. */
  start(params: MonitorStartParams): MonitorStartResult {
    if (this.#monitors.size >= limits.monitors) {
      throw new RequestError(
        ErrorCode.LimitReached,
        `There are ${String(limits.monitors)} monitors already, which is the limit.`,
        'Stop one that is not needed any more.',
      );
    }
    const settings = { ...defaultSettings, ...settingsIn(params) };
    this.#interfaces.validate(settings.interfaces);
    const now = monotonicNanos();
    const id = `m${String(this.#nextMonitor)}`;
    const monitor = new Monitor(id, settings, this.#context(), params.pid, now);
    const root = this.#processes.cover(monitor, params.pid, now, params.startTicks);
    this.#nextMonitor += 1;
    monitor.cover(root, now);
    this.#processes.adoptOne(root, now);
    if (settings.children) monitor.coverDescendants(root, now);
    this.#monitors.set(id, monitor);
    this.#schedule.set(id, settings.intervalMillis * 1e6, now);
    return { monitor: id, process: root.info };
  }

  /** Watches every process that the caller may see, from its first traffic on. Children are found the same way. */
  startAll(params: Partial<MonitorSettings>): string {
    const settings = { ...defaultSettings, ...settingsIn(params), children: false };
    this.#interfaces.validate(settings.interfaces);
    const now = monotonicNanos();
    const id = `m${String(this.#nextMonitor)}`;
    this.#nextMonitor += 1;
    const monitor = new Monitor(id, settings, this.#context(), 0, now);
    this.#discovery = new Discovery(monitor, this.#ledger, this.#processes);
    this.#monitors.set(id, monitor);
    this.#schedule.set(id, settings.intervalMillis * 1e6, now);
    return id;
  }

  /** Changes what a monitor covers or how often; what is absent stays. */
  update(params: MonitorUpdateParams): void {
    const monitor = this.#find(params.monitor);
    const former = monitor.settings;
    const settings = { ...former, ...settingsIn(params) };
    if (params.interfaces !== undefined) this.#interfaces.validate(settings.interfaces);
    const now = monotonicNanos();
    monitor.update(settings, now);
    if (settings.intervalMillis === former.intervalMillis) return;
    const intervalNanos = settings.intervalMillis * 1e6;
    this.#schedule.set(params.monitor, intervalNanos, now + intervalNanos);
  }

  stop(params: MonitorStopParams): void {
    const monitor = this.#find(params.monitor);
    this.#schedule.delete(params.monitor);
    this.#monitors.delete(params.monitor);
    monitor.close();
  }

  /** What the caller may watch, by pid. */
  listProcesses(): ProcessInfo[] {
    return listVisibleProcesses(this.options.caller);
  }

  listInterfaces(): InterfaceInfo[] {
    return this.#interfaces.list();
  }

  /** Reads the counters now and returns a sample, outside of the monitor's interval; `onSample` is not called. */
  sampleNow(monitor: string): MonitorSample {
    const found = this.#find(monitor);
    const now = this.#read(true);
    const [sample] = found.compose(now, this.#dropped());
    if (sample === undefined) throw new Error('A monitor composed no sample.');
    return sample;
  }

  /** Stops every monitor and the timer. The engine is of no use afterwards; calling it again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#schedule.close();
    for (const monitor of this.#monitors.values()) monitor.close();
    this.#monitors.clear();
  }

  #find(id: string): Monitor {
    const monitor = this.#monitors.get(id);
    if (monitor === undefined) {
      throw new RequestError(
        ErrorCode.NoSuchMonitor,
        `There is no monitor ${quoteValue(id)}.`,
        'Use the id that monitor/start answered, until monitor/stop.',
      );
    }
    return monitor;
  }

  #context(): ConstructorParameters<typeof Monitor>[2] {
    return {
      processes: this.#processes,
      interfaces: this.#interfaces,
      wallClock: this.#wallClock,
      inspection: this.#inspection,
      onEvent: (event) => this.options.onEvent(event),
    };
  }

  #tick(names: string[], dueNanos: number): void {
    const due = names.filter((name) => name !== tidying);
    // A monitor's sample tidies as well.
    if (due.length === 0 && dueNanos - this.#readNanos < this.#tidyNanos / 2) return;
    this.#guard(() => {
      const now = this.#read();
      for (const id of due) this.#guard(() => this.#sample(id, now));
    });
  }

  /** Reads all counters, to the last acknowledgement when asked. Returns when: rates are computed from it. */
  #read(complete = false): number {
    this.#wallClock.measure();
    this.#processes.poll(monotonicNanos());
    this.#processes.adopt(monotonicNanos());
    this.#inspection.collect();
    const now = monotonicNanos();
    this.#sampler.read(now, complete);
    this.#inspection.tidy(now);
    this.#discovery?.look(now);
    this.#readNanos = now;
    this.#scheduleTidying(now);
    const { droppedEvents } = this.#sampler.statistics;
    for (const monitor of this.#monitors.values()) monitor.noteDroppedEvents(now, droppedEvents);
    return now;
  }

  #sample(id: string, now: number): void {
    if (this.options.readyForSample?.(id) === false) return;
    const samples = this.#monitors.get(id)?.compose(now, this.#dropped(), this.options.maximumFlowsPerSample);
    for (const sample of samples ?? []) this.options.onSample(sample);
  }

  #dropped(): MonitorSample['dropped'] {
    const { droppedEvents, droppedFlows, droppedProcesses, droppedSamples, skippedMessages } =
      this.#sampler.statistics;
    return {
      events: droppedEvents,
      flows: droppedFlows,
      processes: droppedProcesses + this.#processes.dropped + (this.#discovery?.dropped ?? 0),
      connections: 0,
      inspections: droppedSamples + skippedMessages + this.#inspection.dropped,
      facts: 0,
    };
  }

  /** A crowded pool is tidied more often. */
  #scheduleTidying(now: number): void {
    const interval = this.#sampler.occupancy > crowdedOccupancy ? hurriedTidyNanos : tidyNanos;
    if (interval === this.#tidyNanos) return;
    this.#tidyNanos = interval;
    this.#schedule.set(tidying, interval, now + interval);
  }

  #receive(events: readonly KernelEvent[]): void {
    if (this.#closed) return;
    for (const event of events) this.#guard(() => this.#handle(event));
    const latest = events.findLast((event) => 'nanos' in event);
    if (latest !== undefined) this.#processes.noteTold(latest.nanos, monotonicNanos());
  }

  #handle(event: KernelEvent): void {
    switch (event.type) {
      case 'fork':
      case 'exec':
      case 'credentials':
      case 'exit':
        this.#processes.handle(event);
        break;
      case 'link':
      case 'unlink':
        this.#interfaces.handle(event);
        break;
      case 'processEventsLost':
        this.#processes.noteLostEvents();
        break;
      case 'opened':
      case 'established':
      case 'closed':
      case 'failed':
      case 'listening':
        this.#reportSocket(event);
        break;
    }
  }

  #reportSocket(event: SocketEvent): void {
    const process = this.#processes.find(event.processId);
    const reason = reasonName(event.reason);
    for (const observer of process?.observers ?? []) {
      observer.emit(event.nanos, {
        kind: event.type,
        pid: event.processId,
        protocol: protocolName(event.protocol),
        local: endpoint(event.localAddress, event.localPort),
        ...(event.remoteAddress !== '' && { remote: endpoint(event.remoteAddress, event.remotePort) }),
        ...(event.type === 'established' && { direction: event.outgoing ? 'outgoing' : 'incoming' }),
        ...(reason !== undefined && { reason }),
        ...(event.durationNanos > 0 && { durationMicros: Math.round(event.durationNanos / 1000) }),
      });
    }
  }

  /** What goes wrong at one tick or event must not end those that follow. */
  #guard(operation: () => void): void {
    try {
      operation();
    } catch (error) {
      this.options.onError?.(asError(error));
    }
  }
}
