// Hands one password from an input box to sudo: sudo runs the askpass script, the script connects to a socket in
// a folder that only this user can enter and names a token that only sudo's environment holds, and gets the
// answer. The question is put to the user once; sudo asking again means that the answer was wrong.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest line a client may send before it is cut off, in characters. */
const maximumRequestLength = 256;

const folderPrefix = 'procnetmon-askpass-';
const socketName = 'askpass.sock';

/** Age from which a folder without a socket is a leftover and not one that is being made, in milliseconds. */
const leftoverMillis = 60_000;

/** What became of the question. */
export type AskpassOutcome =
  /** sudo did not ask. */
  | 'not-asked'
  /** The user closed the input box. */
  | 'cancelled'
  /** sudo got the user's answer, and did not ask again. */
  | 'answered'
  /** sudo asked again after the answer. */
  | 'rejected';

export interface AskpassOptions {
  /** `askpass.sh` as shipped. */
  script: string;
  /** The Node that runs the script's other half. */
  node: string;
  /** Puts the question to the user; undefined when the user does not answer it. */
  ask: () => Promise<string | undefined>;
}

export class AskpassServer {
  readonly #folder: string;
  readonly #token = randomBytes(32).toString('hex');
  readonly #options: AskpassOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #outcome: AskpassOutcome = 'not-asked';
  /** For the end of this process while the question is open. */
  readonly #removeAtExit = (): void => rmSync(this.#folder, { recursive: true, force: true });

  private constructor(folder: string, options: AskpassOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
    process.once('exit', this.#removeAtExit);
  }

  /** Listens on a socket of its own. Call `dispose` on all paths. */
  static async listen(options: AskpassOptions): Promise<AskpassServer> {
    let failure: unknown;
    // A path that is too long for a socket, or a folder that cannot be written, is no reason to give up.
    for (const parent of new Set([process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), tmpdir(), '/tmp'])) {
      try {
        await sweepLeftovers(parent);
        return await AskpassServer.#listenBelow(parent, options);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  static async #listenBelow(parent: string, options: AskpassOptions): Promise<AskpassServer> {
    // mkdtemp makes the folder with mode 0700.
    const server = new AskpassServer(await mkdtemp(join(parent, folderPrefix)), options);
    try {
      await server.#open();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    return server;
  }

  get outcome(): AskpassOutcome {
    return this.#outcome;
  }

  /** What sudo's environment has to hold beside the usual. */
  get environment(): Record<string, string> {
    return {
      SUDO_ASKPASS: this.#options.script,
      PROCNETMON_ASKPASS_NODE: this.#options.node,
      PROCNETMON_ASKPASS_SOCKET: this.#path,
      PROCNETMON_ASKPASS_TOKEN: this.#token,
    };
  }

  get #path(): string {
    return join(this.#folder, socketName);
  }

  /** Closes the socket and removes the folder. May be called more than once. */
  async dispose(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#server.close();
    process.off('exit', this.#removeAtExit);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, resolve);
    });
    await chmod(this.#path, 0o600);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let request = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      request += chunk;
      const end = request.indexOf('\n');
      if (end >= 0) {
        socket.removeAllListeners('data');
        void this.#answer(socket, request.slice(0, end));
      } else if (request.length > maximumRequestLength) {
        socket.destroy();
      }
    });
  }

  async #answer(socket: Socket, token: string): Promise<void> {
    const given = Buffer.from(token);
    const expected = Buffer.from(this.#token);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      socket.destroy();
      return;
    }
    if (this.#outcome !== 'not-asked') {
      if (this.#outcome === 'answered') {
        this.#outcome = 'rejected';
      }
      socket.end();
      return;
    }
    // Until the user has answered, a second question finds the first one open and is refused.
    this.#outcome = 'cancelled';
    const password = await this.#options.ask().catch(() => undefined);
    if (password === undefined) {
      socket.end();
      return;
    }
    this.#outcome = 'answered';
    socket.end(`=${password}`);
  }
}

/** Removes what an extension host that was killed while it asked has left behind. Never rejects. */
async function sweepLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  const folders = names.filter((name) => name.startsWith(folderPrefix)).map((name) => join(parent, name));
  await Promise.all(
    folders.map(async (folder) => {
      if (await isLeftover(folder).catch(() => false)) {
        await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      }
    }),
  );
}

/** A folder of this user's at whose socket nobody listens. */
async function isLeftover(folder: string): Promise<boolean> {
  const status = await lstat(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.()) {
    return false;
  }
  const answer = await new Promise<string | undefined>((resolve) => {
    const socket = connect(join(folder, socketName));
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  return answer === 'ECONNREFUSED' || (answer === 'ENOENT' && Date.now() - status.mtimeMs > leftoverMillis);
}
