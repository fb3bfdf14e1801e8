// Starts that the machine has no room for, or in which nothing would be counted: refused with a status of their own.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { protocolVersion } from '../../src/shared/protocol';
import { helperPath } from './support/helper';

const isRoot = process.getuid?.() === 0;
const tooManyHelpers = 6;
const processNamespace = 7;
/** As many as can count at once. */
const helpers = 8;

function frame(message: object): string {
  const content = JSON.stringify(message);
  return `Content-Length: ${String(Buffer.byteLength(content))}\r\n\r\n${content}`;
}

interface Serving {
  child: ChildProcess;
  exited: Promise<unknown[]>;
  /** Whether it has answered, as opposed to ended. */
  answers: boolean;
}

/** Starts a helper and waits until it answers or ends. */
async function serve(): Promise<Serving> {
  const child = spawn(helperPath, ['serve'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  child.stdin.on('error', () => undefined);
  child.stdin.write(
    frame({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        processId: null,
        rootUri: null,
        capabilities: {},
        initializationOptions: { protocolVersion },
      },
    }),
  );
  const answers = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)]);
  return { child, exited, answers };
}

describe.skipIf(!isRoot)('a helper too many', () => {
  const running: Serving[] = [];
  beforeAll(async () => {
    // Others may run on this machine already: as many as there is room for.
    for (let started = 0; started < helpers; started += 1) {
      const serving = await serve();
      if (!serving.answers) break;
      running.push(serving);
    }
  });
  afterAll(async () => {
    for (const { child } of running) child.stdin?.end();
    await Promise.all(running.map(({ exited }) => exited));
  });

  it('is refused with what to close, and the others count on', async () => {
    expect(running.length).toBeGreaterThan(1);
    const child = spawn(helperPath, ['serve'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [status] = (await once(child, 'close')) as [number];
    expect(said).toMatch(/^procnetmon: Eight helpers .+\n {2}Close an editor window/);
    expect(status).toBe(tooManyHelpers);
    expect(running.every(({ child: each }) => each.exitCode === null)).toBe(true);
  });
});

describe.skipIf(!isRoot)('a process namespace of its own', () => {
  it.each([['serve'], ['watch', '1'], ['run', '--', 'true']])('is refused: %s', (...words: string[]) => {
    const unshare = ['--fork', '--pid', '--mount-proc', helperPath, ...words];
    let status = 0;
    let said = '';
    try {
      execFileSync('unshare', unshare, { stdio: 'pipe' });
    } catch (error) {
      ({ status } = error as { status: number });
      said = String((error as { stderr: Buffer }).stderr);
    }
    expect(status).toBe(processNamespace);
    expect(said).toMatch(/^procnetmon: .*process namespace.+\n {2}.*--pid=host/);
  });
});
