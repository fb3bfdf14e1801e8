// `procnetmon run -- COMMAND...`: starts a command, watches it from its first socket on, and exits as it did.
import type { KernelAddon } from '../kernel';
import { giveUpRights } from '../rights';
import { identifyCaller } from '../caller';
import { onlyUserOf } from '../access';
import { openKernel } from '../startup';
import { findUser } from '../users';
import { callerEnvironment, checkCommand, GatedCommand, inForegroundOfTerminal } from './gated-command';
import { NameQuestions } from './name-questions';
import type { MonitorOptions } from './options';
import { FileOutput, StreamOutput, wantsColours, type Output } from './output';
import { Session } from './session';

export interface RunOptions {
  addon: KernelAddon;
  command: string;
  arguments: readonly string[];
  monitor: MonitorOptions;
  colours: boolean;
  warn: (sentence: string) => void;
}

/** Resolves with the exit status of the command: 128 + signal when it was killed. */
export async function run(options: RunOptions): Promise<number> {
  const { addon, monitor } = options;
  const caller = identifyCaller(addon, process.env);
  const changesUser = process.getuid?.() !== caller.uid;
  const user = findUser(caller.uid);
  const environment =
    changesUser && user !== undefined ? callerEnvironment(process.env, user) : { ...process.env };
  const { kernel, limitations } = openKernel(addon, { onlyUser: onlyUserOf(caller) });
  try {
    // With JSON lines on standard output, what the command prints there would end up among them.
    const shared = monitor.format === 'json' && monitor.output === undefined;
    const command = await GatedCommand.start({
      command: options.command,
      arguments: options.arguments,
      identity: changesUser ? caller : undefined,
      environment,
      standardOutput: shared ? 'standard-error' : 'inherit',
    });
    const names = monitor.reverseLookup ? new NameQuestions(changesUser ? caller : undefined) : undefined;
    let session: Session;
    try {
      let output: Output = new StreamOutput(monitor.format === 'json' ? process.stdout : process.stderr);
      const checkAndOpen = (): void => {
        // Not before: whether a file exists is nothing that root's rights should tell.
        checkCommand(options.command, environment, changesUser);
        if (monitor.output !== undefined) output = new FileOutput(monitor.output);
      };
      await giveUpRights({
        addon,
        caller,
        asCaller: checkAndOpen,
        child: command.pid,
        warn: options.warn,
      });
      session = new Session({
        kernel,
        caller,
        monitor,
        table: 'none',
        output,
        colours: wantsColours(output, process.env, options.colours),
        names,
        warn: options.warn,
      });
      session.start([command.pid]);
    } catch (error) {
      await command.abandon();
      throw error;
    }
    for (const limitation of limitations) session.warn(limitation);
    return await measure(command, session);
  } finally {
    kernel.close();
  }
}

async function measure(command: GatedCommand, session: Session): Promise<number> {
  let commandEnded = false;
  let stopWaiting: () => void = () => undefined;
  const interrupted = new Promise<void>((resolve) => (stopWaiting = resolve));
  const forward = (signal: NodeJS.Signals): void => {
    if (commandEnded) stopWaiting();
    else if (signal === 'SIGTERM' || signal === 'SIGHUP' || !inForegroundOfTerminal()) command.signal(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  for (const signal of signals) process.on(signal, forward);

  command.release();
  const status = command.exited.then((value) => {
    commandEnded = true;
    session.checkProcesses();
    return value;
  });
  // The processes that the command has left behind are part of the measurement; a signal ends the wait.
  await Promise.race([session.ended, interrupted]);
  await session.finish();
  const value = await status;
  for (const signal of signals) process.off(signal, forward);
  return value;
}
