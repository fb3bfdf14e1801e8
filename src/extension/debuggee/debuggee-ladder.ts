// Where debug adapters say which process they debug. There is no one place, so this is a ladder: each rung is a
// pure function over a message of the Debug Adapter Protocol or over the configuration, the surest first.
//
//   process event    debugpy, cppdbg, lldb-dap, delve, coreclr, netcoredbg
//   adapter's own    Java: event `processid`; CodeLLDB: a line of output
//   child session    the built-in JavaScript debugger: the number in the child session's name, else `process.pid`
//   attach           `processId` or `pid` of the configuration
//   terminal         answer to `runInTerminal`: the process, or the shell whose child it is
//   ask              nothing of that: the user chooses

/** How sure a clue is; a higher one replaces a lower one. */
export const Rung = { Terminal: 1, Attach: 2, Adapter: 3, Process: 4 } as const;
export type Rung = (typeof Rung)[keyof typeof Rung];

export interface DebuggeeClue {
  rung: Rung;
  pid: number;
  /** The process is a shell in a terminal; what is debugged is its child. */
  isShell: boolean;
}

/** What is looked at of a debug configuration. */
export interface DebugConfigurationLike {
  type: string;
  name: string;
  request: string;
  [key: string]: unknown;
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/** Largest process id that Linux gives out (PID_MAX_LIMIT). */
export const maximumPid = 4_194_304;

/** A process id given as a number or as its digits. */
export function toPid(value: unknown): number | undefined {
  const pid = typeof value === 'string' && /^\d{1,7}$/.test(value) ? Number(value) : value;
  return typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && pid <= maximumPid ? pid : undefined;
}

function clue(rung: Rung, value: unknown, isShell = false): DebuggeeClue | undefined {
  const pid = toPid(value);
  return pid === undefined ? undefined : { rung, pid, isShell };
}

/** Types of the built-in JavaScript debugger that debug Node. Its root sessions never answer `evaluate`. */
const javaScriptTypes = new Set(['node', 'pwa-node', 'node-terminal', 'extensionHost', 'pwa-extensionHost']);
/** Its other types: the program is a page in a browser, not a process to be asked. */
const browserTypes = new Set(['chrome', 'pwa-chrome', 'msedge', 'pwa-msedge']);

/** Whether a session is of the built-in JavaScript debugger, whose root session is no process. */
export function isJavaScriptDebugger(debugType: string): boolean {
  return javaScriptTypes.has(debugType) || browserTypes.has(debugType);
}

/**
 * The process id in the name of a child session of the JavaScript debugger, such as `app.js [17414]`.
 * @returns undefined for other debuggers, for root sessions and for names without one
 */
export function pidFromSessionName(debugType: string, name: string, isChild: boolean): number | undefined {
  if (!isChild || !javaScriptTypes.has(debugType)) {
    return undefined;
  }
  return toPid(/\[(\d+)\]$/.exec(name)?.[1]);
}

/** Whether `process.pid` may be evaluated in a session to learn the process id. */
export function canEvaluatePid(debugType: string, isChild: boolean): boolean {
  return isChild && javaScriptTypes.has(debugType);
}

/** The process id in an answer to the DAP request `evaluate` of `process.pid`. */
export function pidFromEvaluation(answer: unknown): number | undefined {
  return isObject(answer) ? toPid(answer['result']) : undefined;
}

const loopbackHosts = new Set(['localhost', '127.0.0.1', '::1', '[::1]', '']);

/** Whether a configuration says that the program runs on another machine; its process ids mean nothing here. */
export function isRemoteDebuggee(configuration: DebugConfigurationLike): boolean {
  if (isObject(configuration['pipeTransport'])) {
    return true;
  }
  const { connect } = configuration;
  const hosts = [
    configuration['address'],
    configuration['host'],
    configuration['hostName'],
    configuration['miDebuggerServerAddress'],
    configuration['gdb-remote-hostname'],
    isObject(connect) ? connect['host'] : undefined,
  ];
  return hosts.some(
    (host) => typeof host === 'string' && !loopbackHosts.has(host.replace(/^([^:]+|\[.*\]):\d+$/, '$1')),
  );
}

/** The attach configuration's process, by the names that adapters use for it. */
export function clueFromConfiguration(configuration: DebugConfigurationLike): DebuggeeClue | undefined {
  if (configuration.request !== 'attach' || isRemoteDebuggee(configuration)) {
    return undefined;
  }
  return clue(Rung.Attach, configuration['processId']) ?? clue(Rung.Attach, configuration['pid']);
}

/** What a message that an adapter sends to the editor says about the debuggee. */
export function clueFromAdapter(debugType: string, message: unknown): DebuggeeClue | undefined {
  if (!isObject(message) || message['type'] !== 'event' || !isObject(message['body'])) {
    return undefined;
  }
  const body = message['body'];
  switch (message['event']) {
    case 'process':
      return body['isLocalProcess'] === false ? undefined : clue(Rung.Process, body['systemProcessId']);
    case 'processid':
      return debugType === 'java' ? clue(Rung.Adapter, body['processId']) : undefined;
    case 'output':
      return debugType === 'lldb' ? clueFromCodeLldb(body) : undefined;
    default:
      return undefined;
  }
}

function clueFromCodeLldb(body: Json): DebuggeeClue | undefined {
  // The category tells the adapter's own words from what the program prints.
  if (body['category'] !== 'console' || typeof body['output'] !== 'string') {
    return undefined;
  }
  return clue(Rung.Adapter, /^(?:Launched|Attached to) process (\d+)\b/m.exec(body['output'])?.[1]);
}

/** What a message that the editor sends to an adapter says about the debuggee. */
export function clueFromEditor(message: unknown): DebuggeeClue | undefined {
  if (
    !isObject(message) ||
    message['type'] !== 'response' ||
    message['command'] !== 'runInTerminal' ||
    message['success'] !== true ||
    !isObject(message['body'])
  ) {
    return undefined;
  }
  const body = message['body'];
  return clue(Rung.Terminal, body['processId']) ?? clue(Rung.Terminal, body['shellProcessId'], true);
}

/** Whether a message from an adapter answers the last request of the start, after which the program runs. */
export function isStartComplete(message: unknown): boolean {
  return (
    isObject(message) &&
    message['type'] === 'response' &&
    (message['command'] === 'launch' || message['command'] === 'attach') &&
    message['success'] === true
  );
}
