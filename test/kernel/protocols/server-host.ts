// The host that the servers run on: a network namespace, and a folder for their files.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../support/namespaces';
import { zone } from './ports';
import type { RealPrograms } from './real-programs.mjs';

/** Path of a program of the folder `peers`, by its name without `.py`. */
export function peerProgram(name: string): string {
  return fileURLToPath(new URL(`peers/${name}.py`, import.meta.url));
}

interface ServerHostOptions {
  programs: RealPrograms;
  /** Where the servers keep their files. */
  folder: string;
  /** Name of the network namespace. */
  namespace: string;
  address: string;
  /** Of every server that wants one. */
  password: string;
}

export class ServerHost {
  readonly programs: RealPrograms;
  readonly folder: string;
  readonly address: string;
  readonly password: string;
  readonly #namespace: string;
  readonly #children: ChildProcess[] = [];

  constructor({ programs, folder, namespace, address, password }: ServerHostOptions) {
    this.programs = programs;
    this.folder = folder;
    this.#namespace = namespace;
    this.address = address;
    this.password = password;
  }

  /** Writes what all servers need: a certificate and its key. Clients get a file that names their name server. */
  prepare(): void {
    chmodSync(this.folder, 0o755);
    this.run([
      ...[this.programs.find('openssl'), 'req', '-x509', '-newkey', 'ec'],
      ...['-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${zone}`],
      ...['-addext', `subjectAltName=DNS:*.${zone}`],
      ...['-keyout', this.key, '-out', this.certificate],
    ]);
    chmodSync(this.key, 0o644);
    writeFileSync(join(this.folder, 'resolv.conf'), `nameserver ${this.address}\n`);
  }

  /** The file in which the name server notes what it is asked. */
  get questions(): string {
    return join(this.folder, 'questions.log');
  }

  get certificate(): string {
    return join(this.folder, 'certificate.pem');
  }

  get key(): string {
    return join(this.folder, 'key.pem');
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...this.programs.environment, HOME: this.folder };
  }

  /** Runs a program to its end. */
  run([file = '', ...args]: string[]): void {
    execFileSync(file, args, { env: this.#environment, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /**
   * The command line that runs a program as nobody, who may not look into the cache of whoever runs the tests: what is
   * unpacked there is shown elsewhere.
   */
  asNobody(command: string, args: string[]): string[] {
    const shown = join(this.folder, 'programs');
    const { root, find, environment } = this.programs;
    mkdirSync(shown, { recursive: true });
    const libraries = environment['LD_LIBRARY_PATH']?.replaceAll(root, shown) ?? '';
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    return [
      ...['unshare', '--mount', 'sh', '-c', script, root, shown, 'env', `LD_LIBRARY_PATH=${libraries}`],
      ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
      ...[find(command).replace(root, shown), ...args],
    ];
  }

  /** Starts a program in the namespace. */
  start(command: string, args: string[]): void {
    this.startLine(command, [this.programs.find(command), ...args]);
  }

  /**
   * Starts a command line in the namespace.
   * @param command names the log
   */
  startLine(command: string, line: string[]): void {
    const log = join(this.folder, `${command}.log`);
    const inNamespace = ['nsenter', `--net=/run/netns/${this.#namespace}`, ...line];
    const child = spawn('sh', ['-c', 'exec "$@" >>"$0" 2>&1 </dev/null', log, ...inNamespace], {
      env: this.#environment,
      // Where some write what is left of them when they are killed.
      cwd: this.folder,
      stdio: 'ignore',
    });
    this.#children.push(child);
  }

  /** Starts a program of the folder `peers`. */
  startPython(name: string, args: string[]): void {
    this.startLine(name, [this.programs.find('python3'), peerProgram(name), ...args]);
  }

  /** Resolves when somebody takes connections there. */
  async waitForPort(port: number): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      try {
        run(
          ...(['nsenter', `--net=/run/netns/${this.#namespace}`, 'bash', '-c'] as const),
          `exec 3<>/dev/tcp/${this.address}/${String(port)}`,
        );
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`Nobody answers on port ${String(port)}; see the logs in ${this.folder}`);
  }

  /** Where a folder of the packages is: unpacked, or installed. */
  placeOf(folder: string): string {
    const unpacked = join(this.programs.root, folder);
    return existsSync(unpacked) ? unpacked : folder;
  }

  /** Ends everything that was started. */
  async stop(): Promise<void> {
    const children = this.#children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(
      children.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }
}
