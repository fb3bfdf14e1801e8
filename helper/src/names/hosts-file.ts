// `/etc/hosts`, as each process sees it: names that somebody has given to addresses on this machine.
import { readlinkSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { toHostName } from '../../../src/shared/host-name';
import { canonicalAddress } from './local-names';
import { readSmallFile } from './small-file';

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
  /** What would change with the content: time, size, inode. */
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
    return this.#read(this.#pathFor(pid), nanos).get(address);
  }

  /** Processes with a file system of their own, which is what containers have, are looked at through it. */
  #pathFor(pid: number): string {
    this.#ownMounts ??= mountNamespace('self') ?? '';
    const mounts = mountNamespace(String(pid));
    return mounts === undefined || mounts === this.#ownMounts
      ? this.path
      : `/proc/${String(pid)}/root${this.path}`;
  }

  #read(path: string, nanos: number): Map<string, string> {
    const known = this.#files.get(path);
    if (known !== undefined && nanos - known.lookedNanos < lookAgainNanos) return known.names;
    const stamp = stampOf(path);
    const names = known?.stamp === stamp ? known.names : parseHosts(readSmallFile(path, maximumBytes) ?? '');
    this.#files.delete(path);
    this.#files.set(path, { names, stamp, lookedNanos: nanos });
    if (this.#files.size > maximumFiles) {
      const oldest = this.#files.keys().next();
      if (oldest.done !== true) this.#files.delete(oldest.value);
    }
    return names;
  }
}

function stampOf(path: string): string {
  try {
    const { mtimeNs, size, ino, dev } = statSync(path, { bigint: true });
    return [mtimeNs, size, ino, dev].join('/');
  } catch {
    return '';
  }
}

function mountNamespace(process: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/mnt`);
  } catch {
    return undefined;
  }
}
