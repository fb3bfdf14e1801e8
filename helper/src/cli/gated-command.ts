// The command of `run`: started before the helper gives up its rights, as the calling user, and held back by
// a gate until it is being watched. It goes through the gate by exec, so the process id stays the same.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { quoteValue } from '../../../src/shared/sanitise';
import { ExitStatus, StartupError } from '../errors';
import type { CallerIdentity } from '../caller';
import type { User } from '../users';

/** Exit statuses of shells, kept by everything that runs another program. */
const CommandStatus = { NotExecutable: 126, NotFound: 127, SignalBase: 128 } as const;

/** The command cannot be started; `status` is what a shell would exit with. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  constructor(
    readonly status: number,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

// Descriptor 3 is one end of a socket pair. A byte goes out once the shell runs, with the rights of the caller;
// the line that comes in opens the gate. When the helper dies first, the command is never run.
const gateDescriptor = 3;
const gateScript = 'printf . >&3; read -r gate <&3 || exit 125; exec 3>&-; exec "$@"';

export interface GatedCommandOptions {
  command: string;
  arguments: readonly string[];
  /** Who the command runs as, when that is somebody else than this process. */
  identity?: CallerIdentity | undefined;
  environment: NodeJS.ProcessEnv;
  /** Where the standard output of the command goes. */
  standardOutput: 'inherit' | 'standard-error';
}

export class GatedCommand {
  readonly pid: number;
  /** Resolves with the exit status as a shell counts it: 128 + signal when killed. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;
  readonly #gate: Duplex;

  private constructor(child: ChildProcess, pid: number, gate: Duplex, exited: Promise<number>) {
    this.#child = child;
    this.pid = pid;
    this.#gate = gate;
    this.exited = exited;
  }

  /**
   * Starts the command up to the gate.
   * @throws StartupError when that fails
   */
  static async start(options: GatedCommandOptions): Promise<GatedCommand> {
    const shell = ['/bin/sh', '-c', gateScript, 'procnetmon', options.command, ...options.arguments];
    const [file = '', ...args] =
      options.identity === undefined ? shell : [...asUser(options.identity), ...shell];
    const child = spawn(file, args, {
      env: options.environment,
      stdio: ['inherit', options.standardOutput === 'inherit' ? 'inherit' : 2, 'inherit', 'pipe'],
    });
    const exited = new Promise<number>((resolve) => {
      child.once('exit', (code, signal) => resolve(shellStatus(code, signal)));
    });
    const gate = child.stdio[gateDescriptor] as Duplex;
    // The command may end before it has read anything.
    gate.on('error', () => undefined);

    const ready = await new Promise<boolean | Error>((resolve) => {
      child.once('error', resolve);
      gate.once('data', () => resolve(true));
      gate.once('close', () => resolve(false));
    });
    if (ready !== true || child.pid === undefined) {
      throw new StartupError(
        ExitStatus.Failure,
        `The command could not be started${options.identity === undefined ? '' : ` as the user ${quoteValue(options.identity.userName)}`}: ` +
          (ready instanceof Error ? ready.message : `${quoteValue(path.basename(file))} ended at once.`),
        'See that /bin/sh is there and, under sudo, setpriv (of the package util-linux).',
      );
    }
    return new GatedCommand(child, child.pid, gate, exited);
  }

  /** Opens the gate: the command runs from here on. */
  release(): void {
    this.#gate.end('\n');
  }

  /** Lets the command end without having run. Resolves when it has. */
  async abandon(): Promise<void> {
    this.#gate.end();
    await this.exited;
  }

  /** Passes a signal on. Does nothing once the command has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function shellStatus(code: number | null, signal: NodeJS.Signals | null): number {
  if (signal !== null) return CommandStatus.SignalBase + osConstants.signals[signal];
  return code ?? ExitStatus.Failure;
}

/** Folders in which only root can put programs. PATH may lead to others, and what is found is run as root. */
const foldersOfRoot = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin'];

/** `setpriv` with options, in front of a command. Where it is not installed, running it fails and nothing is run. */
export function withSetpriv(...options: readonly string[]): string[] {
  const files = foldersOfRoot.map((folder) => `${folder}/setpriv`);
  return [files.find((file) => existsSync(file)) ?? files[0] ?? '', ...options, '--'];
}

/** Node's own way of changing the user forgets the supplementary groups; setpriv does not. */
export function asUser(identity: CallerIdentity): string[] {
  const groups =
    identity.groups.length === 0 ? '--clear-groups' : `--groups=${identity.groups.map(String).join(',')}`;
  return withSetpriv(`--reuid=${String(identity.uid)}`, `--regid=${String(identity.gid)}`, groups);
}

/** The environment as it was before sudo spoke of root in it. PATH stays as sudo set it. */
export function callerEnvironment(
  environment: NodeJS.ProcessEnv,
  user: Pick<User, 'name' | 'home' | 'shell'>,
): NodeJS.ProcessEnv {
  const own = new Set(['MAIL', 'SUDO_UID', 'SUDO_GID', 'SUDO_USER', 'SUDO_COMMAND', 'SUDO_HOME', 'SUDO_TTY']);
  const kept = Object.entries(environment).filter(([name]) => !own.has(name));
  return {
    ...Object.fromEntries(kept),
    USER: user.name,
    LOGNAME: user.name,
    HOME: user.home,
    SHELL: user.shell || '/bin/sh',
  };
}

/**
 * Sees that there is such a command, as the shell will look for it.
 * @throws CommandError 127 when there is none, 126 when it cannot be executed
 */
export function checkCommand(command: string, environment: NodeJS.ProcessEnv, underSudo: boolean): void {
  const candidates = command.includes('/')
    ? [command]
    : (environment['PATH'] ?? '')
        .split(':')
        .map((folder) => path.join(folder === '' ? '.' : folder, command));
  let reason: string | undefined;
  for (const candidate of candidates) {
    const verdict = executable(candidate);
    if (verdict === 'yes') return;
    if (verdict !== 'absent') reason ??= `${quoteValue(candidate)} ${verdict}`;
  }
  if (reason !== undefined) {
    throw new CommandError(
      CommandStatus.NotExecutable,
      `The command cannot be executed: ${reason}.`,
      'Make it executable with "chmod +x", or put its interpreter in front.',
    );
  }
  throw new CommandError(
    CommandStatus.NotFound,
    `The command ${quoteValue(command)} was not found${command.includes('/') ? '' : ' in PATH'}.`,
    underSudo && !command.includes('/')
      ? 'sudo sets a PATH of its own. Give the whole path, which "command -v" prints without sudo.'
      : 'Check its spelling, or give its whole path.',
  );
}

function executable(file: string): 'yes' | 'absent' | 'is a folder' | 'is not marked as executable' {
  try {
    if (statSync(file).isDirectory()) return 'is a folder';
  } catch {
    return 'absent';
  }
  try {
    accessSync(file, constants.X_OK);
    return 'yes';
  } catch {
    return 'is not marked as executable';
  }
}

/**
 * Whether the terminal sends its signals (Ctrl-C) to this process by itself. The command then gets them from
 * the terminal too, as both are in the same process group, and must not get them twice.
 */
export function inForegroundOfTerminal(statLine = readFileSync('/proc/self/stat', 'latin1')): boolean {
  // After the name, which may hold anything: state, ppid, pgrp, session, tty_nr, tpgid.
  const fields = statLine.slice(statLine.lastIndexOf(')') + 2).split(' ');
  const [, , processGroup, , terminal, foregroundGroup] = fields.map(Number);
  return terminal !== undefined && terminal !== 0 && processGroup === foregroundGroup;
}
