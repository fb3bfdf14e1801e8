// The processes that monitors cover: followed from fork to exit, looked at again when they become another program,
// and their sockets taken into account as they are passed about.
import { ErrorCode, type MonitorEvent, type ProcessInfo } from '../../src/shared/protocol';
import { type Caller, inspectProcess, seesEverything } from './access';
import { startTicksAt } from './clock';
import { asError, errorCode, RequestError } from './errors';
import type { Kernel, ProcessEvent } from './kernel';
import type { Ledger, ProcessAccount } from './ledger';
import { childrenOf, descendantsOf } from './process-tree';
import { isProcessId, readStartTicks } from './processes';
import { userName } from './users';

/** A process that at least one monitor covers. */
export class WatchedProcess {
  readonly observers = new Set<ProcessObserver>();
  alive = true;
  adoptedNanos = -Infinity;
  adoptable = true;
  /** Since when, in nanoseconds since boot, it is not in `/proc` although no event has told of its end; 0 while it is. */
  missingNanos = 0;
  /** It was gone before it could be looked at; `info` is made up of what is known of its birth. */
  unseen = false;

  constructor(
    public info: ProcessInfo,
    readonly account: ProcessAccount,
  ) {}

  /** Whether it is the process with its id that started then. */
  startedAt(startTicks: number): boolean {
    return Math.abs(startTicks - this.info.startTicks) <= (this.unseen ? 1 : 0);
  }

  get followed(): boolean {
    return [...this.observers].some((observer) => observer.followsChildren);
  }

  /** Payload may be looked at. */
  get inspected(): boolean {
    return [...this.observers].some((observer) => observer.inspects);
  }
}

export type EventDetails = Omit<MonitorEvent, 'monitor' | 'time'>;

/** Who covers processes: a monitor. */
export interface ProcessObserver {
  readonly followsChildren: boolean;
  /** Wants payload to be looked at. */
  readonly inspects: boolean;
  /**
   * Covers a child from its birth on. Returns false when there is no room for it.
   * @param bornNanos nanoseconds since boot
   */
  adoptChild(child: WatchedProcess, bornNanos: number): boolean;
  /** The caller may not see the process any more; what was counted until now stays. */
  hideProcess(process: WatchedProcess): void;
  emit(nanos: number, event: EventDetails): void;
}

/** Between two walks over the sockets of a process; a little less than the usual interval of a monitor. */
const adoptionNanos = 0.9e9;
/** Processes that ended and are still known. */
const maximumEnded = 1_024;
/** Between two looks at `/proc`, in case that events were lost without notice. */
const reconcileNanos = 10e9;
/** How long the event that a process has ended may take before it is taken for lost. */
const overdueNanos = 0.5e9;

export class WatchedProcesses {
  /** Those that live, parents before their children. */
  readonly #living = new Map<number, WatchedProcess>();
  /** Those that ended last, oldest first: what they have said last may be told after their end. */
  readonly #ended = new Map<number, WatchedProcess>();
  #reconciledNanos = 0;
  #eventsLost = false;
  /** When the latest event happened that was told of, and when it was. */
  #toldUntilNanos = 0;
  #toldAtNanos = -Infinity;
  #refusalReported = false;
  /** Children that no monitor had room for. */
  dropped = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly caller: Caller,
    private readonly ledger: Ledger,
    private readonly onError: (error: Error) => void,
  ) {}

  find(pid: number): WatchedProcess | undefined {
    return this.#living.get(pid);
  }

  /** A process that lives, else the last one of that id that ended. */
  findLately(pid: number): WatchedProcess | undefined {
    return this.#living.get(pid) ?? this.#ended.get(pid);
  }

  /**
   * Covers a process that lives for an observer.
   * @throws RequestError when it does not, or may not be watched
   */
  cover(observer: ProcessObserver, pid: number, now: number, startTicks?: number): WatchedProcess {
    const info = inspectProcess(this.caller, pid, startTicks);
    const known = this.#living.get(pid);
    if (known !== undefined && known.info.startTicks !== info.startTicks) this.#end(known, now);
    let process = this.#living.get(pid);
    if (process === undefined) {
      process = new WatchedProcess(info, this.ledger.ofProcess(pid, info.startTicks, now));
      this.#living.set(pid, process);
    }
    process.info = info;
    process.observers.add(observer);
    this.#watch(process);
    if (!this.#isSame(process)) {
      this.release(observer, process);
      throw new RequestError(ErrorCode.NoSuchProcess, `Process ${String(pid)} has just ended.`);
    }
    return process;
  }

  /**
   * Covers a process that was found by its traffic, when the caller may see it.
   * @throws RequestError when not, or when it is gone and only those who see everything may hear of it
   */
  discover(observer: ProcessObserver, account: ProcessAccount, now: number): WatchedProcess {
    const { pid, startTicks, userId } = account;
    try {
      return this.cover(observer, pid, now, startTicks);
    } catch (error) {
      const isGone = error instanceof RequestError && error.code === ErrorCode.NoSuchProcess;
      if (!isGone || userId === undefined || !seesEverything(this.caller)) throw error;
      const process = new WatchedProcess(
        {
          ...{ pid, ppid: 0, startTicks: startTicks ?? startTicksAt(account.seenNanos) },
          ...{ name: account.name, exe: '', command: '', uid: userId, user: userName(userId) },
        },
        account,
      );
      process.unseen = true;
      process.alive = false;
      return process;
    }
  }

  /** Everything below a process that may be watched now, each covered for the observer. */
  coverDescendants(
    observer: ProcessObserver,
    root: WatchedProcess,
    now: number,
    limit: number,
  ): WatchedProcess[] {
    const covered: WatchedProcess[] = [];
    const found = root.alive ? descendantsOf(root.info.pid) : [];
    this.dropped += Math.max(0, found.length - limit);
    for (const pid of found.slice(0, limit)) {
      if (this.#living.get(pid)?.observers.has(observer) === true) continue;
      try {
        covered.push(this.cover(observer, pid, now));
      } catch (error) {
        // Gone since, or a set-user-id program among the children: not for this caller.
        if (!(error instanceof RequestError)) throw error;
      }
    }
    return covered;
  }

  /** What an observer wants to know of children has changed. */
  refresh(process: WatchedProcess): void {
    if (process.alive) this.#watch(process);
  }

  release(observer: ProcessObserver, process: WatchedProcess): void {
    process.observers.delete(observer);
    if (!process.alive || this.#living.get(process.info.pid) !== process) return;
    if (process.observers.size > 0) this.#watch(process);
    else this.#unwatch(process);
  }

  /** Takes the sockets that each process holds into account, at most once in `adoptionNanos`. */
  adopt(now: number): void {
    for (const process of this.#living.values()) {
      if (process.adoptable && now - process.adoptedNanos >= adoptionNanos) this.adoptOne(process, now);
    }
  }

  adoptOne(process: WatchedProcess, now: number): void {
    process.adoptedNanos = now;
    try {
      this.kernel.adoptSockets(process.info.pid);
    } catch (error) {
      // Gone: the exit event is on its way.
      if (errorCode(error) === 'ESRCH') return;
      process.adoptable = errorCode(error) === 'E2BIG';
      if (this.#refusalReported) return;
      this.#refusalReported = true;
      this.onError(
        new Error(
          `Not all sockets of process ${String(process.info.pid)} can be looked at, so those that another ` +
            'process passes to it, or that it had before the helper started, may count elsewhere.',
          { cause: asError(error) },
        ),
      );
    }
  }

  handle(event: ProcessEvent): void {
    const process = this.#living.get(event.processId);
    if (process === undefined) {
      this.#ignoreChild(event);
      return;
    }
    switch (event.type) {
      case 'fork':
        this.#forked(process, event.childId, event.nanos);
        break;
      case 'exec':
        this.#replaced(process, event.nanos);
        break;
      case 'credentials':
        this.#lookAgain(process);
        break;
      case 'exit':
        this.#end(process, event.nanos, event.status);
        break;
    }
  }

  /**
   * All events have been handled until one that happened then. They come in the order in which they happened.
   * @param nanos nanoseconds since boot
   */
  noteTold(nanos: number, now: number): void {
    this.#toldUntilNanos = nanos;
    this.#toldAtNanos = now;
  }

  /** Events were lost: the next `poll` looks at `/proc` instead. */
  noteLostEvents(): void {
    this.#eventsLost = true;
  }

  /** Compares with `/proc` where there are no events, where some were lost, and now and then in any case. */
  poll(now: number): void {
    if (this.kernel.processEvents && !this.#eventsLost && now - this.#reconciledNanos < reconcileNanos)
      return;
    this.#eventsLost = false;
    this.#reconciledNanos = now;
    for (const process of [...this.#living.values()]) this.#reconcile(process, now);
  }

  #reconcile(process: WatchedProcess, now: number): void {
    if (!this.#isSame(process)) {
      if (this.#isOverdue(process.missingNanos, now) || !this.kernel.processEvents) {
        this.#end(process, now);
        return;
      }
      // Its last events, which may tell of children, are on their way: without them it ends only when they are overdue.
      process.missingNanos ||= now;
      this.#reconciledNanos = -Infinity;
      return;
    }
    if (!this.#lookAgain(process)) return;
    if (!process.followed) return;
    for (const child of childrenOf(process.info.pid)) {
      if (!this.#living.has(child) && !this.#hasEnded(child)) this.#forked(process, child, now);
    }
  }

  /** Whether the end of a process that is missing since then would have been told of by now. */
  #isOverdue(missingNanos: number, now: number): boolean {
    if (missingNanos === 0 || now - missingNanos < overdueNanos) return false;
    // What happened before is still being told: a crowd, or a helper that had no processor time.
    const isBehind = this.#toldUntilNanos < missingNanos && now - this.#toldAtNanos < overdueNanos;
    return !isBehind;
  }

  #forked(parent: WatchedProcess, pid: number, nanos: number): void {
    if (!isProcessId(pid)) return;
    const known = this.#living.get(pid);
    if (known !== undefined) {
      // Found in /proc before its own fork was told of, and perhaps gone already: events come in order, so as long as
      // none is missing, another process with that id is preceded by the end of this one.
      if (!(this.#eventsLost || known.missingNanos !== 0) || this.#isSame(known)) return;
      this.#end(known, nanos);
    }
    for (const observer of parent.observers) {
      observer.emit(nanos, { kind: 'fork', pid: parent.info.pid, childPid: pid });
    }
    const child = this.#childOf(parent, pid, nanos);
    for (const observer of parent.observers) {
      if (child === undefined || !observer.followsChildren) continue;
      if (observer.adoptChild(child, nanos)) child.observers.add(observer);
      else this.dropped += 1;
    }
    if (child === undefined || child.observers.size === 0) {
      this.#tell(() => this.kernel.unwatch(pid));
      return;
    }
    this.#living.set(pid, child);
    this.#watch(child);
  }

  /**
   * A child may have ended before anyone could look at it: it is told of as if it were its parent then. One that may
   * not be seen, because it executes a set-user-id program by now, is undefined.
   */
  #childOf(parent: WatchedProcess, pid: number, nanos: number): WatchedProcess | undefined {
    let info: ProcessInfo | undefined;
    try {
      info = inspectProcess(this.caller, pid);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code === ErrorCode.AccessDenied) return undefined;
    }
    const account = this.ledger.ofChild(pid, info?.startTicks, nanos);
    const fallback = {
      ...parent.info,
      ...{ pid, ppid: parent.info.pid, startTicks: startTicksAt(nanos), command: '', exe: '' },
    };
    const name = account.name || parent.info.name;
    const child = new WatchedProcess(info ?? { ...fallback, name }, account);
    child.unseen = info === undefined;
    return child;
  }

  #replaced(process: WatchedProcess, nanos: number): void {
    if (!this.#lookAgain(process)) return;
    const { pid, name } = process.info;
    for (const observer of process.observers) observer.emit(nanos, { kind: 'exec', pid, name });
  }

  /** Reads name and rights again. Returns false when the caller may see the process no more. */
  #lookAgain(process: WatchedProcess): boolean {
    try {
      const info = inspectProcess(this.caller, process.info.pid);
      if (!process.startedAt(info.startTicks)) return true;
      process.info = info;
      process.unseen = false;
      return true;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.code !== ErrorCode.AccessDenied) return true;
      for (const observer of process.observers) observer.hideProcess(process);
      process.observers.clear();
      this.#unwatch(process);
      return false;
    }
  }

  #end(process: WatchedProcess, nanos: number, status?: number): void {
    process.alive = false;
    process.account.endedNanos = nanos;
    this.#noteEnd(process);
    this.#unwatch(process);
    const { pid } = process.info;
    for (const observer of process.observers) {
      observer.emit(nanos, { kind: 'exit', pid, ...(status !== undefined && { exitStatus: status }) });
    }
  }

  #noteEnd(process: WatchedProcess): void {
    this.#ended.delete(process.info.pid);
    this.#ended.set(process.info.pid, process);
    const oldest = this.#ended.keys().next();
    if (this.#ended.size > maximumEnded && oldest.done !== true) this.#ended.delete(oldest.value);
  }

  /** A process that has ended is among its parent's children until that one asks for its exit status. */
  #hasEnded(pid: number): boolean {
    const ended = this.#ended.get(pid);
    const startTicks = readStartTicks(pid);
    return ended !== undefined && (startTicks === undefined || ended.startedAt(startTicks));
  }

  #isSame(process: WatchedProcess): boolean {
    const startTicks = readStartTicks(process.info.pid);
    return startTicks !== undefined && process.startedAt(startTicks);
  }

  /** The kernel half watches the child of a followed process of its own accord, even when nobody here does. */
  #ignoreChild(event: ProcessEvent): void {
    if (event.type === 'fork' && !this.#living.has(event.childId)) {
      this.#tell(() => this.kernel.unwatch(event.childId));
    }
  }

  #watch(process: WatchedProcess): void {
    this.#tell(() => this.kernel.watch(process.info.pid, process.followed, process.inspected));
  }

  #unwatch(process: WatchedProcess): void {
    if (this.#living.get(process.info.pid) === process) this.#living.delete(process.info.pid);
    this.#tell(() => this.kernel.unwatch(process.info.pid));
  }

  /** Without its events a process is still counted; that it is gone is nothing to speak of. */
  #tell(operation: () => void): void {
    try {
      operation();
    } catch (error) {
      if (!['ESRCH', 'ENOENT'].includes(errorCode(error))) this.onError(asError(error));
    }
  }
}
