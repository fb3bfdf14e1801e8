// Keeps sessions that have ended for the next window of the same workspace, as files in the workspace's storage.
// Setting: `procnetmon.keptSessions`.
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { isOver, type SessionStore } from '../session-store';
import type { WatchedSession } from '../sessions';
import { keptSessionsSetting } from '../settings';

const ending = '.procnetmon';

export class SessionArchive implements vscode.Disposable {
  readonly #folder: vscode.Uri | undefined;
  readonly #store: SessionStore;
  readonly #log: vscode.LogOutputChannel;
  readonly #subscription: vscode.Disposable;
  /** The file of each session that was written or read. */
  readonly #files = new Map<string, vscode.Uri>();
  #restoring: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: vscode.Uri | undefined, store: SessionStore, log: vscode.LogOutputChannel) {
    this.#folder = folder && vscode.Uri.joinPath(folder, 'sessions');
    this.#store = store;
    this.#log = log;
    this.#subscription = store.onDidChange(({ session, kind }) => {
      if (kind === 'removed') this.#enqueue(() => this.#remove(session.id));
      else if (isOver(session) && session.history.length > 0 && !this.#files.has(session.id))
        this.#keep(session);
    });
  }

  /** Brings back the sessions of earlier windows, once; the first view that is looked at asks for it. */
  restore(): Promise<void> {
    this.#restoring ??= this.#restore().catch((error: unknown) => {
      this.#log.warn(`Sessions of earlier windows were not read: ${String(error)}`);
    });
    return this.#restoring;
  }

  /** Resolves once everything is written. */
  flush(): Promise<void> {
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
    const limit = keptSessionsSetting();
    if (this.#folder === undefined || limit === 0) {
      return;
    }
    const file = vscode.Uri.joinPath(
      this.#folder,
      `${String(session.startedAt).padStart(15, '0')}-${randomUUID()}${ending}`,
    );
    this.#files.set(session.id, file);
    this.#enqueue(async () => {
      const { saveSession } = await import('../load-on-demand');
      await vscode.workspace.fs.writeFile(file, Buffer.from(saveSession(session)));
      // The names begin with the time.
      const names = await this.#names();
      for (const name of names.slice(0, Math.max(0, names.length - limit))) await this.#delete(name);
    });
  }

  async #names(): Promise<string[]> {
    if (this.#folder === undefined) return [];
    try {
      const entries = await vscode.workspace.fs.readDirectory(this.#folder);
      return entries
        .map(([name]) => name)
        .filter((name) => name.endsWith(ending))
        .sort();
    } catch {
      // There is no such folder before the first session.
      return [];
    }
  }

  async #delete(name: string): Promise<void> {
    if (this.#folder !== undefined) await vscode.workspace.fs.delete(vscode.Uri.joinPath(this.#folder, name));
  }

  async #remove(id: string): Promise<void> {
    const file = this.#files.get(id);
    // A session that goes because there are newer ones stays on disk as long as the setting says.
    if (file !== undefined && this.#store.sessions.length === 0) await vscode.workspace.fs.delete(file);
  }

  async #restore(): Promise<void> {
    const names = (await this.#names()).slice(-keptSessionsSetting() || Infinity);
    if (this.#folder === undefined || names.length === 0) return;
    const { loadSession } = await import('../load-on-demand');
    for (const name of names) {
      const file = vscode.Uri.joinPath(this.#folder, name);
      if ([...this.#files.values()].some((known) => known.path === file.path)) continue;
      const id = `restored-${name}`;
      try {
        const content = Buffer.from(await vscode.workspace.fs.readFile(file)).toString('utf8');
        this.#files.set(id, file);
        this.#store.restore(loadSession(content, id));
      } catch (error) {
        this.#log.warn(`${name} was not read: ${String(error)}`);
      }
    }
  }
}
