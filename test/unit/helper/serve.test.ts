// The conversation, over streams in memory, with a scripted kernel and the client library of the editor.
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createMessageConnection,
  type MessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { monotonicNanos } from '../../../helper/src/clock';
import type { SocketEvent } from '../../../helper/src/kernel';
import { encodeFrame, FrameDecoder } from '../../../helper/src/rpc/framing';
import { serve } from '../../../helper/src/rpc/serve';
import {
  ErrorCode,
  type ErrorData,
  limits,
  maximumFrameBytes,
  Method,
  type MonitorEvent,
  type MonitorSample,
  type MonitorStartResult,
  protocolVersion,
} from '../../../src/shared/protocol';
import { FakeKernel } from './fake-kernel';

const pid = process.pid;
let kernel: FakeKernel;
let input: PassThrough;
let status: Promise<number>;
let log: string[];

const rights = { user: 'me', capabilities: ['cap_bpf'], noNewPrivileges: true, systemCallFilter: true };

beforeEach(() => {
  kernel = new FakeKernel();
  input = new PassThrough();
  log = [];
});

afterEach(async () => {
  input.end();
  await status;
  expect(process.listenerCount('SIGTERM')).toBe(0);
});

function begin(output: Writable): void {
  status = serve({
    kernel,
    caller: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    rights,
    input,
    output,
    version: '1.2.3',
    doctor: () => ({ version: '1.2.3', kernel: '6.0', checks: [] }),
    log: (line) => log.push(line),
  });
}

/** A helper and a client connected to it, as the editor has one. */
function connect(): MessageConnection {
  const output = new PassThrough();
  begin(output);
  const connection = createMessageConnection(new StreamMessageReader(output), new StreamMessageWriter(input));
  connection.listen();
  return connection;
}

async function initialize(connection: MessageConnection, version = protocolVersion): Promise<unknown> {
  return connection.sendRequest('initialize', {
    processId: null,
    rootUri: null,
    capabilities: {},
    initializationOptions: { protocolVersion: version },
  });
}

async function refusal(answer: Promise<unknown>): Promise<ResponseError<ErrorData>> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof ResponseError) return error as ResponseError<ErrorData>;
    throw error;
  }
  throw new Error('nothing was refused');
}

interface Message {
  id?: number | null;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string };
}

/** Says raw bytes to a helper, ends the input, and answers everything that came back. */
async function say(...bytes: (string | Buffer)[]): Promise<{ messages: Message[]; status: number }> {
  const output = new PassThrough();
  begin(output);
  for (const part of bytes) input.write(part);
  input.end();
  const ended = await status;
  const decoder = new FrameDecoder(maximumFrameBytes);
  const all = (output.read() ?? Buffer.alloc(0)) as Buffer;
  return {
    messages: [...decoder.decode(all)].map((content) => JSON.parse(String(content)) as Message),
    status: ended,
  };
}

const hello = encodeFrame(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { initializationOptions: { protocolVersion } },
  }),
);

describe('the life cycle', () => {
  it('is that of a language server', async () => {
    const connection = connect();
    expect(await initialize(connection)).toEqual({
      capabilities: {},
      serverInfo: { name: 'procnetmon', version: '1.2.3' },
      procnetmon: { protocolVersion, pid, attachment: 'tcx', rights },
    });
    await connection.sendNotification('initialized', {});
    expect(await connection.sendRequest('shutdown')).toBeNull();
    expect(await refusal(connection.sendRequest(Method.ProcessList))).toMatchObject({
      code: ErrorCode.InvalidRequest,
    });
    await connection.sendNotification('exit');
    expect(await status).toBe(0);
  });

  it('ends with failure on exit without shutdown, and well with its input', async () => {
    const connection = connect();
    await connection.sendNotification('exit');
    expect(await status).toBe(1);
    input = new PassThrough();
    expect((await say(hello)).status).toBe(0);
  });

  it('begins with initialize, and has it once', async () => {
    const connection = connect();
    expect(await refusal(connection.sendRequest(Method.ProcessList))).toMatchObject({
      code: ErrorCode.ServerNotInitialized,
    });
    await initialize(connection);
    expect(await refusal(initialize(connection))).toMatchObject({ code: ErrorCode.InvalidRequest });
  });

  it.each([
    [protocolVersion + 1, /helper/],
    [protocolVersion - 1, /extension/],
  ])('refuses version %d of the protocol, and says what to update', async (version, remedy) => {
    const connection = connect();
    const { code, message, data } = await refusal(initialize(connection, version));
    expect(code).toBe(ErrorCode.ProtocolMismatch);
    expect(message).toContain(`version ${String(version)}`);
    expect(message).toContain(`version ${String(protocolVersion)}`);
    expect(data?.remedy).toMatch(remedy);
    await expect(initialize(connection)).resolves.toBeDefined();
  });

  it.each([
    [undefined, /"initializationOptions" of initialize must not be nothing: an object is expected/],
    [{}, /"initializationOptions.protocolVersion" of initialize must not be nothing: a number is expected/],
    [{ protocolVersion, more: 1 }, /no field "more"/],
    [{ protocolVersion: '1' }, /must not be "1": a number is expected/],
  ])('refuses the options %j', async (initializationOptions, message) => {
    const connection = connect();
    const error = await refusal(connection.sendRequest('initialize', { initializationOptions }));
    expect(error.code).toBe(ErrorCode.InvalidParams);
    expect(error.message).toMatch(message);
  });
});

describe('requests', () => {
  it('are answered', async () => {
    const connection = connect();
    await initialize(connection);
    const sampled = new Promise<MonitorSample>((resolve) =>
      connection.onNotification(Method.MonitorSample, resolve),
    );
    const { monitor, process } = await connection.sendRequest<MonitorStartResult>(Method.MonitorStart, {
      pid,
    });
    expect(process.pid).toBe(pid);
    expect(await sampled).toMatchObject({ monitor, sequence: 0 });
    expect(
      await connection.sendRequest(Method.MonitorUpdate, { monitor, intervalMillis: 60_000 }),
    ).toBeNull();
    expect(await connection.sendRequest(Method.MonitorStop, { monitor })).toBeNull();
    expect(await connection.sendRequest(Method.InterfaceList)).toMatchObject({
      interfaces: [{ name: 'lo' }, {}],
    });
    expect(await connection.sendRequest(Method.Doctor, {})).toMatchObject({ version: '1.2.3' });
    expect(await connection.sendRequest(Method.ProcessList, null)).toMatchObject({
      processes: expect.arrayContaining([expect.objectContaining({ pid })]) as unknown,
    });
  });

  it.each([
    [Method.MonitorStart, {}, /"pid" of monitor\/start must not be nothing: a number is expected/],
    [Method.MonitorStart, { pid: 0 }, /must not be 0: at least 1 is expected/],
    [Method.MonitorStart, { pid: 2 ** 22 + 1 }, /at most 4194304 is expected/],
    [Method.MonitorStart, { pid: 1.5 }, /must not be 1.5: a whole number is expected/],
    [Method.MonitorStart, { pid, children: 'yes' }, /must not be "yes": true or false is expected/],
    [Method.MonitorStart, { pid, interfaces: ['lo', ''] }, /"interfaces.1" .* at least 1 characters/],
    [Method.MonitorStart, { pid, windowMillis: 1e9 }, /at most 600000 is expected/],
    [Method.MonitorStart, { pid, '\u001b[2J': 1 }, /no field "\ufffd\[2J"/],
    [Method.MonitorStart, [pid], /must not be an array of 1: an object is expected/],
    [Method.MonitorStop, { monitor: 'x'.repeat(99) }, /must not be "x{63}…": at most 32 characters/],
    [Method.MonitorUpdate, { monitor: 'm1', pid }, /no field "pid"/],
    [Method.Doctor, [1], /doctor takes no parameters/],
    [Method.Doctor, { verbose: true }, /there is no field "verbose"/],
  ])('%s with %j is refused', async (method, params, message) => {
    const connection = connect();
    await initialize(connection);
    const error = await refusal(connection.sendRequest(method, params));
    expect(error.code).toBe(ErrorCode.InvalidParams);
    expect(error.message).toMatch(message);
    expect(error.data?.remedy).toBeTruthy();
  });

  it('that fail within are answered and logged', async () => {
    const connection = connect();
    await initialize(connection);
    kernel.interfaces = () => {
      throw new Error('netlink: broken');
    };
    expect(await refusal(connection.sendRequest(Method.InterfaceList))).toMatchObject({
      code: ErrorCode.InternalError,
      message: 'netlink: broken',
    });
    expect(log).toEqual(['netlink: broken']);
  });
});

describe('input that is none', () => {
  it.each([
    ['no JSON', '{"jsonrpc"', -32_700],
    ['bytes that are no text', '\u0000\u00ff', -32_700],
    ['a batch', '[]', ErrorCode.InvalidRequest],
    ['a number', '7', ErrorCode.InvalidRequest],
    ['another version of JSON-RPC', '{"jsonrpc":"1.0","id":5,"method":"x"}', ErrorCode.InvalidRequest],
    ['no method', '{"jsonrpc":"2.0","id":5}', ErrorCode.InvalidRequest],
    ['a method that is no string', '{"jsonrpc":"2.0","id":5,"method":{}}', ErrorCode.InvalidRequest],
    ['an id that is none', '{"jsonrpc":"2.0","id":{},"method":"x"}', ErrorCode.InvalidRequest],
  ])('is answered, and the conversation goes on: %s', async (_, content, code) => {
    const { messages, status: ended } = await say(encodeFrame(content), hello);
    expect(messages.map(({ error }) => error?.code)).toEqual([code, undefined]);
    expect(messages[0]?.id).toBe(content.includes('"id":5') ? 5 : null);
    expect(ended).toBe(0);
  });

  it('is refused without a word where no answer is due', async () => {
    const { messages } = await say(
      encodeFrame('{"jsonrpc":"2.0","method":"$/cancelRequest"}'),
      encodeFrame('{"jsonrpc":"2.0","method":"workspace/didChangeConfiguration","params":{}}'),
      encodeFrame('{"jsonrpc":"2.0","id":9,"result":null}'),
      hello,
    );
    expect(messages.map(({ id }) => id)).toEqual([1]);
  });

  it.each([
    ['a frame of 100 MB', `Content-Length: ${String(100 * 1024 * 1024)}\r\n\r\n{`, /104857600 bytes/],
    ['junk', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /no name and value/],
    ['endless junk', 'x'.repeat(100_000), /header of more than/],
  ])('ends the conversation with a failure: %s', async (_, bytes, message) => {
    const { messages, status: ended } = await say(hello, bytes, hello);
    expect(messages.at(-1)).toMatchObject({ id: null, error: { code: ErrorCode.InvalidRequest } });
    expect(messages.at(-1)?.error?.message).toMatch(message);
    expect(ended).toBe(1);
  });

  it('of too many requests is refused until time has passed', async () => {
    const requests = Array.from({ length: 600 }, (_, id) =>
      encodeFrame(JSON.stringify({ jsonrpc: '2.0', id: id + 2, method: Method.InterfaceList })),
    );
    const output = new PassThrough();
    begin(output);
    input.write(Buffer.concat([hello, ...requests]));
    const decoder = new FrameDecoder(maximumFrameBytes);
    const messages: Message[] = [];
    output.on('data', (bytes: Buffer) => {
      for (const content of decoder.decode(bytes)) messages.push(JSON.parse(String(content)) as Message);
    });
    await expect.poll(() => messages.length).toBe(601);
    const refused = messages.filter(({ error }) => error?.code === ErrorCode.LimitReached).length;
    const answered = messages.filter(({ result }) => result !== undefined).length;
    expect(answered).toBeGreaterThanOrEqual(400);
    expect(refused).toBeGreaterThan(0);
    expect(answered + refused).toBe(601);
  });
});

describe('a client that does not read', () => {
  /** Takes nothing until told to, and then everything. */
  class StuckOutput extends Writable {
    readonly #taken: Buffer[] = [];
    #release: (() => void) | undefined;
    #stuck = true;

    override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
      this.#taken.push(chunk);
      if (this.#stuck) this.#release = callback;
      else callback();
    }

    release(): void {
      this.#stuck = false;
      this.#release?.();
    }

    messages(): Message[] {
      const decoder = new FrameDecoder(maximumFrameBytes);
      return [...decoder.decode(Buffer.concat(this.#taken))].map(
        (content) => JSON.parse(String(content)) as Message,
      );
    }
  }

  function happened(index: number): SocketEvent {
    return {
      type: 'opened',
      nanos: monotonicNanos(),
      socketCookie: index,
      processId: pid,
      protocol: 6,
      localAddress: '127.0.0.1',
      localPort: index % 65_536,
      remoteAddress: '',
      remotePort: 0,
      outgoing: true,
      reason: 0,
      durationNanos: 0,
    };
  }

  it('costs no memory without bound, and learns afterwards what it missed', async () => {
    const output = new StuckOutput();
    begin(output);
    const request = {
      jsonrpc: '2.0',
      id: 2,
      method: Method.MonitorStart,
      params: { pid, intervalMillis: 100 },
    };
    input.write(Buffer.concat([hello, encodeFrame(JSON.stringify(request))]));
    await expect.poll(() => kernel.watched.size).toBe(1);
    const flow = kernel.open({
      processId: pid,
      openedNanos: monotonicNanos(),
      payloadTxBytes: 5,
      wireTxPackets: 1,
    });
    const total = 60_000;
    for (let index = 0; index < total; index += 1) kernel.emit(happened(index));
    expect(output.writableLength).toBeLessThan(5 * 1024 * 1024);
    const reads = kernel.readFlowsCalls;
    await expect.poll(() => kernel.readFlowsCalls).toBeGreaterThan(reads + 3);
    expect(output.writableLength).toBeLessThan(5 * 1024 * 1024);
    flow.payloadTxBytes += 7;
    flow.lastNanos += 1;

    output.release();
    const samples = (): MonitorSample[] =>
      output
        .messages()
        .flatMap(({ method, params }) => (method === Method.MonitorSample ? [params as MonitorSample] : []));
    await expect.poll(() => samples().at(-1)?.total.payload.txBytes, { timeout: 10_000 }).toBe(12);
    expect(samples().map(({ sequence }) => sequence)).toEqual(samples().map((_, index) => index));
    const events = output
      .messages()
      .flatMap(({ method, params }) => (method === Method.MonitorEvent ? [params as MonitorEvent] : []));
    const told = events.filter(({ kind }) => kind === 'opened').length;
    const dropped = events.filter(({ kind }) => kind === 'dropped');
    expect(told).toBeLessThan(total);
    expect(dropped.reduce((sum, { count }) => sum + (count ?? 0), told)).toBe(total);
  }, 30_000);

  it('is not told of more events than anybody could follow, even when it reads, but of how many there were', async () => {
    const output = new StuckOutput();
    output.release();
    begin(output);
    const params = { pid, intervalMillis: 100 };
    const request = { jsonrpc: '2.0', id: 2, method: Method.MonitorStart, params };
    input.write(Buffer.concat([hello, encodeFrame(JSON.stringify(request))]));
    await expect.poll(() => kernel.watched.size).toBe(1);
    const total = limits.eventsPerSecond.maximum * limits.eventBurst * 2;
    for (let index = 0; index < total; index += 1) kernel.emit(happened(index));
    const events = (): MonitorEvent[] =>
      output
        .messages()
        .flatMap(({ method, params: told }) =>
          method === Method.MonitorEvent ? [told as MonitorEvent] : [],
        );
    const told = (): number => events().filter(({ kind }) => kind === 'opened').length;
    const dropped = (): number =>
      events().reduce((sum, { kind, count }) => sum + (kind === 'dropped' ? (count ?? 0) : 0), 0);
    // The next sample tells of what was left out.
    await expect.poll(() => told() + dropped(), { timeout: 10_000 }).toBe(total);
    expect(told()).toBeLessThan(total);
  });

  it('does not keep the helper alive', async () => {
    const output = new StuckOutput();
    begin(output);
    input.write(hello);
    await expect.poll(() => output.writableLength).toBeGreaterThan(0);
    input.end();
    expect(await status).toBe(0);
  });

  it('that has gone ends the helper', async () => {
    const output = new PassThrough();
    begin(output);
    output.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await status).toBe(0);
  });
});
