// `/etc/hosts`, as each process sees it: names that somebody has given to addresses on this machine.
import { readlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import { toHostName } from '../../../src/shared/host-name';
import { lookAtSmallFile, type SmallFile } from '../small-file';
import { canonicalAddress } from './local-names';

const maximumBytes = 512 * 1024;
/** Between two looks at whether the file has changed. */
const lookAgainNanos = 1e9;
/** Files that are kept: the machine's own and those of containers. */
const maximumFiles = 64;

/** Names by address; the first name of the first line for an address counts, as for the resolver. */
export function parseHosts(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [address = '', ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    const name = rest.map(toHostName).find((candidate) => candidate !== undefined);
    if (name === undefined || isIP(address) === 0) continue;
    const key = canonicalAddress(address);
    if (!names.has(key)) names.set(key, name);
  }
  return names;
}

interface File {
  names: Map<string, string>;
  /** As of the file; empty where there is none. */
  stamp: string;
  lookedNanos: number;
}

/** Reads hosts files when they are needed, and again when they have changed. */
export class HostsFiles {
  readonly #files = new Map<string, File>();
  #ownMounts: string | undefined;

  constructor(private readonly path = '/etc/hosts') {}

  /** @param nanos nanoseconds since boot, now */
  find(pid: number, address: string, nanos: number): string | undefined {
    return this.#read(this.#rootOf(pid), nanos).get(address);
  }

  /** Where processes have a file system of their own, which is what containers have; empty where it is this one. */
  #rootOf(pid: number): string {
    this.#ownMounts ??= mountNamespace('self') ?? '';
    const mounts = mountNamespace(String(pid));
    return mounts === undefined || mounts === this.#ownMounts ? '' : `/proc/${String(pid)}/root`;
  }

  #read(root: string, nanos: number): Map<string, string> {
    const known = this.#files.get(root);
    if (known !== undefined && nanos - known.lookedNanos < lookAgainNanos) return known.names;
    const look = ({ stamp, read }: SmallFile): Pick<File, 'names' | 'stamp'> =>
      known?.stamp === stamp ? known : { names: parseHosts(read(maximumBytes) ?? ''), stamp };
    const nothing = { names: new Map<string, string>(), stamp: '' };
    const { names, stamp } = lookAtSmallFile(this.path, look, root) ?? nothing;
    this.#files.delete(root);
    this.#files.set(root, { names, stamp, lookedNanos: nanos });
    if (this.#files.size > maximumFiles) {
      const oldest = this.#files.keys().next();
      if (oldest.done !== true) this.#files.delete(oldest.value);
    }
    return names;
  }
}

function mountNamespace(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/mnt`);
  } catch {
    return undefined;
  }
}
