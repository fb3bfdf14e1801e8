// `procnetmon watch PID...`: shows processes that run already, until they end or the user has seen enough; and
// `watch --all` and `top`, which show every process that has connections.
import { ExitStatus } from '../errors';
import type { KernelAddon } from '../kernel';
import { allowAllUsers } from '../policy';
import { giveUpRights } from '../rights';
import { identifyCaller } from '../caller';
import { openKernel } from '../startup';
import { onlyUserOf, seesEverything } from '../access';
import { sanitise } from '../../../src/shared/sanitise';
import type { ProcessOrder } from './process-orders';
import { NameQuestions } from './name-questions';
import type { MonitorOptions } from './options';
import { FileOutput, type Output, StreamOutput, wantsColours } from './output';
import { Session } from './session';

export interface WatchOptions {
  addon: KernelAddon;
  /** The processes, or all that the caller may see. */
  pids: readonly number[] | 'all';
  /** As a table of processes only, in this order at first. */
  sortBy?: ProcessOrder;
  monitor: MonitorOptions;
  colours: boolean;
  warn: (sentence: string) => void;
}

/** Resolves with the exit status. To end it by a signal is the usual way and no failure. */
export async function watch(options: WatchOptions): Promise<number> {
  const { addon, monitor } = options;
  const caller = allowAllUsers(identifyCaller(addon, process.env), monitor.allUsers ?? false);
  const { kernel, limitations } = openKernel(addon, { onlyUser: onlyUserOf(caller) });
  try {
    let output: Output = new StreamOutput(process.stdout);
    const openOutput = (): void => {
      if (monitor.output !== undefined) output = new FileOutput(monitor.output);
    };
    const changesUser = process.getuid?.() !== caller.uid;
    const names = monitor.reverseLookup ? new NameQuestions(changesUser ? caller : undefined) : undefined;
    await giveUpRights({
      addon,
      caller,
      asCaller: openOutput,
      warn: options.warn,
    });
    const session = new Session({
      kernel,
      caller,
      monitor,
      table: 'live',
      sortBy: options.sortBy,
      output,
      colours: wantsColours(output, process.env, options.colours),
      names,
      warn: options.warn,
    });
    const interrupted = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.once(signal, () => resolve());
      }
    });
    session.start(options.pids);
    for (const limitation of limitations) session.warn(limitation);
    if (options.pids === 'all' && !seesEverything(caller)) {
      session.warn(
        `Only processes of ${sanitise(caller.userName, 64)} are shown; those of others take root, or root's policy and --all-users.`,
      );
    }
    await Promise.race([session.ended, interrupted]);
    await session.finish();
    return session.outputFailed ? ExitStatus.Failure : ExitStatus.Success;
  } finally {
    kernel.close();
  }
}
