// The engine behind both faces of the helper, the RPC server and the command line: monitors over processes,
// each with its own interval, window and interfaces, fed by one sampler.
import type {
  InterfaceInfo,
  MonitorEvent,
  MonitorSample,
  MonitorStartParams,
  MonitorStartResult,
  MonitorStopParams,
  MonitorUpdateParams,
  ProcessInfo,
} from '../../src/shared/protocol';
import type { Caller } from './access';
import type { Kernel } from './kernel';

export interface MonitorEngineOptions {
  /** Opened, and listened to by nobody else. The engine does not close it. */
  kernel: Kernel;
  caller: Caller;
  onSample(this: void, sample: MonitorSample): void;
  onEvent(this: void, event: MonitorEvent): void;
  /** Something went wrong in the background, or a limitation was met. Monitoring goes on. */
  onError?(this: void, error: Error): void;
  /**
   * Asked before a sample is composed. False skips it: the next one covers the time since the last that was
   * handed out, so nothing is lost. Always true when absent.
   */
  readyForSample?(this: void, monitor: string): boolean;
  /**
   * Flows one sample may hold; the rest follow at once in samples of their own, with the same time and the
   * next sequence numbers. No bound when absent.
   */
  maximumFlowsPerSample?: number;
}

/**
 * Watches processes and hands out samples and events. Every method that refuses throws a `RequestError`.
 * The first sample of a monitor is handed out as soon as the call that started it has returned.
 */
export class MonitorEngine {
  constructor(readonly options: MonitorEngineOptions) {}

  /** Watches a process. Refuses unknown processes, those the caller may not trace, and bad parameters. */
  start(params: MonitorStartParams): MonitorStartResult {
    throw new Error(`being written ${String(params.pid)}`);
  }

  /** Changes what a monitor covers or how often; what is absent stays. */
  update(params: MonitorUpdateParams): void {
    throw new Error(`being written ${params.monitor}`);
  }

  stop(params: MonitorStopParams): void {
    throw new Error(`being written ${params.monitor}`);
  }

  /** What the caller may watch, by pid. */
  listProcesses(): ProcessInfo[] {
    throw new Error('being written');
  }

  listInterfaces(): InterfaceInfo[] {
    throw new Error('being written');
  }

  /** Reads the counters now and returns a sample, outside of the monitor's interval; `onSample` is not called. */
  sampleNow(monitor: string): MonitorSample {
    throw new Error(`being written ${monitor}`);
  }

  /** Stops every monitor and the timer. The engine is of no use afterwards; calling it again does nothing. */
  close(): void {
    throw new Error('being written');
  }
}
