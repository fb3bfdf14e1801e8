// Options that several commands share, as commander knows them and as the rest does.
import { type Command, Option } from 'commander';
import { flowGroupings, type FlowGrouping } from '../../../src/shared/flow-filter';
import { limits } from '../../../src/shared/protocol';
import {
  historyRange,
  type NumberRange,
  parseInterfaces,
  parseInterval,
  parseNumber,
  parsePatterns,
  parseSamples,
  parseTotalDuration,
  parseWindow,
  writeDurationOption,
  type Format,
  type MonitorOptions,
} from './options';

/** Options of `watch`, `run` and `top` as commander hands them over. */
export interface RawMeasurementOptions {
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
export interface RawMonitorOptions extends RawMeasurementOptions {
  children: boolean;
  inspect: boolean;
  reverseLookup?: boolean;
  host?: string[];
  protocol?: string[];
  groupBy?: FlowGrouping;
}

export function formatOption(): Option {
  return new Option('-f, --format <format>', 'how to write the output')
    .choices(['table', 'json'])
    .default('table');
}

export function addColourOption(command: Command): Command {
  return command.option('--no-color', 'write without colours, as with NO_COLOR set');
}

export function addAllUsersOption(command: Command): Command {
  return command.option('--all-users', 'let processes of other users be watched, where root allows you that');
}

/** For commands that tell of connections. */
export function addMonitorOptions(command: Command): Command {
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

/** For every command that measures. */
export function addMeasurementOptions(command: Command): Command {
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

/** What commander hands over, in the words of the rest. */
export function monitorOptions(raw: RawMonitorOptions): MonitorOptions {
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
