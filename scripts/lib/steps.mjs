// Long work, told to the person who waits for it: one line a step with its time; what the tools print goes
// into a log file, of which the end is shown when a step fails.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inProject, projectFolder, toolEnvironment } from './paths.mjs';

/** A failure that is explained in its message; no stack is shown for it. */
export class Explained extends Error {}

const linesShownOnFailure = 60;
const spinnerFrames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const spinnerMillis = 120;

/** `4.2 s`, or `1 min 04 s` from a minute on. */
export function duration(millis) {
  const seconds = millis / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}

/** Shows that something is going on: a moving line on a terminal, a plain line elsewhere. */
class Progress {
  /** Of several that go on at once, the one that was started last has the terminal's line. */
  static #onTerminal = [];
  #title;
  #started = performance.now();
  #timer;
  #frame = 0;
  #note = '';

  constructor(title) {
    this.#title = title;
    if (process.stdout.isTTY && !process.env['CI']) {
      Progress.#onTerminal.push(this);
      this.#timer = setInterval(() => this.#draw(), spinnerMillis);
      this.#draw();
    } else {
      console.log(`… ${title}`);
    }
  }

  /** Says in a few words what is going on now; shown on a terminal only. */
  note(text) {
    this.#note = text;
  }

  end(mark, remark = '') {
    const line = `${mark} ${this.#title}${remark ? ` (${remark})` : ''}  ${duration(performance.now() - this.#started)}`;
    if (this.#timer) {
      clearInterval(this.#timer);
      Progress.#onTerminal.splice(Progress.#onTerminal.indexOf(this), 1);
      process.stdout.write('\r\u001B[K');
    }
    console.log(line);
  }

  #draw() {
    if (Progress.#onTerminal.at(-1) !== this) return;
    const frame = spinnerFrames[this.#frame++ % spinnerFrames.length];
    const elapsed = duration(performance.now() - this.#started);
    const line = `${frame} ${this.#title}  ${elapsed}${this.#note ? `  ${this.#note}` : ''}`;
    process.stdout.write(`\r\u001B[K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
  }
}

/**
 * Does one step. `action` gets `run(command, args, options)`, which keeps the output in the step's log, and
 * `note(text)`. A string that it returns stands beside the step as a remark.
 */
export async function step(title, action) {
  const logFile = inProject('build', 'logs', `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.log`);
  mkdirSync(path.dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile);
  const progress = new Progress(title);
  try {
    const remark = await action({
      run: (command, args, options) => run(command, args, { ...options, log }),
      note: (text) => progress.note(text),
      log: (text) => log.write(`${text}\n`),
    });
    progress.end('✓', typeof remark === 'string' ? remark : '');
    return remark;
  } catch (error) {
    progress.end('✗');
    log.end();
    await finished(log);
    if (error instanceof CommandFailed) {
      const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
      console.error(lines.slice(-linesShownOnFailure).join('\n'));
      console.error(`\nThe whole output: ${path.relative(process.cwd(), logFile)}`);
      throw new Explained(`${title}: ${error.message}`, { cause: error });
    }
    throw error;
  } finally {
    log.end();
  }
}

/** A command that could not be started or ended with another status than 0. */
export class CommandFailed extends Error {
  constructor(command, args, reason) {
    super(`${[path.basename(command), ...args].join(' ')} ${reason}`);
  }
}

/**
 * Runs a command to its end; resolves to what it printed on standard output. Without `log` the output is only
 * collected; with `stdio: 'inherit'` it goes to the terminal.
 */
export function run(
  command,
  args,
  { log, cwd = projectFolder, env = toolEnvironment(), stdio, signal } = {},
) {
  return new Promise((resolve, reject) => {
    log?.write(`$ ${[command, ...args].join(' ')}\n`);
    const child = spawn(command, args, { cwd, env, signal, stdio: stdio ?? ['ignore', 'pipe', 'pipe'] });
    const output = [];
    const errors = [];
    child.stdout?.on('data', (chunk) => {
      output.push(chunk);
      log?.write(chunk);
    });
    child.stderr?.on('data', (chunk) => {
      errors.push(chunk);
      log?.write(chunk);
    });
    child.on('error', (error) =>
      reject(new CommandFailed(command, args, `could not be started: ${error.message}`)),
    );
    child.on('close', (status, killedBy) => {
      if (status === 0) {
        resolve(Buffer.concat(output).toString());
        return;
      }
      const failure = new CommandFailed(
        command,
        args,
        killedBy ? `was ended by ${killedBy}` : `ended with status ${status}`,
      );
      failure.status = status;
      failure.errorOutput = Buffer.concat(errors).toString();
      reject(failure);
    });
  });
}

/** Whether a module is the script that was started. */
export const isMain = (moduleUrl) =>
  Boolean(process.argv[1]) && moduleUrl === pathToFileURL(realpathSync(process.argv[1])).href;

/** Runs a script's main function: an explained failure is printed as its message, any other with its stack. */
export async function main(action) {
  try {
    await action();
  } catch (error) {
    console.error(
      error instanceof Explained || error instanceof CommandFailed ? `\n${error.message}` : error,
    );
    process.exitCode = 1;
  }
}
