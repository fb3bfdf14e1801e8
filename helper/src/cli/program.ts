// The command line as it is written: commands, their help, and what each hands on.
import { Command, InvalidArgumentError, Option } from 'commander';
import { sanitise } from '../../../src/shared/sanitise';
import {
  addAllUsersOption,
  addColourOption,
  addMeasurementOptions,
  addMonitorOptions,
  formatOption,
  monitorOptions,
  type RawMeasurementOptions,
  type RawMonitorOptions,
} from './command-options';
import { type Format, type MonitorOptions, parsePids } from './options';
import { keysOfTop, processOrders, type ProcessOrder } from './process-orders';

/** For the helper itself, see name-questions.ts. */
export const lookUpCommand = 'look-up-names';

/** What the commands do. Each resolves with the exit status of the process. */
export interface Actions {
  serve(allUsers: boolean): Promise<number>;
  watch(pids: number[] | 'all', options: MonitorOptions, colours: boolean): Promise<number>;
  top(sortBy: ProcessOrder, options: MonitorOptions, colours: boolean): Promise<number>;
  run(command: string, args: string[], options: MonitorOptions, colours: boolean): Promise<number>;
  doctor(format: Format, colours: boolean): Promise<number>;
  cleanup(): Promise<number>;
  install(options: InstallChoices): Promise<number>;
  uninstall(yes: boolean): Promise<number>;
  /** The process that `--reverse-lookup` asks. */
  lookUpNames(): Promise<number>;
}

/** Options of `install`. */
export interface InstallChoices {
  group?: string;
  ptrace: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** What every command is added to, and what it calls. */
interface Parser {
  program: Command;
  actions: Actions;
  /** Takes the exit status of the command that ran. */
  finish: (status: number) => void;
}

const examples = `
Examples:
  $ sudo procnetmon top
  $ sudo procnetmon watch 1234
  $ sudo procnetmon run -- curl -O https://example.org/file
  $ sudo procnetmon run --format json -o usage.jsonl -- npm test
  $ sudo procnetmon doctor`;

/**
 * @param finish takes the exit status of the command that ran
 * @returns the parser; it throws `CommanderError` instead of ending the process
 */
export function createProgram(version: string, actions: Actions, finish: (status: number) => void): Command {
  const program = new Command('procnetmon')
    .description('See what programs do on the network: rates, connections and peers, by process.')
    .version(`procnetmon ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      // What was typed stands in these messages as it was.
      outputError: (text, write) => {
        const lines = text.trimEnd().split('\n');
        write(
          `${lines
            .map((line) => sanitise(line, 1_024))
            .join('\n')
            .replace(/^error:/, 'procnetmon:')}\n`,
        );
      },
    })
    .showHelpAfterError('Run "procnetmon --help" for the commands and options there are.')
    .addHelpText('after', examples);

  const parser: Parser = { program, actions, finish };
  // In the order of the help.
  addWatch(parser);
  addTop(parser);
  addRun(parser);
  addDoctor(parser);
  addCleanup(parser);
  addInstallation(parser);
  addServe(parser);
  return program;
}

function addWatch({ program, actions, finish }: Parser): void {
  addAllUsersOption(addMonitorOptions(program.command('watch')))
    .description('watch running processes and their children, live')
    .argument('[pid...]', 'ids of the processes', parsePids)
    .option('-a, --all', 'every process that has connections, instead of some')
    .addHelpText('after', '\nEnds when the processes have ended, or with Ctrl-C.')
    .action(async (pids: number[], raw: RawMonitorOptions & { all?: boolean }, command: Command) => {
      const all = raw.all ?? false;
      if (all === pids.length > 0) command.error("error: give either process ids or '--all'");
      finish(await actions.watch(all ? 'all' : pids, monitorOptions(raw), raw.color));
    });
}

function addTop({ program, actions, finish }: Parser): void {
  addAllUsersOption(addMeasurementOptions(program.command('top')))
    .description('show who uses the network, the busiest first, live')
    .addOption(
      new Option('--sort <order>', 'what the processes are ordered by')
        .choices(processOrders.map(({ name }) => name))
        .default('rate'),
    )
    .addHelpText(
      'after',
      `\nKeys: ${keysOfTop}. With --format json as "watch --all", without a look at payload.`,
    )
    .action(async (raw: RawMeasurementOptions & { sort: ProcessOrder }) => {
      const options = monitorOptions({ ...raw, children: false, inspect: false });
      finish(await actions.top(raw.sort, options, raw.color));
    });
}

const runHelp = `
The command runs as you, also under sudo. procnetmon exits with its status; 127: there is no such command,
126: it cannot be executed.
  --format table  the totals follow on standard error once the command and its children have ended
  --format json   lines go to standard output, what the command prints there goes to standard error;
                  with --output the lines go to the file and the command keeps its standard output
After --duration or --samples the measurement ends and the command goes on.`;

function addRun({ program, actions, finish }: Parser): void {
  addMonitorOptions(program.command('run'))
    .description('start a command, watch it and its children from the first connection on')
    .argument('<command>', 'what to run; put -- in front of it')
    .argument('[argument...]', 'its arguments')
    .passThroughOptions()
    .addHelpText('after', runHelp)
    .action(async (command: string, args: string[], raw: RawMonitorOptions) => {
      if (command === '') throw new InvalidArgumentError('The command is empty. Give the name of a program.');
      finish(await actions.run(command, args, monitorOptions(raw), raw.color));
    });
}

function addDoctor({ program, actions, finish }: Parser): void {
  addColourOption(program.command('doctor'))
    .description('tell what this kernel and these rights allow, and what to do about it')
    .addOption(formatOption())
    .action(async (raw: Pick<RawMonitorOptions, 'format' | 'color'>) => {
      finish(await actions.doctor(raw.format, raw.color));
    });
}

function addCleanup({ program, actions, finish }: Parser): void {
  program
    .command('cleanup')
    .description('remove what a killed procnetmon left in the kernel (before Linux 6.6)')
    .action(async () => finish(await actions.cleanup()));
}

function addInstallation({ program, actions, finish }: Parser): void {
  program
    .command('install')
    .description('install a copy that counts without a password; says first what it does')
    .option('-g, --group <group>', 'group whose members may count; by default your own')
    .option('--no-ptrace', 'do without the right to look at sockets that were opened before the start')
    .option('-n, --dry-run', 'say what would be done, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action(async (raw: InstallChoices) => finish(await actions.install(raw)));

  program
    .command('uninstall')
    .description('remove what "install" has installed')
    .option('-y, --yes', 'do not ask')
    .action(async ({ yes = false }: { yes?: boolean }) => finish(await actions.uninstall(yes)));
}

/** What the extension and the helper itself start. */
function addServe({ program, actions, finish }: Parser): void {
  addAllUsersOption(program.command('serve'))
    .description('serve an editor: JSON-RPC on standard input and output')
    .action(async ({ allUsers = false }: { allUsers?: boolean }) => finish(await actions.serve(allUsers)));

  program.command(lookUpCommand, { hidden: true }).action(async () => finish(await actions.lookUpNames()));
}
