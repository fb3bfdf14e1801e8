// When the helper runs: who may start it, what is asked of the user, and what is said when it does not work.
// At most one helper runs in a window. A helper that goes is started again by itself
// where nobody has to be asked; one that failed to start, or was declined, is not.
import { userInfo } from 'node:os';
import * as vscode from 'vscode';
import { findInstallation } from '../installation/installation';
import type { HeldRights, MonitorEvent, MonitorSample } from '../shared/protocol';
import { Command, ContextKey, type HelperState } from './contributions';
import type { HelperConnection } from './helper-connection';
import {
  explainDisconnect,
  explainRestart,
  explainStartFailure,
  passwordBox,
  type Explanation,
} from './helper-messages';
import type { HelperRefusal } from './helper-output';
import { HelperStartError, launchHelper, type Asking, type StartFailure } from './helper-process';
import { plainTextWithoutLinks } from './plain-text';
import { setStartSetting, startSetting } from './settings';

/** Who wants the helper: a debug session that began, or the user by a command. */
export type StartTrigger = 'debug-session' | 'user';

/** Parts of the extension's folder that are run. */
export interface HelperFiles {
  executable: string;
  askpassScript: string;
}

/** What the service is made for. */
export interface HelperOptions extends HelperFiles {
  /** Version of the extension, which an installed helper must have too. */
  version: string;
}

/** How often a helper that has gone is started again by itself within `restartPeriodMillis`. */
const maximumRestarts = 3;
const restartPeriodMillis = 10 * 60_000;

/** More than any helper counts. Each helper numbers its flows from one on. */
const flowsOfOneHelper = 2 ** 36;

export class HelperService implements vscode.Disposable {
  readonly #files: HelperOptions;
  readonly #log: vscode.LogOutputChannel;
  readonly #samples = new vscode.EventEmitter<MonitorSample>();
  readonly #events = new vscode.EventEmitter<MonitorEvent>();
  readonly #disconnected = new vscode.EventEmitter<Explanation | undefined>();
  readonly #interrupted = new vscode.EventEmitter<void>();
  readonly #resumed = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[];
  /** When a helper that had gone was started again by itself, in milliseconds. */
  readonly #restarts: number[] = [];
  /** How many helpers have run before the present one. */
  #predecessors = 0;
  #state: HelperState = 'idle';
  #connection: HelperConnection | undefined;
  #starting: Promise<HelperConnection | undefined> | undefined;
  /** A start for which nobody may be asked; a full start waits for it. */
  #startingUnattended: Promise<void> | undefined;
  /** sudo has refused to do without a password since the helper last ran. */
  #passwordNeeded = false;
  /** Closes the password box of the start that is under way. */
  #passwordBox: vscode.CancellationTokenSource | undefined;
  /** Set once the user declined or a start failed: from then on only the user starts it. */
  #onlyByUser = false;

  readonly onSample = this.#samples.event;
  readonly onEvent = this.#events.event;
  /** Fires when the helper has gone and another one is being started: `onDidResume` or `onDidDisconnect` follows. */
  readonly onDidInterrupt = this.#interrupted.event;
  readonly onDidResume = this.#resumed.event;
  /** Fires when the helper has gone: with an explanation when that was not asked for. */
  readonly onDidDisconnect = this.#disconnected.event;

  constructor(files: HelperOptions, log: vscode.LogOutputChannel) {
    this.#files = files;
    this.#log = log;
    this.#subscriptions = [
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#showRestingState()),
      vscode.workspace.onDidChangeConfiguration(() => this.#showRestingState()),
    ];
    this.#setState(this.#restingState());
  }

  get state(): HelperState {
    return this.#state;
  }

  get connection(): HelperConnection | undefined {
    return this.#connection;
  }

  /** Whether `start` would do anything for that trigger. */
  mayStart(trigger: StartTrigger): boolean {
    const isUnderWay = this.#starting !== undefined || this.#startingUnattended !== undefined;
    if (this.#connection !== undefined || isUnderWay || trigger === 'user') {
      return true;
    }
    return vscode.workspace.isTrusted && startSetting() !== 'never' && !this.#onlyByUser;
  }

  /** Answers the running helper, or starts one. Undefined when there is none in the end; the user knows why. */
  async start(trigger: StartTrigger): Promise<HelperConnection | undefined> {
    await this.#startingUnattended;
    if (this.#connection !== undefined) {
      return this.#connection;
    }
    if (this.#starting === undefined) {
      if (!this.mayStart(trigger)) {
        return undefined;
      }
      this.#starting = this.#start(trigger).finally(() => {
        this.#starting = undefined;
      });
    }
    return this.#starting;
  }

  /**
   * Starts the helper ahead of a debug session, where the settings want that and nobody has to be asked for it. What
   * else is needed is left to `start`. Resolves when the helper runs or is known not to; never rejects.
   */
  async startUnattended(): Promise<void> {
    if (this.#connection !== undefined || this.#passwordNeeded || startSetting() !== 'always') {
      return;
    }
    if (this.#starting !== undefined || !this.mayStart('debug-session')) {
      return;
    }
    this.#startingUnattended ??= this.#launchUnattended().finally(() => {
      this.#startingUnattended = undefined;
    });
    await this.#startingUnattended;
  }

  /** Ends the helper. It may be started again. */
  async stop(): Promise<void> {
    this.#passwordBox?.cancel();
    await this.#startingUnattended;
    const connection = this.#connection ?? (await this.#starting);
    if (connection === undefined || this.#connection !== connection) {
      return;
    }
    this.#connection = undefined;
    this.#setState(this.#restingState());
    this.#disconnected.fire(undefined);
    await connection.stop();
    connection.dispose();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
    this.#samples.dispose();
    this.#events.dispose();
    this.#disconnected.dispose();
    this.#interrupted.dispose();
    this.#resumed.dispose();
  }

  async #start(trigger: StartTrigger): Promise<HelperConnection | undefined> {
    this.#setState('starting');
    if (trigger === 'debug-session' && startSetting() === 'ask' && !(await this.#mayMonitor())) {
      this.#failed('declined');
      // The answer may have been "never", which says more.
      if (startSetting() === 'never') this.#setState(this.#restingState());
      return undefined;
    }
    try {
      const connection = await this.#launch(this.#passwordNeeded ? 'needed' : 'if-needed');
      this.#connected(connection);
      return connection;
    } catch (error) {
      this.#failedWith(error);
      return undefined;
    }
  }

  async #launchUnattended(): Promise<void> {
    this.#setState('starting');
    try {
      this.#connected(await this.#launch('never'));
    } catch (error) {
      if (error instanceof HelperStartError && error.failure === 'not-permitted') {
        this.#passwordNeeded = true;
        this.#setState(this.#restingState());
      } else {
        this.#failedWith(error);
      }
    }
  }

  async #launch(asking: Asking): Promise<HelperConnection> {
    if (process.platform !== 'linux') {
      throw new HelperStartError('unsupported', `The helper is for Linux, this is ${process.platform}.`);
    }
    const { connectHelper } = await import('./helper-client');
    const box = new vscode.CancellationTokenSource();
    this.#passwordBox = box;
    try {
      return await launchHelper({
        executable: this.#files.executable,
        askpassScript: this.#files.askpassScript,
        installation: () => findInstallation(this.#files.version),
        node: process.execPath,
        isRoot: process.getuid?.() === 0,
        sudo: 'sudo',
        asking,
        ask: async () => vscode.window.showInputBox(passwordBox(userInfo().username), box.token),
        log: (line) => this.#log.info(line),
        connect: (helper) => connectHelper(helper, this.#log),
      });
    } finally {
      this.#passwordBox = undefined;
      box.dispose();
    }
  }

  #connected(connection: HelperConnection): void {
    this.#connection = connection;
    this.#onlyByUser = false;
    this.#passwordNeeded = false;
    const flowsBefore = this.#predecessors * flowsOfOneHelper;
    this.#predecessors += 1;
    connection.onSample((sample) => this.#samples.fire(renumberFlows(sample, flowsBefore)));
    connection.onEvent((event) => this.#events.fire(event));
    connection.onDidDisconnect(() => this.#lost(connection));
    this.#log.info(
      `The helper runs as process ${String(connection.helper.pid)}, attached by ${connection.helper.attachment}. ${describeRights(connection.helper.rights)}`,
    );
    this.#setState('running');
  }

  #lost(connection: HelperConnection): void {
    if (this.#connection !== connection) {
      return;
    }
    this.#connection = undefined;
    connection.dispose();
    if (this.#mayRestart()) {
      this.#startingUnattended = this.#restart().finally(() => {
        this.#startingUnattended = undefined;
      });
    } else {
      this.#giveUp();
    }
  }

  /** A helper that goes again and again is not started for ever. */
  #mayRestart(): boolean {
    // Of a clock that nobody sets.
    const now = performance.now();
    const recent = this.#restarts.filter((time) => now - time < restartPeriodMillis);
    this.#restarts.splice(0, Infinity, ...recent, now);
    return recent.length < maximumRestarts;
  }

  /** Starts another helper in the place of one that has gone, where nobody has to be asked for that. Never rejects. */
  async #restart(): Promise<void> {
    this.#log.error('The helper has gone. Another one is started.');
    this.#setState('starting');
    this.#interrupted.fire();
    try {
      this.#connected(await this.#launch('never'));
    } catch (error) {
      this.#log.error(describeError(error));
      this.#giveUp();
      return;
    }
    this.#resumed.fire();
    const { message, remedy } = explainRestart();
    const showLog = vscode.l10n.t('Show Log');
    void vscode.window.showWarningMessage(`${message} ${remedy}`, showLog).then((choice) => {
      if (choice === showLog) this.#log.show();
    });
  }

  #giveUp(): void {
    const explanation = explainDisconnect();
    this.#log.error(explanation.message);
    this.#onlyByUser = true;
    this.#setState('failed');
    this.#disconnected.fire(explanation);
    void this.#offerNextStep(explanation, vscode.l10n.t('Start Monitoring'));
  }

  #failedWith(error: unknown): void {
    this.#log.error(describeError(error));
    if (error instanceof HelperStartError) {
      this.#failed(error.failure, error.refusal);
    } else {
      this.#failed('failed');
    }
  }

  #failed(failure: StartFailure, refusal?: HelperRefusal): void {
    this.#onlyByUser = true;
    this.#setState(failure);
    const explanation = explainStartFailure(failure, refusal);
    if (explanation !== undefined) {
      void this.#offerNextStep(explanation, vscode.l10n.t('Try Again'));
    }
  }

  async #offerNextStep(explanation: Explanation, again: string): Promise<void> {
    const showLog = vscode.l10n.t('Show Log');
    const text = plainTextWithoutLinks(`${explanation.message} ${explanation.remedy}`);
    const choice = await vscode.window.showErrorMessage(text, again, showLog);
    if (choice === again) {
      await vscode.commands.executeCommand(Command.Start);
    } else if (choice === showLog) {
      this.#log.show();
    }
  }

  async #mayMonitor(): Promise<boolean> {
    const start = vscode.l10n.t('Start');
    const always = vscode.l10n.t('Always Start');
    const never = vscode.l10n.t('Never');
    const choice = await vscode.window.showInformationMessage(
      vscode.l10n.t(
        'Show what the debugged program does on the network? A helper is started for that as root.',
      ),
      start,
      always,
      never,
    );
    const setting = choice === always ? 'always' : choice === never ? 'never' : undefined;
    try {
      if (setting !== undefined) await setStartSetting(setting);
    } catch (error) {
      // A settings file with unsaved changes, for one. The answer holds for this window.
      this.#log.warn(`The setting could not be changed: ${describeError(error)}`);
    }
    return choice === start || choice === always;
  }

  #restingState(): HelperState {
    if (!vscode.workspace.isTrusted) {
      return 'untrusted';
    }
    return startSetting() === 'never' ? 'never' : 'idle';
  }

  /** Follows the settings while nothing more telling is on show. */
  #showRestingState(): void {
    if (this.#state === 'idle' || this.#state === 'never' || this.#state === 'untrusted') {
      this.#setState(this.#restingState());
    }
  }

  #setState(state: HelperState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', ContextKey.State, state);
  }
}

function renumberFlows(sample: MonitorSample, add: number): MonitorSample {
  if (add === 0) {
    return sample;
  }
  return {
    ...sample,
    flows: sample.flows.map((flow) => ({ ...flow, id: flow.id + add })),
    removedFlows: sample.removedFlows.map((id) => id + add),
    facts: sample.facts.map((fact) => ({ ...fact, flow: fact.flow + add })),
  };
}

function describeRights({ user, capabilities, noNewPrivileges, systemCallFilter }: HeldRights): string {
  const parts = [
    `It is ${user} with ${capabilities.join(', ') || 'no capabilities'}`,
    noNewPrivileges ? 'gains no others' : 'could gain others',
    systemCallFilter ? 'and makes filtered system calls only' : 'and its system calls are not filtered',
  ];
  return `${parts.join(', ')}.`;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause === undefined ? error.message : `${error.message} (${describeError(error.cause)})`;
}
