// Brings together what shall be watched and the helper that watches it: starts and stops monitors, and hands
// their samples and events to the session they belong to.
import * as vscode from 'vscode';
import type { MonitorEvent, MonitorSample } from '../shared/protocol';
import { ancestorsOf } from './debuggee/process-table';
import { HelperRequestError } from './helper-connection';
import type { Explanation } from './helper-messages';
import type { HelperService } from './helper-service';
import { plainTextWithoutLinks } from './plain-text';
import { ReverseNames } from './reverse-names';
import { isOver, type SessionStore } from './session-store';
import type { WatchedSession } from './sessions';
import { monitorSettings, onDidChangeMonitorSettings } from './settings';

/** The shortest interval a helper serves, for the last samples of a session that has ended, in milliseconds. */
const hurriedIntervalMillis = 100;

/** A process to be watched. With `startTicks` it is that process and no later one of the same id. */
export interface WatchTarget {
  pid: number;
  startTicks?: number;
}

interface Monitor {
  readonly id: string;
  readonly session: string;
  readonly pid: number;
  /** Whether its children are followed. */
  children: boolean;
  /** Samples still awaited before the monitor is stopped; undefined while the session goes on. */
  samplesLeft: number | undefined;
}

export class WatchController implements vscode.Disposable {
  readonly #store: SessionStore;
  readonly #helper: HelperService;
  readonly #log: vscode.LogOutputChannel;
  readonly #monitors = new Map<string, Monitor>();
  /** Per session, the last of the requests to watch: they are served one after the other. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /** What was watched when the helper went, to be watched by the next one. */
  #interrupted: { session: string; target: WatchTarget }[] = [];
  readonly #names = new ReverseNames();
  readonly #subscriptions: vscode.Disposable[];

  constructor(store: SessionStore, helper: HelperService, log: vscode.LogOutputChannel) {
    this.#store = store;
    this.#helper = helper;
    this.#log = log;
    this.#subscriptions = [
      helper.onSample((sample) => this.#takeSample(sample)),
      helper.onEvent((event) => this.#takeEvent(event)),
      helper.onDidInterrupt(() => this.#interrupt()),
      helper.onDidResume(() => this.#resume()),
      helper.onDidDisconnect((explanation) => this.#endAll(explanation)),
      onDidChangeMonitorSettings(() => this.#applySettings()),
    ];
  }

  /** Whether anything is being watched in a session. */
  isWatched(session: string): boolean {
    return [...this.#monitors.values()].some((monitor) => monitor.session === session);
  }

  /**
   * Watches one more process in a session, unless the session covers it already.
   * Throws a `HelperRequestError` when the helper refuses.
   */
  watch(session: string, target: WatchTarget): Promise<void> {
    const queue = this.#queues.get(session) ?? Promise.resolve();
    const watching = queue.catch(() => undefined).then(() => this.#watch(session, target));
    this.#queues.set(session, watching);
    return watching;
  }

  /**
   * What a session was about has ended: takes the last figures, then stops.
   * Its state becomes `ended` once the figures are complete.
   */
  async end(session: string): Promise<void> {
    await this.#queues.get(session)?.catch(() => undefined);
    this.#queues.delete(session);
    const monitors = this.#monitorsOf(session);
    if (monitors.length === 0) {
      this.#store.setState(session, 'ended');
      return;
    }
    for (const monitor of monitors) {
      // The next sample may have been on its way already, the one after it was read after the end.
      monitor.samplesLeft = 2;
      const params = { monitor: monitor.id, intervalMillis: hurriedIntervalMillis };
      this.#helper.connection?.updateMonitor(params).catch((error: unknown) => this.#log.warn(String(error)));
    }
  }

  /**
   * Has a session read now instead of at its next tick, and waits for it; no longer than a tick would take anyway.
   */
  async sampleSoon(session: string): Promise<void> {
    const monitors = this.#monitorsOf(session).filter(({ samplesLeft }) => samplesLeft === undefined);
    const { connection } = this.#helper;
    if (monitors.length === 0 || connection === undefined) {
      return;
    }
    const { intervalMillis } = monitorSettings();
    if (intervalMillis <= hurriedIntervalMillis) {
      return;
    }
    const hurry = (millis: number): Promise<unknown> =>
      Promise.all(
        monitors
          .filter(({ id }) => this.#monitors.has(id))
          .map(({ id }) =>
            connection
              .updateMonitor({ monitor: id, intervalMillis: millis })
              .catch((error: unknown) => this.#log.warn(String(error))),
          ),
      );
    const awaited = new Set(monitors.map(({ id }) => id));
    let sampled: () => void = () => undefined;
    const allSampled = new Promise<void>((resolve) => (sampled = resolve));
    const subscription = this.#helper.onSample(({ monitor }) => {
      awaited.delete(monitor);
      if (awaited.size === 0) sampled();
    });
    const timer = setTimeout(sampled, intervalMillis);
    await hurry(hurriedIntervalMillis);
    await allSampled;
    clearTimeout(timer);
    subscription.dispose();
    await hurry(intervalMillis);
  }

  /** Stops watching a session at once. */
  stop(session: string): void {
    for (const monitor of this.#monitorsOf(session)) {
      this.#stopMonitor(monitor);
    }
    this.#store.setState(session, 'ended');
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }

  #monitorsOf(session: string): Monitor[] {
    return [...this.#monitors.values()].filter((monitor) => monitor.session === session);
  }

  async #watch(session: string, target: WatchTarget): Promise<void> {
    const connection = this.#helper.connection;
    const watched = this.#store.get(session);
    if (connection === undefined || watched === undefined || isOver(watched)) {
      return;
    }
    if (await this.#isCovered(watched, target.pid)) {
      return;
    }
    if (watched.state === 'searching') {
      this.#store.setState(session, 'starting');
    }
    const settings = monitorSettings();
    const { monitor } = await connection.startMonitor({ ...target, ...settings });
    if (isOver(watched)) {
      await connection.stopMonitor(monitor);
      return;
    }
    const added = {
      id: monitor,
      session,
      pid: target.pid,
      children: settings.children,
      samplesLeft: undefined,
    };
    this.#monitors.set(monitor, added);
    this.#log.info(`Watching process ${String(target.pid)} for ${watched.label}`);
    this.#store.setState(session, 'watching');
  }

  /** A process whose ancestor is watched with its children is reported there, and would be counted twice. */
  async #isCovered(session: WatchedSession, pid: number): Promise<boolean> {
    const monitors = this.#monitorsOf(session.id);
    if (monitors.some((monitor) => monitor.pid === pid)) {
      return true;
    }
    const withChildren = monitors.filter((monitor) => monitor.children);
    if (withChildren.length === 0) {
      return false;
    }
    const ancestors = new Set(await ancestorsOf(pid));
    return session.processes.has(pid) || withChildren.some((monitor) => ancestors.has(monitor.pid));
  }

  #takeSample(sample: MonitorSample): void {
    const monitor = this.#monitors.get(sample.monitor);
    if (monitor === undefined) {
      return;
    }
    const { session } = monitor;
    const named = this.#names.complete(sample, (flow) => this.#store.nameFlow(session, flow));
    this.#store.applySample(session, named);
    for (const other of this.#monitorsOf(monitor.session)) {
      if (other.id !== monitor.id && sample.processes.some((process) => process.pid === other.pid)) {
        this.#log.info(
          `Process ${String(other.pid)} is watched as a child of ${String(monitor.pid)} already`,
        );
        this.#stopMonitor(other, true);
      }
    }
    const allGone = sample.processes.length > 0 && sample.processes.every((process) => !process.alive);
    if (monitor.samplesLeft !== undefined) {
      monitor.samplesLeft -= 1;
    }
    if (monitor.samplesLeft === 0 || (allGone && monitor.samplesLeft !== undefined)) {
      this.#finish(monitor);
    } else if (allGone && this.#store.get(monitor.session)?.origin === 'process') {
      this.#finish(monitor);
    }
  }

  /** The monitor's figures are complete. */
  #finish(monitor: Monitor): void {
    this.#stopMonitor(monitor);
    if (!this.isWatched(monitor.session)) {
      this.#store.setState(monitor.session, 'ended');
    }
  }

  #takeEvent(event: MonitorEvent): void {
    const monitor = this.#monitors.get(event.monitor);
    if (monitor !== undefined) {
      this.#store.applyEvent(monitor.session, event);
    }
  }

  #stopMonitor(monitor: Monitor, covered = false): void {
    this.#monitors.delete(monitor.id);
    this.#store.removeMonitor(monitor.session, monitor.id, covered);
    this.#helper.connection?.stopMonitor(monitor.id).catch((error: unknown) => this.#log.warn(String(error)));
  }

  /** The helper has gone; another one is being started in its place. */
  #interrupt(): void {
    for (const { session, pid, samplesLeft } of this.#monitors.values()) {
      // Of a session that is ending, there is no more to come.
      if (samplesLeft !== undefined) continue;
      const startTicks = this.#store.get(session)?.processes.get(pid)?.startTicks;
      this.#interrupted.push({ session, target: startTicks === undefined ? { pid } : { pid, startTicks } });
    }
    const sessions = new Set([...this.#monitors.values()].map(({ session }) => session));
    this.#monitors.clear();
    this.#queues.clear();
    for (const session of sessions) {
      this.#store.interrupt(session);
      if (!this.#interrupted.some((each) => each.session === session)) this.#store.setState(session, 'ended');
    }
  }

  #resume(): void {
    for (const { session, target } of this.#interrupted.splice(0)) {
      this.watch(session, target).catch((error: unknown) => {
        this.#log.info(`Process ${String(target.pid)} is not watched any more: ${messageOf(error)}`);
        if (!this.isWatched(session)) this.#store.setState(session, 'ended');
      });
    }
  }

  #endAll(explanation: Explanation | undefined): void {
    this.#monitors.clear();
    this.#queues.clear();
    this.#interrupted = [];
    for (const session of this.#store.sessions) {
      if (isOver(session)) {
        continue;
      }
      if (explanation === undefined) {
        this.#store.setState(session.id, 'ended');
      } else {
        this.#store.fail(session.id, explanation);
      }
    }
  }

  #applySettings(): void {
    const settings = monitorSettings();
    for (const monitor of this.#monitors.values()) {
      if (monitor.samplesLeft === undefined) {
        monitor.children = settings.children;
        this.#helper.connection
          ?.updateMonitor({ monitor: monitor.id, ...settings })
          .catch((error: unknown) => {
            const remedy = error instanceof HelperRequestError ? error.remedy : undefined;
            const text = [messageOf(error), remedy].filter(Boolean).join(' ');
            void vscode.window.showErrorMessage(plainTextWithoutLinks(text));
          });
      }
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
