// Network breakpoints: pause the program when it connects, accepts or sends too much. View: `procnetmon.breakpoints`.
// Commands: `addBreakpoint`, `editBreakpoint`, `removeBreakpoint`, `removeAllBreakpoints`.
//
// They stop the program after the fact: the kernel tells what happened, and the debugger is asked to pause. How long that
// took is said with every stop.
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { formatBytes, formatCount, formatDuration } from '../../shared/format';
import { Command, ContextKey, TreeItemContext, View } from '../contributions';
import { registerRowCommand } from '../focused-node';
import { plainTextWithoutLinks } from '../plain-text';
import type { SessionStore } from '../session-store';
import { askForBreakpoint } from './breakpoint-input';
import {
  BreakpointMatcher,
  maximumBreakpoints,
  parseBreakpoints,
  type BreakpointHit,
  type NetworkBreakpoint,
} from './breakpoint-matching';
import type { DebuggerStops } from './debugger-stops';

/** Key in the memory of the workspace: breakpoints belong to a program. */
const memoryKey = 'networkBreakpoints';

interface LastHit {
  count: number;
  /** Plain text. */
  text: string;
}

export class NetworkBreakpoints implements vscode.TreeDataProvider<NetworkBreakpoint>, vscode.Disposable {
  readonly #store: SessionStore;
  readonly #stops: DebuggerStops;
  readonly #memory: vscode.Memento;
  readonly #matcher = new BreakpointMatcher();
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly #hits = new Map<string, LastHit>();
  /** How many events of each session have been looked at. */
  readonly #lastEvents = new WeakMap<object, unknown>();
  /** Sessions that are being paused. */
  readonly #pausing = new Set<string>();
  readonly #view: vscode.TreeView<NetworkBreakpoint>;
  readonly #subscription: vscode.Disposable;
  #breakpoints: readonly NetworkBreakpoint[];

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(store: SessionStore, stops: DebuggerStops, memory: vscode.Memento) {
    this.#store = store;
    this.#stops = stops;
    this.#memory = memory;
    this.#breakpoints = parseBreakpoints(memory.get(memoryKey));
    this.#matcher.set(this.#breakpoints);
    this.#tellContext();
    const view = vscode.window.createTreeView(View.Breakpoints, { treeDataProvider: this });
    this.#view = view;
    this.#subscription = vscode.Disposable.from(
      view,
      view.onDidChangeCheckboxState(({ items }) => {
        for (const [{ id }, state] of items) {
          this.#replace(id, { enabled: state === vscode.TreeItemCheckboxState.Checked });
        }
      }),
      store.onDidChange(({ session, kind }) => {
        if (kind === 'updated') this.#look(session.id);
      }),
      vscode.commands.registerCommand(Command.AddBreakpoint, (given?: unknown) => this.#add(given)),
      registerRowCommand(view, Command.EditBreakpoint, (breakpoint) => this.#edit(breakpoint)),
      registerRowCommand(view, Command.RemoveBreakpoint, ({ id }) =>
        this.#set(this.#breakpoints.filter((each) => each.id !== id)),
      ),
      vscode.commands.registerCommand(Command.RemoveAllBreakpoints, () => this.#set([])),
    );
  }

  getChildren(breakpoint?: NetworkBreakpoint): NetworkBreakpoint[] {
    return breakpoint === undefined ? [...this.#breakpoints] : [];
  }

  getParent(): undefined {
    return undefined;
  }

  getTreeItem(breakpoint: NetworkBreakpoint): vscode.TreeItem {
    const item = new vscode.TreeItem(breakpointText(breakpoint));
    const hit = this.#hits.get(breakpoint.id);
    item.id = breakpoint.id;
    item.contextValue = TreeItemContext.Breakpoint;
    item.checkboxState = breakpoint.enabled
      ? vscode.TreeItemCheckboxState.Checked
      : vscode.TreeItemCheckboxState.Unchecked;
    if (hit !== undefined) {
      item.description = vscode.l10n.t('hit {0}×', formatCount(hit.count));
      item.tooltip = hit.text;
    }
    return item;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }

  /**
   * @param given the breakpoint, for keybindings and other extensions, or only its filter; the user is asked for the rest
   */
  async #add(given: unknown): Promise<void> {
    if (this.#breakpoints.length >= maximumBreakpoints) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t('There are {0} network breakpoints already. Remove some first.', maximumBreakpoints),
      );
      return;
    }
    const id = randomUUID();
    const [known] = parseBreakpoints([{ ...(given as object | undefined), id }]);
    const input = known ?? (await askForBreakpoint({ filter: filterOf(given) }));
    if (input === undefined) return;
    const added: NetworkBreakpoint = { ...input, id, enabled: true };
    await this.#set([...this.#breakpoints, added]);
    // Who was asked sees what came of it, also where the view was folded.
    if (known === undefined) await this.#view.reveal(added, { select: true, focus: false });
  }

  async #edit({ id }: NetworkBreakpoint): Promise<void> {
    const input = await askForBreakpoint(this.#breakpoints.find((each) => each.id === id));
    if (input !== undefined) {
      this.#replace(id, input);
    }
  }

  #replace(id: string, changes: Partial<NetworkBreakpoint>): void {
    void this.#set(this.#breakpoints.map((each) => (each.id === id ? { ...each, ...changes } : each)));
  }

  async #set(breakpoints: readonly NetworkBreakpoint[]): Promise<void> {
    this.#breakpoints = breakpoints;
    this.#matcher.set(breakpoints);
    this.#tellContext();
    this.#changed.fire(undefined);
    await this.#memory.update(memoryKey, breakpoints);
  }

  #tellContext(): void {
    void vscode.commands.executeCommand(
      'setContext',
      ContextKey.HasBreakpoints,
      this.#breakpoints.length > 0,
    );
  }

  #look(id: string): void {
    const session = this.#store.get(id);
    if (session?.origin !== 'debug') {
      return;
    }
    const last = this.#lastEvents.get(session);
    const events = session.events.slice(session.events.findLastIndex((event) => event === last) + 1);
    this.#lastEvents.set(session, session.events.at(-1) ?? last);
    if (!this.#matcher.isArmed) {
      return;
    }
    const hits = [
      ...events.flatMap((event) => this.#matcher.ofEvent(session, event)),
      ...this.#matcher.ofSample(session, Date.now()),
    ];
    for (const hit of hits) {
      const count = (this.#hits.get(hit.breakpoint.id)?.count ?? 0) + 1;
      this.#hits.set(hit.breakpoint.id, { count, text: hit.peer });
    }
    const [first] = hits;
    if (first !== undefined) {
      this.#changed.fire(undefined);
      void this.#pause(first);
    }
  }

  async #pause(hit: BreakpointHit): Promise<void> {
    if (this.#pausing.has(hit.session)) {
      return;
    }
    this.#pausing.add(hit.session);
    const stood = await this.#stops.pause(hit.session);
    this.#pausing.delete(hit.session);
    const what = plainTextWithoutLinks(`${breakpointText(hit.breakpoint)} → ${hit.peer}`);
    const text = hitText(what, stood, hit.timeMillis);
    const count = this.#hits.get(hit.breakpoint.id)?.count ?? 1;
    this.#hits.set(hit.breakpoint.id, { count, text });
    this.#changed.fire(undefined);
    if (stood === undefined) void vscode.window.showWarningMessage(text);
    else void vscode.window.showInformationMessage(text);
  }
}

/**
 * @param stood what came of pausing the program
 * @param hitMillis when it happened, in Unix milliseconds
 */
function hitText(
  what: string,
  stood: Awaited<ReturnType<DebuggerStops['pause']>>,
  hitMillis: number,
): string {
  switch (stood) {
    case undefined:
      return vscode.l10n.t('Network breakpoint “{0}” was hit, but the debugger did not pause.', what);
    case 'standing':
      return vscode.l10n.t('Network breakpoint “{0}” was hit; the program had stopped already.', what);
    default:
      return vscode.l10n.t(
        'Paused by network breakpoint “{0}”, {1} after it happened.',
        what,
        formatDuration(stood - hitMillis),
      );
  }
}

function filterOf(given: unknown): string {
  const filter = typeof given === 'object' && given !== null && 'filter' in given ? given.filter : undefined;
  return typeof filter === 'string' ? filter : '';
}

/** One line. */
function breakpointText({ kind, filter, bytes }: Omit<NetworkBreakpoint, 'id' | 'enabled'>): string {
  const anything = filter === '' ? vscode.l10n.t('anything') : filter;
  switch (kind) {
    case 'connect':
      return vscode.l10n.t('connects to {0}', anything);
    case 'accept':
      return vscode.l10n.t('accepts from {0}', anything);
    case 'send':
      return vscode.l10n.t('sends more than {0} to {1}', formatBytes(bytes ?? 0), anything);
  }
}
