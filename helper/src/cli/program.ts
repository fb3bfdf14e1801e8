// The command line as it is written: commands, options, their help, and what each hands on.
import { Command, InvalidArgumentError, Option } from 'commander';
import { flowGroupings, type FlowGrouping } from '../../../src/shared/flow-filter';
import { limits } from '../../../src/shared/protocol';
import { sanitise } from '../../../src/shared/sanitise';
import { keysOfTop, processOrders, type ProcessOrder } from './process-orders';
import {
  historyRange,
  type NumberRange,
  parseInterfaces,
  parseInterval,
  parseNumber,
  parsePatterns,
  parsePids,
  parseSamples,
  parseTotalDuration,
  parseWindow,
  writeDurationOption,
  type MonitorOptions,
} from './options';

/** For the helper itself, see name-questions.ts. */
export const lookUpCommand = 'look-up-names';

export type Format = MonitorOptions['format'];

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

/** Options of `watch`, `run` and `top` as commander hands them over. */
interface RawMeasurementOptions {
  format: Format;
  interval: number;
  window: number;
  duration?: number;
  samples?: number;
  interface?: string[];
  output?: string;
  allUsers?: boolean;
  maxProcesses: number;
  maxConnections: number;
  maxEvents: number;
  maxHistory: number;
  color: boolean;
}

/** Those of `watch` and `run`, which tell of connections. */
interface RawMonitorOptions extends RawMeasurementOptions {
  children: boolean;
  inspect: boolean;
  reverseLookup?: boolean;
  host?: string[];
  protocol?: string[];
  groupBy?: FlowGrouping;
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

  addColourOption(program.command('doctor'))
    .description('tell what this kernel and these rights allow, and what to do about it')
    .addOption(formatOption())
    .action(async (raw: Pick<RawMonitorOptions, 'format' | 'color'>) => {
      finish(await actions.doctor(raw.format, raw.color));
    });

  program
    .command('cleanup')
    .description('remove what a killed procnetmon left in the kernel (before Linux 6.6)')
    .action(async () => finish(await actions.cleanup()));

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

  addAllUsersOption(program.command('serve'))
    .description('serve an editor: JSON-RPC on standard input and output')
    .action(async ({ allUsers = false }: { allUsers?: boolean }) => finish(await actions.serve(allUsers)));

  program.command(lookUpCommand, { hidden: true }).action(async () => finish(await actions.lookUpNames()));

  return program;
}

const runHelp = `
The command runs as you, also under sudo. procnetmon exits with its status; 127: there is no such command,
126: it cannot be executed.
  --format table  the totals follow on standard error once the command and its children have ended
  --format json   lines go to standard output, what the command prints there goes to standard error;
                  with --output the lines go to the file and the command keeps its standard output
After --duration or --samples the measurement ends and the command goes on.`;

function formatOption(): Option {
  return new Option('-f, --format <format>', 'how to write the output')
    .choices(['table', 'json'])
    .default('table');
}

function addColourOption(command: Command): Command {
  return command.option('--no-color', 'write without colours, as with NO_COLOR set');
}

function addAllUsersOption(command: Command): Command {
  return command.option('--all-users', 'let processes of other users be watched, where root allows you that');
}

function addMonitorOptions(command: Command): Command {
  return addMeasurementOptions(command)
    .option('--no-children', 'leave the children of the processes out')
    .option('--no-inspect', 'do not look at payload: no protocols, requests, or names from them')
    .option('--reverse-lookup', 'ask the DNS for the names of addresses that nothing else names')
    .addOption(
      new Option('--host <patterns>', 'show connections to these only, such as db,*.example.org').argParser(
        parsePatterns,
      ),
    )
    .addOption(
      new Option(
        '--protocol <names>',
        'show connections that speak these only, such as h2,postgresql',
      ).argParser(parsePatterns),
    )
    .addOption(
      new Option('--group-by <what>', 'put connections in the table together').choices(flowGroupings),
    );
}

function addMeasurementOptions(command: Command): Command {
  const { intervalMillis, windowMillis } = limits;
  command
    .addOption(formatOption())
    .addOption(
      new Option('-i, --interval <duration>', 'time between two samples, such as 500ms or 2s')
        .argParser(parseInterval)
        .default(intervalMillis.default, writeDurationOption(intervalMillis.default)),
    )
    .addOption(
      new Option('-w, --window <duration>', 'time over which rates are averaged')
        .argParser(parseWindow)
        .default(windowMillis.default, writeDurationOption(windowMillis.default)),
    )
    .addOption(new Option('-d, --duration <duration>', 'stop after this time').argParser(parseTotalDuration))
    .addOption(new Option('-n, --samples <number>', 'stop after so many samples').argParser(parseSamples))
    .addOption(
      new Option('--interface <names>', 'count on these interfaces only, such as eth0,lo').argParser(
        parseInterfaces,
      ),
    )
    .addOption(limitOption('processes', limits.processes, 'follow no more processes than these'))
    .addOption(limitOption('connections', limits.connections, 'tell of no more connections at once'))
    .addOption(limitOption('events', limits.eventsPerSecond, 'tell of no more events a second'))
    .addOption(limitOption('history', historyRange, 'keep no more connections for the summary'))
    .option('-o, --output <file>', 'write to a file');
  return addColourOption(command);
}

function limitOption(what: string, range: NumberRange & { default: number }, description: string): Option {
  return new Option(`--max-${what} <number>`, description)
    .argParser((value) => parseNumber(value, range, what === 'history' ? 'connections' : what))
    .default(range.default);
}

function monitorOptions(raw: RawMonitorOptions): MonitorOptions {
  return {
    format: raw.format,
    children: raw.children,
    intervalMillis: raw.interval,
    windowMillis: raw.window,
    interfaces: raw.interface ?? [],
    inspect: raw.inspect,
    reverseLookup: raw.reverseLookup ?? false,
    maximumProcesses: raw.maxProcesses,
    maximumConnections: raw.maxConnections,
    eventsPerSecond: raw.maxEvents,
    maximumHistory: raw.maxHistory,
    filter: { hosts: raw.host ?? [], protocols: raw.protocol ?? [] },
    ...(raw.groupBy === undefined ? {} : { groupBy: raw.groupBy }),
    ...(raw.duration === undefined ? {} : { durationMillis: raw.duration }),
    ...(raw.samples === undefined ? {} : { samples: raw.samples }),
    ...(raw.output === undefined ? {} : { output: raw.output }),
    ...(raw.allUsers === undefined ? {} : { allUsers: raw.allUsers }),
  };
}
