// Where the demo's programs are, how the C program is compiled, and how one is run until it is stopped.
import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const demoFolder = path.join(import.meta.dirname, '../../../demo');

/** Compiles the C program with the command of the demo's build task, into a folder of its own. */
export async function buildEcho(): Promise<string> {
  const tasks = JSON.parse(readFileSync(path.join(demoFolder, '.vscode/tasks.json'), 'utf8')) as {
    tasks: { label: string; command: string }[];
  };
  const task = tasks.tasks.find(({ label }) => label === 'build: echo');
  if (task === undefined) throw new Error('The demo has no task "build: echo".');
  const folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-demo-'));
  const command = task.command.replaceAll('build', path.join(folder, 'build'));
  await promisify(execFile)('sh', ['-c', command], { cwd: demoFolder });
  return path.join(folder, 'build/echo');
}

export class DemoProgram {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #lines: string[] = [];
  readonly #errors: string[] = [];

  constructor(command: string, programArguments: string[]) {
    this.child = spawn(command, programArguments, { cwd: demoFolder });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.child.emit('line', line);
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => this.#errors.push(text));
  }

  /** Waits for a line of output. Rejects when the program ends first. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const ended = once(this.child, 'exit').then(([status]) => {
        throw new Error(`ended with ${String(status)}: ${this.#errors.join('')}`);
      });
      await Promise.race([once(this.child, 'line'), ended]);
    }
  }

  /** Processes started by the program, and by those, now. */
  descendants(): number[] {
    const found: number[] = [];
    const visit = (pid: number): void => {
      for (const child of readChildren(pid)) {
        found.push(child);
        visit(child);
      }
    };
    visit(this.child.pid ?? 0);
    return found;
  }

  /** Sends the signal and resolves with the exit status and what was printed to standard error. */
  async stop(signal: NodeJS.Signals): Promise<{ status: number | null; errors: string }> {
    const closed = once(this.child, 'close') as Promise<[number | null]>;
    this.child.kill(signal);
    const [status] = await closed;
    return { status, errors: this.#errors.join('') };
  }
}

function readChildren(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
