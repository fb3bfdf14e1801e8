// Keeps sessions for the next window of the same workspace, as files in the workspace's storage.
// Setting: `procnetmon.keptSessions`.
//
// Written and read directly: what the editor has for it goes by way of the window, which is gone when it matters most.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type * as vscode from 'vscode';
import { isOver, type SessionStore } from '../session-store';
import type { WatchedSession } from '../sessions';
import { keptSessionsSetting } from '../settings';

const ending = '.procnetmon';
const unfinishedEnding = '.unfinished';

export class SessionArchive implements vscode.Disposable {
  readonly #folder: string | undefined;
  readonly #store: SessionStore;
  readonly #log: vscode.LogOutputChannel;
  readonly #subscription: vscode.Disposable;
  /** The file of each session that was written or read. */
  readonly #files = new Map<string, string>();
  #restoring: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: vscode.Uri | undefined, store: SessionStore, log: vscode.LogOutputChannel) {
    this.#folder = folder && path.join(folder.fsPath, 'sessions');
    this.#store = store;
    this.#log = log;
    this.#subscription = store.onDidChange(({ session, kind }) => {
      if (kind === 'removed') this.#enqueue(() => this.#remove(session.id));
      else if (isOver(session)) this.#keep(session);
    });
  }

  /** Brings back the sessions of earlier windows, once; the first view that is looked at asks for it. */
  restore(): Promise<void> {
    this.#restoring ??= this.#restore().catch((error: unknown) => {
      this.#log.warn(`Sessions of earlier windows were not read: ${String(error)}`);
    });
    return this.#restoring;
  }

  /** Keeps what is still being watched as well, as it is now. Resolves once everything is written. */
  close(): Promise<void> {
    for (const session of this.#store.sessions) this.#keep(session);
    return this.#writing;
  }

  dispose(): void {
    this.#subscription.dispose();
  }

  #enqueue(action: () => Promise<void>): void {
    this.#writing = this.#writing.then(action).catch((error: unknown) => {
      this.#log.warn(`A session was not kept: ${String(error)}`);
    });
  }

  #keep(session: WatchedSession): void {
    const folder = this.#folder;
    const limit = keptSessionsSetting();
    if (folder === undefined || limit === 0 || session.history.length === 0 || this.#files.has(session.id)) {
      return;
    }
    const name = `${String(session.startedAt).padStart(15, '0')}-${randomUUID()}${ending}`;
    const file = path.join(folder, name);
    this.#files.set(session.id, file);
    this.#enqueue(async () => {
      const { saveSession } = await import('../load-on-demand');
      await mkdir(folder, { recursive: true });
      // Renamed into place: the next window may be reading already.
      await writeFile(`${file}${unfinishedEnding}`, saveSession(session), { mode: 0o600 });
      await rename(`${file}${unfinishedEnding}`, file);
      const entries = await readdir(folder);
      const names = namesIn(entries);
      const surplus = names.slice(0, Math.max(0, names.length - limit));
      // Of a window that was ended while it wrote.
      const unfinished = entries.filter((name) => name.endsWith(unfinishedEnding));
      for (const old of [...surplus, ...unfinished]) await rm(path.join(folder, old));
    });
  }

  async #remove(id: string): Promise<void> {
    const file = this.#files.get(id);
    // A session that goes because there are newer ones stays on disk as long as the setting says.
    if (file !== undefined && this.#store.sessions.length === 0) await rm(file);
  }

  async #restore(): Promise<void> {
    if (this.#folder === undefined) return;
    // There is no such folder before the first session.
    const entries = await readdir(this.#folder).catch(() => []);
    const names = namesIn(entries).slice(-keptSessionsSetting() || Infinity);
    if (names.length === 0) return;
    const { loadSession } = await import('../load-on-demand');
    for (const name of names) {
      const file = path.join(this.#folder, name);
      if ([...this.#files.values()].includes(file)) continue;
      const id = `restored-${name}`;
      try {
        const content = await readFile(file, 'utf8');
        this.#files.set(id, file);
        this.#store.restore(loadSession(content, id));
      } catch (error) {
        this.#log.warn(`${name} was not read: ${String(error)}`);
      }
    }
  }
}

/** Names of sessions, the oldest first: they begin with the time. */
function namesIn(entries: readonly string[]): string[] {
  return entries.filter((name) => name.endsWith(ending)).sort();
}
