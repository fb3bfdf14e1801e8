// What the debug adapter protocol says about stopping and going on, read from messages that nobody vouches for.

export type DebuggerMove =
  | { kind: 'stopped'; reason: string; threadId: number | undefined }
  /** The program goes on, by this request or by itself. */
  | { kind: 'continued'; by: 'continue' | 'step' }
  | { kind: 'restarted' }
  | { kind: 'threadBegan' };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const steps = new Set(['next', 'stepIn', 'stepOut', 'stepBack']);
const goings = new Set(['continue', 'reverseContinue', 'goto']);

/** A message from the adapter. */
export function moveFromAdapter(message: unknown): DebuggerMove | undefined {
  if (!isRecord(message) || message['type'] !== 'event') return undefined;
  const body = isRecord(message['body']) ? message['body'] : {};
  if (message['event'] === 'stopped') {
    const { reason, threadId } = body;
    return {
      kind: 'stopped',
      reason: typeof reason === 'string' ? reason : '',
      threadId: typeof threadId === 'number' ? threadId : undefined,
    };
  }
  if (message['event'] === 'thread' && body['reason'] === 'started') {
    return { kind: 'threadBegan' };
  }
  return message['event'] === 'continued' ? { kind: 'continued', by: 'continue' } : undefined;
}

/** A message to the adapter. */
export function moveFromEditor(message: unknown): DebuggerMove | undefined {
  if (!isRecord(message) || message['type'] !== 'request') return undefined;
  const { command } = message;
  if (typeof command !== 'string') return undefined;
  if (steps.has(command)) return { kind: 'continued', by: 'step' };
  if (goings.has(command)) return { kind: 'continued', by: 'continue' };
  return command === 'restart' ? { kind: 'restarted' } : undefined;
}

/** Where a program stands. */
export interface Place {
  path: string;
  /** From 1. */
  line: number;
}

/** The place of the uppermost frame in the answer to `stackTrace`; `undefined` where it is none in a file. */
export function placeFromStackTrace(answer: unknown): Place | undefined {
  const frames = isRecord(answer) ? answer['stackFrames'] : undefined;
  const [frame] = Array.isArray(frames) ? (frames as unknown[]) : [];
  if (!isRecord(frame) || !isRecord(frame['source'])) return undefined;
  const { path } = frame['source'];
  const { line } = frame;
  if (typeof path !== 'string' || !Number.isSafeInteger(line) || (line as number) < 1) return undefined;
  const local = localPath(path);
  // The inside of a runtime has names that are no files, such as `<node_internals>/internal/timers`.
  return local.startsWith('/') ? { path: local, line: line as number } : undefined;
}

/** In a remote window the JavaScript debugger names files by address; here they are files of this machine. */
function localPath(path: string): string {
  const [, remote] = /^(?:vscode-remote|file):\/\/[^/]*(\/.*)$/.exec(path) ?? [];
  if (remote === undefined) return path;
  try {
    return decodeURIComponent(remote);
  } catch {
    return remote;
  }
}

/** The first thread in the answer to `threads`. */
export function threadFromAnswer(answer: unknown): number | undefined {
  const threads = isRecord(answer) ? answer['threads'] : undefined;
  const [thread] = Array.isArray(threads) ? (threads as unknown[]) : [];
  return isRecord(thread) && typeof thread['id'] === 'number' ? thread['id'] : undefined;
}
