// Starts the helper with the rights it needs: as root directly, else through sudo, first with what sudo grants
// without a password, then with one from an input box. What sudo prints is never read: its words differ by
// version and language. What counts is whether the helper answers, the exit status, and whether sudo asked.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmod, constants, access, readFile } from 'node:fs/promises';
import { AskpassServer, type AskpassOutcome } from './askpass';
import type { Installation } from '../installation/installation';
import type { HelperState } from './contributions';
import { HelperOutput, type HelperRefusal } from './helper-output';

/** Exit statuses of the helper, see its command-line reference. */
const HelperExitStatus = {
  Usage: 2,
  NoRights: 3,
  KernelUnsuitable: 4,
  NoCgroup: 5,
  TooManyHelpers: 6,
  ProcessNamespace: 7,
} as const;

/** How long a start in which nobody types anything may take, in milliseconds. */
const unattendedStartMillis = 30_000;

/** How long the helper has to leave after its input has ended, in milliseconds. */
const leaveMillis = 3_000;

/** States in which the helper did not start. */
export type StartFailure = Extract<
  HelperState,
  | 'declined'
  | 'password-rejected'
  | 'not-permitted'
  | 'terminal-required'
  | 'sudo-missing'
  | 'no-new-privileges'
  | 'unsupported'
  | 'too-many-helpers'
  | 'mismatch'
  | 'failed'
>;

/** The helper could not be started. `message` is for the log. */
export class HelperStartError extends Error {
  override readonly name = 'HelperStartError';

  constructor(
    readonly failure: StartFailure,
    message: string,
    options?: ErrorOptions & { refusal?: HelperRefusal | undefined },
  ) {
    super(message, options);
    this.refusal = options?.refusal;
  }

  /** The helper's own words, where it got as far as saying any, or what is known for sure without it. */
  readonly refusal: HelperRefusal | undefined;
}

export interface HelperExit {
  status: number | null;
  signal: NodeJS.Signals | null;
  /** Why the program could not be run at all, such as `ENOENT`. */
  errorCode?: string;
}

/** A running helper, or a sudo that is about to become one. */
export interface HelperProcess {
  child: ChildProcessWithoutNullStreams;
  exited: Promise<HelperExit>;
  output: HelperOutput;
}

/** Whether a person may be asked for a password. */
export type Asking =
  /** Only where sudo does not do without. */
  | 'if-needed'
  /** sudo has just refused to do without, so it is not tried again. */
  | 'needed'
  | 'never';

export interface LaunchOptions<T> {
  /** The helper's executable, as shipped. */
  executable: string;
  /** What it is to do; `serve` when absent. */
  parameters?: readonly string[];
  /** Looks for a helper that was installed for good, which needs no sudo; none is wanted when absent. */
  installation?: () => Installation;
  /** `askpass.sh` as shipped. */
  askpassScript: string;
  /** The Node that runs the askpass script's other half. */
  node: string;
  /** Whether this process has root's rights already. */
  isRoot: boolean;
  /** Name or path of sudo. */
  sudo: string;
  asking: Asking;
  /** Puts the question for the password to the user; undefined when the user declines. */
  ask: () => Promise<string | undefined>;
  /** Takes lines for the log. Never holds the password. */
  log: (line: string) => void;
  /** Shakes hands with the helper; rejects when it does not answer. */
  connect: (helper: HelperProcess) => Promise<T>;
}

type Step = 'direct' | 'installed' | 'sudo-without-password' | 'sudo-with-askpass';

/**
 * Starts the helper by the first way that works. Throws a `HelperStartError`; where nobody may be asked and sudo
 * wants a password, that of `not-permitted`.
 */
export async function launchHelper<T>(options: LaunchOptions<T>): Promise<T> {
  await makeExecutable(options.executable);
  if (options.isRoot) {
    return launchBy('direct', options, undefined);
  }
  if (await hasNoNewPrivileges()) {
    throw new HelperStartError(
      'no-new-privileges',
      'This process runs with no-new-privileges: sudo cannot work.',
    );
  }
  const installed = await launchInstalled(options);
  if (installed !== undefined) {
    return installed.connection;
  }
  if (options.asking !== 'needed') {
    try {
      return await launchBy('sudo-without-password', options, undefined);
    } catch (error) {
      // Status 1 is sudo's refusal; anything else would happen again.
      const isRefused = error instanceof HelperStartError && error.failure === 'not-permitted';
      if (!isRefused || options.asking === 'never') {
        throw error;
      }
    }
  }
  await makeExecutable(options.askpassScript);
  const askpass = await AskpassServer.listen({
    script: options.askpassScript,
    node: options.node,
    ask: options.ask,
  });
  try {
    return await launchBy('sudo-with-askpass', options, askpass);
  } catch (error) {
    if (error instanceof HelperStartError && error.failure === 'terminal-required') {
      options.log(`To install the helper from a terminal: sudo '${options.executable}' install`);
    }
    throw error;
  } finally {
    await askpass.dispose();
  }
}

/** Starts the installed helper; undefined when there is none that can be used, of which the log tells. */
async function launchInstalled<T>(options: LaunchOptions<T>): Promise<{ connection: T } | undefined> {
  const installation = options.installation?.() ?? { state: 'absent' };
  if (installation.state === 'unusable') {
    options.log(`The installed helper is not used: ${installation.reason}`);
  }
  if (installation.state !== 'usable') {
    return undefined;
  }
  try {
    const { executable } = installation;
    return { connection: await launchBy('installed', { ...options, executable }, undefined) };
  } catch (error) {
    // Its file may have lost the capabilities, as on a file system that is mounted with nosuid.
    if (!(error instanceof HelperStartError) || error.failure !== 'not-permitted') {
      throw error;
    }
    options.log(`The installed helper has no rights: ${error.message}`);
    return undefined;
  }
}

async function launchBy<T>(
  step: Step,
  options: LaunchOptions<T>,
  askpass: AskpassServer | undefined,
): Promise<T> {
  const serve = [options.executable, ...(options.parameters ?? ['serve'])] as const;
  const [command, ...parameters] =
    step === 'direct' || step === 'installed'
      ? serve
      : ([options.sudo, step === 'sudo-with-askpass' ? '-A' : '-n', '--', ...serve] as const);
  options.log(`Running ${[command, ...parameters].join(' ')}`);
  const helper = run(command, parameters, { ...cleanEnvironment(), ...askpass?.environment }, options.log);
  try {
    const connecting = options.connect(helper);
    return await (step === 'sudo-with-askpass' ? connecting : withinReason(connecting));
  } catch (error) {
    const exit = await endProcess(helper);
    if (error instanceof HelperStartError) {
      throw error;
    }
    const refusal = await helper.output.refusal();
    // Only the helper speaks like that: then sudo did its part, whatever the status.
    const failure =
      refusal !== undefined && exit?.status === 1
        ? 'failed'
        : failureOf(step, exit ?? { status: null, signal: null }, askpass?.outcome ?? 'not-asked');
    throw new HelperStartError(
      failure,
      `${command} ended with ${exit === undefined ? 'nothing' : describeExit(exit)} before the helper answered.`,
      { cause: error, refusal },
    );
  }
}

/** Rejects when an answer that waits for nobody takes too long. */
async function withinReason<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = String(unattendedStartMillis / 1_000);
      reject(new HelperStartError('failed', `The helper did not answer within ${seconds} seconds.`));
    }, unattendedStartMillis);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a start that did not get as far as an answer from the helper means. */
export function failureOf(step: Step, exit: HelperExit, askpass: AskpassOutcome): StartFailure {
  if (step === 'installed' && (exit.errorCode !== undefined || exit.status === HelperExitStatus.NoRights)) {
    return 'not-permitted';
  }
  if (exit.errorCode !== undefined) {
    return step !== 'direct' && ['ENOENT', 'EACCES'].includes(exit.errorCode) ? 'sudo-missing' : 'failed';
  }
  switch (exit.status) {
    case HelperExitStatus.Usage:
      return 'mismatch';
    case HelperExitStatus.NoRights:
    case HelperExitStatus.KernelUnsuitable:
    case HelperExitStatus.NoCgroup:
    case HelperExitStatus.ProcessNamespace:
      return 'unsupported';
    case HelperExitStatus.TooManyHelpers:
      return 'too-many-helpers';
    case 1:
      break;
    default:
      return 'failed';
  }
  if (step === 'direct' || step === 'installed') {
    return 'failed';
  }
  switch (askpass) {
    case 'cancelled':
      return 'declined';
    case 'rejected':
      return 'password-rejected';
    case 'answered':
      return 'not-permitted';
    case 'not-asked':
      // It asks those too who may do nothing. Without asking it refuses where it wants a terminal.
      return step === 'sudo-with-askpass' ? 'terminal-required' : 'not-permitted';
  }
}

export function describeExit(exit: HelperExit): string {
  if (exit.errorCode !== undefined) {
    return exit.errorCode;
  }
  return exit.signal === null ? `status ${String(exit.status)}` : `signal ${exit.signal}`;
}

/**
 * Ends the input of the helper, on which it leaves, and waits for that. A helper of this user that stays is killed.
 * @returns how it ended; undefined when it has not
 */
export async function endProcess(helper: HelperProcess): Promise<HelperExit | undefined> {
  helper.child.stdin.end();
  const timer = setTimeout(() => helper.child.kill('SIGKILL'), leaveMillis);
  // A sudo that belongs to root cannot be killed by this user; waiting for it must not hold up the editor.
  let giveUp: NodeJS.Timeout | undefined;
  const exit = await Promise.race([
    helper.exited,
    new Promise<undefined>((resolve) => {
      giveUp = setTimeout(() => resolve(undefined), leaveMillis + 500);
    }),
  ]);
  clearTimeout(timer);
  clearTimeout(giveUp);
  return exit;
}

function run(
  command: string,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
  log: (line: string) => void,
): HelperProcess {
  const child = spawn(command, parameters, { env: environment, stdio: 'pipe', cwd: '/' });
  // Writing to a process that has gone is reported by its exit.
  child.stdin.on('error', () => undefined);
  const output = new HelperOutput(child.stderr, log);
  const exited = new Promise<HelperExit>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: null, signal: null, errorCode: error.code ?? error.message }),
    );
    child.once('exit', (status, signal) => resolve({ status, signal }));
  });
  return { child, exited, output };
}

// What the editor and its debugger set for Node programs of their own, and what a sudo that started the editor left:
// the helper works for the user that the editor runs as, whoever that was before.
const notForHelper = new Set([
  ...['NODE_OPTIONS', 'ELECTRON_RUN_AS_NODE', 'VSCODE_INSPECTOR_OPTIONS'],
  ...['SUDO_UID', 'SUDO_GID', 'SUDO_USER', 'SUDO_COMMAND'],
]);

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !notForHelper.has(name)));
}

/** Unpacking a VSIX may lose the executable bit. */
async function makeExecutable(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
    return;
  } catch {
    // Below.
  }
  try {
    await chmod(path, 0o755);
  } catch (error) {
    const message = `${path} is missing or cannot be made executable.`;
    const remedy = 'Reinstall the extension and reload the window.';
    throw new HelperStartError('failed', message, { cause: error, refusal: { message, remedy } });
  }
}

async function hasNoNewPrivileges(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return /^NoNewPrivs:\s*1$/m.test(status);
}
