// A session as a file, `.procnetmon`: everything that the views show of it, to be opened again. JSON, so that other
// programs can read it; docs/saved-sessions.md says what stands in it.
import { marksOf } from '../../shared/estimate';
import type { FlowIdentity } from '../history/flow-log';
import { maximumRequests, type SeenRequest } from '../history/request-log';
import type { WatchedSession } from '../sessions';
import { maximumEvents, maximumMarks, MonitoredSession } from '../watched-session';
import { markKinds, type SessionMark } from '../../shared/panel-messages';
import { commandWithoutArguments } from '../../shared/process-title';
import type { FlowReason, FlowSample, MonitorEvent, ProcessSample, Usage } from '../../shared/protocol';
import { maximumHistoryPoints, type HistoryPoint } from '../../shared/traffic-history';
import { standingStill } from '../../shared/usage';

const formatName = 'procnetmon-session';
const formatVersion = 1;
/** Largest file that is opened, in bytes. */
export const maximumFileBytes = 64 * 1024 * 1024;
const maximumFlows = 20_000;
const maximumProcesses = 2_000;
const maximumText = 4_096;

/** Writes a session. */
export function saveSession(session: WatchedSession): string {
  const { label, origin, debugType, state, startedAt, total, dropped, flowLog, marks, events } = session;
  return JSON.stringify({
    format: formatName,
    version: formatVersion,
    label,
    origin,
    debugType,
    state,
    failure: session.failure,
    startedMillis: startedAt,
    total,
    dropped,
    processes: [...session.processes.values()].map((process) => ({
      ...process,
      command: commandWithoutArguments(process),
    })),
    flows: [...session.flows.values()],
    history: session.history.map(({ timeMillis, spanMillis, tx, rx, txBytes, rxBytes }) => [
      timeMillis,
      spanMillis,
      tx,
      rx,
      txBytes,
      rxBytes,
    ]),
    flowHistory: flowLog.save(),
    marks,
    events,
    requests: session.requests.all,
  });
}

type Fields = Readonly<Record<string, unknown>>;

class NotASession extends Error {}

function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NotASession(`${what} is missing or not an object`);
  }
  return value as Fields;
}

function list(value: unknown, what: string, maximum: number): unknown[] {
  if (!Array.isArray(value)) throw new NotASession(`${what} is missing or not a list`);
  if (value.length > maximum) {
    throw new NotASession(`${what} has ${String(value.length)} entries, at most ${String(maximum)} are read`);
  }
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > maximumText) {
    throw new NotASession(`${what} is missing, too long or not a text`);
  }
  return value;
}

function number(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new NotASession(`${what} is missing or not a number`);
  }
  return value;
}

function numbers(value: unknown, what: string, maximum: number): number[] {
  const given = list(value, what, maximum);
  // Some hundred thousand of them: nothing is made anew.
  if (!given.every(Number.isFinite)) throw new NotASession(`${what} has an entry that is not a number`);
  return given as number[];
}

function usage(value: unknown, what: string): Usage {
  const { wire, payload } = fields(value, what);
  const [onWire, inside] = [fields(wire, `${what}.wire`), fields(payload, `${what}.payload`)];
  return {
    wire: {
      txBytes: number(onWire['txBytes'], `${what}.wire.txBytes`),
      rxBytes: number(onWire['rxBytes'], `${what}.wire.rxBytes`),
      txPackets: number(onWire['txPackets'], `${what}.wire.txPackets`),
      rxPackets: number(onWire['rxPackets'], `${what}.wire.rxPackets`),
    },
    payload: {
      txBytes: number(inside['txBytes'], `${what}.payload.txBytes`),
      rxBytes: number(inside['rxBytes'], `${what}.payload.rxBytes`),
    },
    // Nothing moves any more.
    rates: standingStill(),
  };
}

function endpoint(value: unknown, what: string): { address: string; port: number } {
  const { address, port } = fields(value, what);
  return { address: text(address, `${what}.address`), port: number(port, `${what}.port`) };
}

function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined ? undefined : read(value);
}

/** As a name, whatever protocols there may be. */
function transport(value: unknown): FlowSample['protocol'] {
  const name = text(value, 'the protocol of a connection');
  if (!/^[a-z0-9:]{1,16}$/.test(name)) throw new NotASession('the protocol of a connection is not one');
  return name as FlowSample['protocol'];
}

function flow(value: unknown): FlowSample {
  const given = fields(value, 'a connection');
  const host = optional(given['host'], (each) => fields(each, 'the host of a connection'));
  const application = optional(given['application'], (each) => text(each, 'application'));
  return {
    ...usage(given, 'a connection'),
    id: number(given['id'], 'the id of a connection'),
    pid: number(given['pid'], 'the pid of a connection'),
    protocol: transport(given['protocol']),
    local: endpoint(given['local'], 'the local end of a connection'),
    ...(given['remote'] === undefined ? {} : { remote: endpoint(given['remote'], 'the remote end') }),
    interface: text(given['interface'], 'the interface of a connection'),
    // What was open when it was written is not any more.
    state: given['state'] === 'listening' ? 'listening' : 'closed',
    openedAt: text(given['openedAt'], 'the beginning of a connection'),
    rttMicros: number(given['rttMicros'], 'the round trip of a connection'),
    retransmits: number(given['retransmits'], 'the retransmits of a connection'),
    ...(given['reason'] === undefined
      ? {}
      : { reason: text(given['reason'], 'the reason of a connection') as FlowReason }),
    ...(given['closedAt'] === undefined
      ? {}
      : { closedAt: text(given['closedAt'], 'the end of a connection') }),
    ...marksOf(given),
    ...(host === undefined
      ? {}
      : { host: { name: text(host['name'], 'the name of a host'), source: 'dns' as const } }),
    ...(application === undefined
      ? {}
      : {
          application,
          applicationLabel:
            optional(given['applicationLabel'], (each) => text(each, 'applicationLabel')) ?? application,
          certainty: given['certainty'] === 'guess' ? ('guess' as const) : ('certain' as const),
        }),
  };
}

function process(value: unknown): ProcessSample {
  const given = fields(value, 'a process');
  return {
    ...usage(given, 'a process'),
    pid: number(given['pid'], 'the pid of a process'),
    ppid: number(given['ppid'], 'the parent of a process'),
    startTicks: number(given['startTicks'], 'the start of a process'),
    name: text(given['name'], 'the name of a process'),
    exe: text(given['exe'], 'the program of a process'),
    command: text(given['command'], 'the command of a process'),
    uid: number(given['uid'], 'the user of a process'),
    user: text(given['user'], 'the user of a process'),
    openFlows: 0,
    alive: false,
    ...marksOf(given),
  };
}

function point(value: unknown): HistoryPoint {
  const [timeMillis = 0, spanMillis = 0, tx = 0, rx = 0, txBytes = 0, rxBytes = 0] = numbers(
    value,
    'history',
    6,
  );
  return { timeMillis, spanMillis, tx, rx, txBytes, rxBytes };
}

function mark(value: unknown): SessionMark {
  const given = fields(value, 'a mark');
  const kind = markKinds.find((known) => known === given['kind']);
  if (kind === undefined) throw new NotASession('a mark is of no known kind');
  return {
    kind,
    timeMillis: number(given['timeMillis'], 'the time of a mark'),
    detail: list(given['detail'], 'the details of a mark', 4).map((each) => text(each, 'a detail of a mark')),
  };
}

function event(value: unknown): MonitorEvent {
  const given = fields(value, 'an event');
  text(given['time'], 'the time of an event');
  text(given['kind'], 'the kind of an event');
  number(given['pid'], 'the pid of an event');
  for (const end of ['local', 'remote'])
    if (given[end] !== undefined) endpoint(given[end], 'the end of an event');
  for (const name of ['direction', 'name', 'reason', 'failure']) {
    if (given[name] !== undefined) text(given[name], `the ${name} of an event`);
  }
  return given as unknown as MonitorEvent;
}

function request(value: unknown): SeenRequest {
  const given = fields(value, 'a request');
  const fact = fields(given['fact'], 'what was seen of a request');
  for (const name of ['time', 'version', 'method', 'path']) text(fact[name], `the ${name} of a request`);
  for (const name of ['flow', 'id']) number(fact[name], `the ${name} of a request`);
  for (const name of ['status', 'latencyMicros', 'grpcStatus']) {
    if (fact[name] !== undefined) number(fact[name], `the ${name} of a request`);
  }
  if (fact['host'] !== undefined) text(fact['host'], 'the host of a request');
  return {
    fact: { ...fact, kind: 'http-exchange' } as SeenRequest['fact'],
    ...(given['local'] === undefined
      ? {}
      : { local: endpoint(given['local'], 'the local end of a request') }),
    ...(given['remote'] === undefined
      ? {}
      : { remote: endpoint(given['remote'], 'the remote end of a request') }),
    ...(given['host'] === undefined ? {} : { host: text(given['host'], 'the host of a request') }),
  };
}

function identity(value: unknown): [number, FlowIdentity] {
  const [id, given] = list(value, 'a group of connections', 2);
  const { pid, protocol, peer } = fields(given, 'a group of connections');
  return [
    number(id, 'the id of a group'),
    {
      pid: number(pid, 'the pid of a group'),
      protocol: text(protocol, 'the protocol of a group'),
      ...(peer === undefined ? {} : { peer: text(peer, 'the peer of a group') }),
    },
  ];
}

/**
 * Reads a saved session, from a file that nobody vouches for.
 * @param id of the session that is made
 * @throws an error that says what is wrong with the file
 */
export function loadSession(content: string, id: string): MonitoredSession {
  const given = fields(parse(content), 'the session');
  if (given['format'] !== formatName) throw new NotASession('it is not a saved session of ProcNetMon');
  if (given['version'] !== formatVersion) {
    throw new NotASession(
      `its version is ${String(given['version'])}, this extension reads version ${String(formatVersion)}`,
    );
  }
  const session = new MonitoredSession({
    id,
    label: text(given['label'], 'label'),
    origin: given['origin'] === 'process' ? 'process' : 'debug',
    debugType: text(given['debugType'], 'debugType'),
    startedAt: number(given['startedMillis'], 'startedMillis'),
  });
  session.total = { ...usage(given['total'], 'total'), ...marksOf(fields(given['total'], 'total')) };
  for (const each of list(given['processes'], 'processes', maximumProcesses).map(process)) {
    session.processes.set(each.pid, each);
  }
  for (const each of list(given['flows'], 'flows', maximumFlows).map(flow)) session.flows.set(each.id, each);
  session.restoreHistory(list(given['history'], 'history', 2 * maximumHistoryPoints).map(point));
  const saved = fields(given['flowHistory'], 'flowHistory');
  session.flowLog.restore({
    stretches: list(saved['stretches'], 'flowHistory.stretches', 100_000).map((each) =>
      numbers(each, 'flowHistory.stretches', 1_000_000),
    ),
    forgotten: list(saved['forgotten'], 'flowHistory.forgotten', 100_000).map(identity),
  });
  session.marks.push(...list(given['marks'], 'marks', maximumMarks).map(mark));
  session.events.push(...list(given['events'], 'events', maximumEvents).map(event));
  for (const each of list(given['requests'], 'requests', maximumRequests).map(request)) {
    session.requests.restore(each);
  }
  session.state = 'ended';
  session.isRestored = true;
  return session;
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new NotASession('it is not JSON');
  }
}
