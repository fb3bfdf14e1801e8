// Follows the debug sessions of this window, finds the process of each, and has it watched. A session that the
// user started and all of its child sessions are one entry on show: the processes of one F5 belong together.
import * as vscode from 'vscode';
import {
  canEvaluatePid,
  clueFromAdapter,
  clueFromConfiguration,
  clueFromEditor,
  isJavaScriptDebugger,
  isRemoteDebuggee,
  isStartComplete,
  pidFromEvaluation,
  pidFromSessionName,
  type DebuggeeClue,
} from './debuggee/debuggee-ladder';
import { identifyProcess, newestChildOf } from './debuggee/process-table';
import { HelperRequestError } from './helper-connection';
import type { HelperService, StartTrigger } from './helper-service';
import { isOver, type SessionStore } from './session-store';
import type { WatchController, WatchTarget } from './watch-controller';

/** One F5: the session the user started, with the sessions below it. */
interface DebugRun {
  readonly root: vscode.DebugSession;
  /** Ids of the debug sessions that have not ended. */
  readonly live: Set<string>;
  /** Best clue so far, by debug session. */
  readonly clues: Map<string, DebuggeeClue>;
  /** Processes found so far, by pid. */
  readonly targets: Map<number, WatchTarget>;
  /** Id in the session store, while it is on show. */
  shownAs: string | undefined;
  /** A process that was found had ended by then. */
  endedEarly: boolean;
}

export class DebugSessions implements vscode.Disposable {
  readonly #store: SessionStore;
  readonly #helper: HelperService;
  readonly #watch: WatchController;
  readonly #log: vscode.LogOutputChannel;
  readonly #runs = new Map<string, DebugRun>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    store: SessionStore,
    helper: HelperService,
    watch: WatchController,
    log: vscode.LogOutputChannel,
  ) {
    this.#store = store;
    this.#helper = helper;
    this.#watch = watch;
    this.#log = log;
    this.#subscriptions = [
      vscode.debug.registerDebugAdapterTrackerFactory('*', {
        createDebugAdapterTracker: (session) => this.#track(session),
      }),
      vscode.debug.onDidStartDebugSession((session) => this.#started(session)),
      vscode.debug.onDidTerminateDebugSession((session) => this.#ended(session)),
    ];
    // One that runs already when the extension is activated by its view.
    if (vscode.debug.activeDebugSession !== undefined) {
      this.#started(vscode.debug.activeDebugSession);
    }
  }

  /** Id of the watched session that a debug session belongs to; `undefined` while it is not watched. */
  shownAs(session: vscode.DebugSession): string | undefined {
    return this.#runs.get(rootOf(session).id)?.shownAs;
  }

  /** Puts all running debug sessions on show and has them watched. */
  async watchAll(trigger: StartTrigger): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => this.#show(run, trigger)));
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }

  #track(session: vscode.DebugSession): vscode.DebugAdapterTracker {
    const run = this.#runOf(session);
    return {
      onDidSendMessage: (message: unknown) => {
        this.#takeClue(run, session, clueFromAdapter(session.type, message));
        if (isStartComplete(message)) {
          void this.#resolve(run, session);
        }
      },
      onWillReceiveMessage: (message: unknown) => {
        // The JavaScript debugger names the process in a child session, surer than the terminal does.
        if (!isJavaScriptDebugger(session.type)) {
          this.#takeClue(run, session, clueFromEditor(message));
        }
      },
    };
  }

  #runOf(session: vscode.DebugSession): DebugRun {
    const root = rootOf(session);
    let run = this.#runs.get(root.id);
    if (run === undefined) {
      run = {
        root,
        live: new Set(),
        clues: new Map(),
        targets: new Map(),
        shownAs: undefined,
        endedEarly: false,
      };
      this.#runs.set(root.id, run);
      void this.#show(run, 'debug-session');
    }
    if (!run.live.has(session.id)) {
      run.live.add(session.id);
      this.#takeClue(run, session, clueFromConfiguration(session.configuration));
    }
    return run;
  }

  #started(session: vscode.DebugSession): void {
    const run = this.#runOf(session);
    void this.#resolve(run, session);
    const isChild = session.parentSession !== undefined;
    const named = pidFromSessionName(session.type, session.configuration.name, isChild);
    if (named !== undefined) {
      void this.#found(run, named);
    } else if (canEvaluatePid(session.type, isChild)) {
      void this.#evaluate(run, session);
    }
  }

  #ended(session: vscode.DebugSession): void {
    const run = this.#runs.get(rootOf(session).id);
    run?.live.delete(session.id);
    if (run === undefined || (run.live.size > 0 && session.id !== run.root.id)) {
      return;
    }
    this.#runs.delete(run.root.id);
    if (run.shownAs === undefined) {
      return;
    }
    if (run.targets.size === 0 && !this.#watch.isWatched(run.shownAs)) {
      this.#store.fail(run.shownAs, explainNotFound(run));
    } else {
      void this.#watch.end(run.shownAs);
    }
  }

  #takeClue(run: DebugRun, session: vscode.DebugSession, clue: DebuggeeClue | undefined): void {
    if (clue === undefined || clue.rung <= (run.clues.get(session.id)?.rung ?? 0)) {
      return;
    }
    run.clues.set(session.id, clue);
    // A shell's child exists once the start is complete; a process is there already.
    if (!clue.isShell) {
      void this.#resolve(run, session);
    }
  }

  async #resolve(run: DebugRun, session: vscode.DebugSession): Promise<void> {
    const clue = run.clues.get(session.id);
    if (clue === undefined) {
      return;
    }
    const pid = clue.isShell ? (await newestChildOf(clue.pid))?.pid : clue.pid;
    // A surer clue may have come while the process table was read.
    if (pid !== undefined && run.clues.get(session.id) === clue) {
      await this.#found(run, pid);
    }
  }

  async #evaluate(run: DebugRun, session: vscode.DebugSession): Promise<void> {
    try {
      const answer: unknown = await session.customRequest('evaluate', {
        expression: 'process.pid',
        context: 'repl',
      });
      const pid = pidFromEvaluation(answer);
      if (pid !== undefined) {
        await this.#found(run, pid);
      }
    } catch (error) {
      this.#log.debug(`${session.name} did not tell its process id: ${String(error)}`);
    }
  }

  async #found(run: DebugRun, pid: number): Promise<void> {
    if (run.targets.has(pid)) {
      return;
    }
    if (isRemoteDebuggee(run.root.configuration)) {
      this.#log.info(
        `${run.root.name} runs on another machine: process ${String(pid)} is not one of this one`,
      );
      return;
    }
    const identity = await identifyProcess(pid);
    if (identity === undefined) {
      run.endedEarly = true;
      this.#log.info(`${run.root.name}: process ${String(pid)} has ended or is not on this machine`);
      return;
    }
    const target = { pid, startTicks: identity.startTicks };
    run.targets.set(pid, target);
    await this.#watchTarget(run, target);
  }

  async #show(run: DebugRun, trigger: StartTrigger): Promise<void> {
    if (this.#isShown(run) || !this.#helper.mayStart(trigger)) {
      return;
    }
    const { root } = run;
    const shown = this.#store.add({ label: root.name, origin: 'debug', debugType: root.type });
    run.shownAs = shown.id;
    this.#store.setState(shown.id, 'starting');
    if ((await this.#helper.start(trigger)) === undefined) {
      // The view's welcome text says why, and how to start.
      run.shownAs = undefined;
      this.#store.remove(shown.id);
      return;
    }
    if (run.targets.size === 0) {
      this.#store.setState(shown.id, 'searching');
    }
    for (const target of run.targets.values()) {
      await this.#watchTarget(run, target);
    }
  }

  #isShown(run: DebugRun): boolean {
    const session = run.shownAs === undefined ? undefined : this.#store.get(run.shownAs);
    return session !== undefined && !isOver(session);
  }

  async #watchTarget(run: DebugRun, target: WatchTarget): Promise<void> {
    const { shownAs } = run;
    if (shownAs === undefined || this.#helper.connection === undefined) {
      return;
    }
    try {
      await this.#watch.watch(shownAs, target);
    } catch (error) {
      this.#log.warn(`Process ${String(target.pid)} of ${run.root.name} cannot be watched: ${String(error)}`);
      // Others of this run may go on.
      if (!this.#watch.isWatched(shownAs) && error instanceof HelperRequestError) {
        const { message, remedy } = error;
        this.#store.fail(shownAs, remedy === undefined ? { message } : { message, remedy });
      }
    }
  }
}

function rootOf(session: vscode.DebugSession): vscode.DebugSession {
  let root = session;
  while (root.parentSession !== undefined) {
    root = root.parentSession;
  }
  return root;
}

function explainNotFound({ root, endedEarly }: DebugRun): { message: string; remedy: string } {
  if (isRemoteDebuggee(root.configuration)) {
    return {
      message: vscode.l10n.t('The program ran on another machine.'),
      remedy: vscode.l10n.t(
        'Open the folder on that machine, with Remote - SSH for example, and debug there.',
      ),
    };
  }
  if (endedEarly) {
    return {
      message: vscode.l10n.t('The program ended before it could be watched.'),
      remedy: vscode.l10n.t('Let it stop at a breakpoint, or run it with “procnetmon run” in a terminal.'),
    };
  }
  return {
    message: vscode.l10n.t('The debugger did not tell which process it debugs.'),
    remedy: vscode.l10n.t('Use “Monitor PID…” while the program runs.'),
  };
}
