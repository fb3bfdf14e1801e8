// Follows the debugger: at each stop, what the program did on the network since it last went on.
import path from 'node:path';
import * as vscode from 'vscode';
import { sanitise } from '../../shared/sanitise';
import type { DebugSessions } from '../debug-sessions';
import { isJavaScriptDebugger } from '../debuggee/debuggee-ladder';
import type { SessionStore } from '../session-store';
import type { WatchController } from '../watch-controller';
import { pauseDebuggee } from './debuggee-pause';
import {
  moveFromAdapter,
  moveFromEditor,
  placeFromStackTrace,
  type DebuggerMove,
  type Place,
} from './debugger-messages';
import { markUsage, usageSince, type UsageMark, type UsageSince } from './usage-mark';

/**
 * How long a program may take to stand still, in milliseconds. A debugger that has never run since the machine started
 * may need most of it before it has started the program.
 */
const pausePatienceMillis = 30_000;

/** Stops that are kept, of all sessions, the newest. */
const maximumStops = 200;

export interface DebuggerStop extends UsageSince {
  /** Unique for the life of the extension host. */
  readonly id: number;
  /** Id of the watched session, and its label. */
  readonly session: string;
  readonly label: string;
  /** Unix time in milliseconds. */
  readonly timeMillis: number;
  /** As the adapter says it, such as `breakpoint` or `step`. */
  readonly reason: string;
  readonly isStep: boolean;
  readonly place: Place | undefined;
}

/** What is known of one debug session that runs or stands. */
interface Followed {
  readonly session: vscode.DebugSession;
  /** When the program last went on, and what it had moved by then. */
  mark: UsageMark | undefined;
  by: 'continue' | 'step';
  isStopped: boolean;
}

export interface StopChange {
  kind: 'stopped' | 'continued' | 'cleared';
  stop?: DebuggerStop;
}

export class DebuggerStops implements vscode.Disposable {
  readonly #store: SessionStore;
  readonly #debugSessions: DebugSessions;
  readonly #watch: WatchController;
  readonly #followed = new Map<string, Followed>();
  readonly #changed = new vscode.EventEmitter<StopChange>();
  /** Id of a debug session that has just stopped. */
  readonly #stood = new vscode.EventEmitter<string>();
  /** Id of a debug session that has just begun, or has a thread more. */
  readonly #began = new vscode.EventEmitter<string>();
  /** Id of a debug session that is over. */
  readonly #ended = new vscode.EventEmitter<string>();
  readonly #subscriptions: vscode.Disposable[];
  #stops: DebuggerStop[] = [];
  #lastId = 0;

  readonly onDidChange = this.#changed.event;

  constructor(store: SessionStore, debugSessions: DebugSessions, watch: WatchController) {
    this.#store = store;
    this.#debugSessions = debugSessions;
    this.#watch = watch;
    this.#subscriptions = [
      vscode.debug.registerDebugAdapterTrackerFactory('*', {
        createDebugAdapterTracker: (session) => {
          this.#follow(session);
          return {
            onDidSendMessage: (message: unknown) => void this.#moved(session, moveFromAdapter(message)),
            onWillReceiveMessage: (message: unknown) => void this.#moved(session, moveFromEditor(message)),
          };
        },
      }),
      vscode.debug.onDidTerminateDebugSession(({ id }) => {
        this.#followed.delete(id);
        this.#ended.fire(id);
        this.#changed.fire({ kind: 'continued' });
      }),
    ];
  }

  /** The newest last. */
  get stops(): readonly DebuggerStop[] {
    return this.#stops;
  }

  /**
   * Pauses the programs of a watched session, also one that has no thread yet.
   * @returns when the first of them stood still, in Unix milliseconds; `standing` where all did before; `undefined`
   * where none did in time, or all have ended
   */
  async pause(shown: string): Promise<number | 'standing' | undefined> {
    const ours = (): Followed[] =>
      [...this.#followed.values()].filter(
        ({ session }) => this.#debugSessions.shownAs(session) === shown && !isWithoutThreads(session),
      );
    if (ours().length > 0 && ours().every(({ isStopped }) => isStopped)) {
      return 'standing';
    }
    const asking = new AbortController();
    const asked = new Set<string>();
    const ask = (): void => {
      for (const { session, isStopped } of ours()) {
        if (isStopped || asked.has(session.id)) continue;
        asked.add(session.id);
        void pauseDebuggee(session, this.#began.event, asking.signal);
      }
    };
    return new Promise((resolve) => {
      const settle = (at: number | undefined): void => {
        asking.abort();
        clearTimeout(timer);
        subscription.dispose();
        resolve(at);
      };
      const subscription = vscode.Disposable.from(
        this.#stood.event((id) => {
          if (asked.has(id)) settle(Date.now());
        }),
        // The debug session of the program itself may begin after the program's first traffic.
        this.#began.event(ask),
        this.#ended.event((id) => {
          if (asked.has(id) && ours().length === 0) settle(undefined);
        }),
      );
      const timer = setTimeout(() => settle(undefined), pausePatienceMillis);
      ask();
    });
  }

  clear(): void {
    this.#stops = [];
    this.#changed.fire({ kind: 'cleared' });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#changed.dispose();
    this.#stood.dispose();
    this.#began.dispose();
    this.#ended.dispose();
  }

  async #moved(session: vscode.DebugSession, move: DebuggerMove | undefined): Promise<void> {
    switch (move?.kind) {
      case 'continued': {
        const followed = this.#follow(session);
        // The adapter says so again after the request.
        if (followed.isStopped || followed.mark === undefined) {
          followed.by = move.by;
        }
        followed.isStopped = false;
        this.#changed.fire({ kind: 'continued' });
        break;
      }
      case 'restarted':
        this.#mark(session, 'restarted', []);
        break;
      case 'stopped':
        await this.#stopped(session, move);
        break;
      case 'threadBegan':
        this.#began.fire(session.id);
        break;
      case undefined:
        break;
    }
  }

  #follow(session: vscode.DebugSession): Followed {
    let followed = this.#followed.get(session.id);
    if (followed === undefined) {
      followed = { session, mark: undefined, by: 'continue', isStopped: false };
      this.#followed.set(session.id, followed);
      this.#began.fire(session.id);
    }
    return followed;
  }

  async #stopped(
    session: vscode.DebugSession,
    { reason, threadId }: DebuggerMove & { kind: 'stopped' },
  ): Promise<void> {
    const followed = this.#follow(session);
    followed.isStopped = true;
    this.#stood.fire(session.id);
    const timeMillis = Date.now();
    const shown = this.#debugSessions.shownAs(session);
    if (shown === undefined) {
      return;
    }
    // The figures of now, not those of up to a second ago.
    const [place] = await Promise.all([placeOf(session, threadId), this.#watch.sampleSoon(shown)]);
    const watched = this.#store.get(shown);
    if (watched === undefined) {
      return;
    }
    // Before the first stop counts what was moved since the session began.
    const since = followed.mark ?? {
      timeMillis: watched.startedAt,
      tx: 0,
      rx: 0,
      flows: new Map<number, number>(),
    };
    this.#lastId += 1;
    const stop: DebuggerStop = {
      ...usageSince(watched, since, timeMillis),
      id: this.#lastId,
      session: shown,
      label: watched.label,
      timeMillis,
      reason: sanitise(reason, 64),
      isStep: followed.by === 'step',
      place,
    };
    followed.mark = markUsage(watched, timeMillis);
    this.#stops = [...this.#stops, stop].slice(-maximumStops);
    this.#mark(session, stop.isStep ? 'stepped' : 'stopped', [stop.reason, placeText(place)], timeMillis);
    this.#changed.fire({ kind: 'stopped', stop });
  }

  #mark(
    session: vscode.DebugSession,
    kind: 'stopped' | 'stepped' | 'restarted',
    detail: string[],
    timeMillis = Date.now(),
  ): void {
    const shown = this.#debugSessions.shownAs(session);
    if (shown !== undefined) {
      this.#store.addMark(shown, { timeMillis, kind, detail });
    }
  }
}

/** The root of the built-in JavaScript debugger runs no program of its own: its child sessions do. */
function isWithoutThreads({ type, parentSession }: vscode.DebugSession): boolean {
  return isJavaScriptDebugger(type) && parentSession === undefined;
}

/** File and line, such as `shop.mjs:12`, clean; empty where it is not known. */
export function placeText(place: Place | undefined): string {
  return place === undefined ? '' : sanitise(`${path.basename(place.path)}:${String(place.line)}`, 128);
}

async function placeOf(
  session: vscode.DebugSession,
  threadId: number | undefined,
): Promise<Place | undefined> {
  if (threadId === undefined) {
    return undefined;
  }
  try {
    const answer: unknown = await session.customRequest('stackTrace', { threadId, startFrame: 0, levels: 1 });
    return placeFromStackTrace(answer);
  } catch {
    // It has gone on already.
    return undefined;
  }
}
