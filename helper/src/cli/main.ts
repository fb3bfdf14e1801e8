// Entry point of the executable `procnetmon`. What a command needs is loaded when it runs: an idle `serve`
// keeps neither tables nor colours in memory.
import { CommanderError } from 'commander';
import { version } from '../../../package.json';
import { ExitStatus, RequestError, StartupError } from '../errors';
import { onlyUserOf } from '../access';
import { allowAllUsers } from '../policy';
import { identifyCaller } from '../caller';
import { collectFacts } from '../host-facts';
import { loadAddon, openKernel } from '../startup';
import { CommandError } from './gated-command';
import { createProgram, type Actions } from './program';

/** A sentence for people, beside the output. */
function warn(sentence: string): void {
  process.stderr.write(`procnetmon: ${sentence}\n`);
}

function write(text: string): void {
  process.stdout.write(text);
}

/** Says what is wrong and what to do, and returns the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has written its message, or the help or version that was asked for.
    return error.exitCode === 0 ? ExitStatus.Success : ExitStatus.Usage;
  }
  if (error instanceof StartupError || error instanceof CommandError || error instanceof RequestError) {
    warn(error.message);
    if (error.remedy !== undefined) process.stderr.write(`  ${error.remedy}\n`);
    return error instanceof RequestError ? ExitStatus.Failure : error.status;
  }
  warn(`Unexpected failure: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return ExitStatus.Failure;
}

const actions: Actions = {
  async serve(allUsers) {
    const [{ serve }, { diagnose }, { giveUpRights, heldRightsCheck, readHeldRights }] = await Promise.all([
      import('../rpc/serve'),
      import('../doctor'),
      import('../rights'),
    ]);
    const addon = loadAddon();
    const caller = allowAllUsers(identifyCaller(addon, process.env), allUsers);
    const facts = collectFacts(addon);
    const { kernel, limitations } = openKernel(addon, { onlyUser: onlyUserOf(caller) });
    try {
      await giveUpRights({ addon, caller, warn });
      limitations.forEach(warn);
      const opened = { attachment: kernel.attachment, processEvents: kernel.processEvents, limitations };
      return await serve({
        kernel,
        caller,
        rights: readHeldRights(addon),
        input: process.stdin,
        output: process.stdout,
        version,
        doctor: () => {
          const report = diagnose(version, facts, { opened });
          return { ...report, checks: [...report.checks, heldRightsCheck(readHeldRights(addon))] };
        },
        log: warn,
      });
    } finally {
      kernel.close();
    }
  },

  async lookUpNames() {
    const { lookUpNames } = await import('./name-questions');
    await lookUpNames(process.stdin, process.stdout);
    return ExitStatus.Success;
  },

  async watch(pids, monitor, colours) {
    const { watch } = await import('./watch');
    return watch({ addon: loadAddon(), pids, monitor, colours, warn });
  },

  async top(sortBy, monitor, colours) {
    const { watch } = await import('./watch');
    return watch({ addon: loadAddon(), pids: 'all', sortBy, monitor, colours, warn });
  },

  async run(command, args, monitor, colours) {
    const { run } = await import('./run');
    return run({ addon: loadAddon(), command, arguments: args, monitor, colours, warn });
  },

  async doctor(format, colours) {
    const { runDoctor } = await import('./doctor-command');
    return runDoctor({ version, format, colours });
  },

  async install({ group, ptrace, dryRun = false, yes = false }) {
    const { install } = await import('./install');
    return install({
      ...{ addon: loadAddon(), version, withoutPtrace: !ptrace, dryRun, yes, write },
      ...(group === undefined ? {} : { group }),
    });
  },

  async uninstall(yes) {
    const { uninstall } = await import('./install');
    return uninstall({ yes, write });
  },

  cleanup() {
    if (process.getuid?.() !== 0) {
      throw new StartupError(
        ExitStatus.NoRights,
        'Cleaning up needs the rights of root.',
        'Run "sudo procnetmon cleanup".',
      );
    }
    const removed = loadAddon().sweep();
    process.stdout.write(
      removed === 0
        ? 'Nothing was left behind.\n'
        : `Removed ${String(removed)} filters that were left behind.\n`,
    );
    return Promise.resolve(ExitStatus.Success);
  },
};

async function main(): Promise<void> {
  // `| head` has seen enough; that is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  let status: number = ExitStatus.Success;
  try {
    await createProgram(version, actions, (value) => (status = value)).parseAsync();
  } catch (error) {
    status = report(error);
  }
  // Handles of the kernel half and of a command that is left running must not hold the process.
  process.exit(status);
}

void main();
