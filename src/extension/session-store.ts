// Everything that is being watched, and everything that lately was. The views read it; only the watch
// controller writes it.
import * as vscode from 'vscode';
import type { SessionMark } from '../shared/panel-messages';
import type { FlowSample, MonitorEvent, MonitorSample } from '../shared/protocol';
import type { WatchedSession, WatchState } from './sessions';
import { sessionLimits } from './settings';
import { MonitoredSession } from './watched-session';

/** Ended sessions whose figures stay on show. Older ones go. */
const maximumEndedSessions = 5;

export interface SessionChange {
  session: WatchedSession;
  kind: 'added' | 'updated' | 'removed';
}

export interface NewSession {
  label: string;
  origin: 'debug' | 'process';
  /** Type of the debug configuration; empty for a process the user chose. */
  debugType: string;
}

/** Whether nothing more will happen in a session. */
export function isOver(session: WatchedSession): boolean {
  return session.state === 'ended' || session.state === 'failed';
}

export class SessionStore implements vscode.Disposable {
  readonly #sessions = new Map<string, MonitoredSession>();
  readonly #changed = new vscode.EventEmitter<SessionChange>();
  #lastId = 0;

  /** Fires once for each sample, event and change of state. `session` is the same object every time. */
  readonly onDidChange = this.#changed.event;

  /** In the order in which they began. */
  get sessions(): readonly WatchedSession[] {
    return [...this.#sessions.values()];
  }

  get(id: string): WatchedSession | undefined {
    return this.#sessions.get(id);
  }

  /** Adds a session in state `searching` and returns it. */
  add(session: NewSession): WatchedSession {
    this.#lastId += 1;
    const added = new MonitoredSession(
      { ...session, id: `session-${String(this.#lastId)}`, startedAt: Date.now() },
      sessionLimits(),
    );
    this.#sessions.set(added.id, added);
    this.#changed.fire({ session: added, kind: 'added' });
    return added;
  }

  /** Puts a session of an earlier window before all others. It has to be over. */
  restore(session: MonitoredSession): void {
    const others = [...this.#sessions];
    this.#sessions.clear();
    this.#sessions.set(session.id, session);
    for (const [id, other] of others) {
      this.#sessions.set(id, other);
    }
    this.#changed.fire({ session, kind: 'added' });
    this.#forgetOldSessions();
  }

  /** Does nothing when the session is unknown, over, or in that state already. */
  setState(id: string, state: Exclude<WatchState, 'failed'>): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.state === state || session.state === 'ended') {
      return;
    }
    session.state = state;
    delete session.failure;
    if (state === 'ended') {
      session.end();
    }
    this.#changed.fire({ session, kind: 'updated' });
    this.#forgetOldSessions();
  }

  /** Ends a session with a reason. Figures that came in before stay. */
  fail(id: string, failure: { message: string; remedy?: string }): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.state === 'ended') {
      return;
    }
    session.end();
    session.state = 'failed';
    session.failure = failure;
    this.#changed.fire({ session, kind: 'updated' });
    this.#forgetOldSessions();
  }

  applySample(id: string, sample: MonitorSample): void {
    const session = this.#sessions.get(id);
    if (session === undefined || isOver(session)) {
      return;
    }
    session.applySample(sample);
    this.#changed.fire({ session, kind: 'updated' });
  }

  /** The remote end of a flow got a name. */
  nameFlow(id: string, named: FlowSample): void {
    const session = this.#sessions.get(id);
    if (session?.nameFlow(named) === true) {
      this.#changed.fire({ session, kind: 'updated' });
    }
  }

  applyEvent(id: string, event: MonitorEvent): void {
    const session = this.#sessions.get(id);
    if (session === undefined || isOver(session)) {
      return;
    }
    session.applyEvent(event);
    this.#changed.fire({ session, kind: 'updated' });
  }

  /** Notes what happened to the program of a session. */
  addMark(id: string, mark: SessionMark): void {
    const session = this.#sessions.get(id);
    if (session !== undefined && !isOver(session)) {
      session.addMark(mark);
      this.#changed.fire({ session, kind: 'updated' });
    }
  }

  /** See `MonitoredSession.removeMonitor`. */
  removeMonitor(id: string, monitor: string, covered: boolean): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.removeMonitor(monitor, covered);
      this.#changed.fire({ session, kind: 'updated' });
    }
  }

  /** See `MonitoredSession.interrupt`. */
  interrupt(id: string): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      session.interrupt();
      this.#changed.fire({ session, kind: 'updated' });
    }
  }

  /** Takes a session off all views. */
  remove(id: string): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) {
      this.#sessions.delete(id);
      this.#changed.fire({ session, kind: 'removed' });
    }
  }

  /** Removes all sessions that are over. */
  clearEnded(): void {
    for (const session of this.sessions) {
      if (isOver(session)) {
        this.remove(session.id);
      }
    }
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #forgetOldSessions(): void {
    const over = this.sessions.filter(isOver);
    for (const session of over.slice(0, Math.max(0, over.length - maximumEndedSessions))) {
      this.remove(session.id);
    }
  }
}
