// Holds a launch until the helper counts, so that the first bytes of the first program of a window are counted too.
// Only where that is a matter of moments: nothing is asked of anybody here, and a debug session goes on whatever
// becomes of the helper. What a program sent before the helper ran is missing from its figures, its connections are not.
//
// Why a configuration provider: it is asked after the configuration is complete and before anything is launched, and
// the editor waits for its answer. A tracker, which is asked later, is dropped with all others when it takes a second.
import * as vscode from 'vscode';
import { isRemoteDebuggee } from './debuggee/debuggee-ladder';
import type { HelperService } from './helper-service';

/** Longest time that a launch is held, in milliseconds. A start takes less than half a second on an idle machine. */
const maximumHoldMillis = 3_000;

class LaunchHold implements vscode.DebugConfigurationProvider {
  readonly #helper: Pick<HelperService, 'startUnattended'>;
  readonly #log: Pick<vscode.LogOutputChannel, 'info' | 'warn'>;

  constructor(
    helper: Pick<HelperService, 'startUnattended'>,
    log: Pick<vscode.LogOutputChannel, 'info' | 'warn'>,
  ) {
    this.#helper = helper;
    this.#log = log;
  }

  /** Answers the configuration as it came, always. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    _folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
    cancellation?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration> {
    try {
      // What is attached to runs already, and the sockets of what runs are taken into account in any case. Beside a
      // session that runs, this may be a child of it, as debuggers launch them for forks: after "Stop Monitoring"
      // that is no reason to start again.
      const isFirst = vscode.debug.activeDebugSession === undefined;
      if (isFirst && configuration.request === 'launch' && !isRemoteDebuggee(configuration)) {
        await this.#hold(cancellation);
      }
    } catch (error) {
      this.#log.warn(`The launch was not held: ${String(error)}`);
    }
    return configuration;
  }

  async #hold(cancellation: vscode.CancellationToken | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let cancelled: vscode.Disposable | undefined;
    const released = new Promise<void>((resolve) => {
      cancelled = cancellation?.onCancellationRequested(() => resolve());
      timer = setTimeout(() => {
        this.#log.info(
          'The helper takes its time: debugging goes on without it, first bytes may be missing.',
        );
        resolve();
      }, maximumHoldMillis);
    });
    try {
      await Promise.race([this.#helper.startUnattended(), released]);
    } finally {
      clearTimeout(timer);
      cancelled?.dispose();
    }
  }
}

/** Registers the hold for debuggers of every type. */
export function registerLaunchHold(helper: HelperService, log: vscode.LogOutputChannel): vscode.Disposable {
  return vscode.debug.registerDebugConfigurationProvider('*', new LaunchHold(helper, log));
}
