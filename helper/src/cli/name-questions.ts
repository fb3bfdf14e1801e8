// Names of addresses by asking the DNS, for `--reverse-lookup`. The helper that counts may speak to nobody, so another
// process asks: it runs as the caller, without rights, is started before the helper gives up its own, and ends with its
// input.
import { spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isSea } from 'node:sea';
import type { FlowSample, HostName } from '../../../src/shared/protocol';
import { ReverseLookup } from '../../../src/shared/reverse-lookup';
import type { CallerIdentity } from '../caller';
import { asUser, withSetpriv } from './gated-command';
import { lookUpCommand } from './program';

/** With each program that it starts, root gets all capabilities again that are left in one of these. */
const withoutCapabilities = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];

/** Asks the other process. */
export class NameQuestions {
  readonly #input: Writable;
  readonly #waiting = new Map<string, (names: string[]) => void>();
  readonly #lookup = new ReverseLookup((address) => this.#ask(address));
  /** Called when a name has come. */
  onName: (address: string, host: HostName) => void = () => undefined;

  /** @param identity who the process runs as, when that is somebody else than this process */
  constructor(identity: CallerIdentity | undefined) {
    const own = [process.execPath, ...(isSea() ? [] : [process.argv[1] ?? '']), lookUpCommand];
    const staysRoot = identity === undefined && process.getuid?.() === 0;
    // This executable may have capabilities of its own, which its look-ups must not get again.
    const withoutRights = withSetpriv('--no-new-privs', ...(staysRoot ? withoutCapabilities : []));
    const [file = '', ...args] = [
      ...(identity === undefined ? [] : asUser(identity)),
      ...withoutRights,
      ...own,
    ];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    child.unref();
    this.#input = child.stdin;
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line));
  }

  /** The flow with the name that is known for its address by now; asks where none is. */
  lookUp(flow: FlowSample): FlowSample {
    return this.#lookup.complete(flow, (host, address) => this.onName(address, host));
  }

  #ask(address: string): Promise<string[]> {
    return new Promise((resolve) => {
      this.#waiting.set(address, resolve);
      this.#input.write(`${address}\n`);
    });
  }

  #answered(line: string): void {
    const [address = '', ...names] = line.split(' ');
    this.#waiting.get(address)?.(names);
    this.#waiting.delete(address);
  }
}

/** The other process: an address a line in, the address and its names a line out. Resolves when its input has ended. */
export async function lookUpNames(input: Readable, output: Writable): Promise<void> {
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  for await (const line of createInterface({ input })) {
    if (isIP(line) === 0) continue;
    const answer = (names: string[]): void => {
      output.write(`${[line, ...names.filter((name) => /^\S+$/.test(name))].join(' ')}\n`);
    };
    resolver.reverse(line).then(answer, () => answer([]));
  }
}
