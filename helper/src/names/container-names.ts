// Containers of this machine by their addresses, from what can be read: cgroups and addresses of processes in `/proc`,
// and the state that Docker and Podman keep in files. No daemon is asked.
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { lookAtSmallFile, readSmallFile } from '../small-file';
import { canonicalAddress, isLoopback } from './local-names';

/** Between two looks over all processes. */
const lookAgainNanos = 5e9;
const maximumProcesses = 4_096;
const maximumContainers = 1_024;
const maximumStateBytes = 1024 * 1024;
const maximumHostnameBytes = 256;

/** Where the state of containers is, as far as the caller may read it. */
export interface ContainerSources {
  processFolder: string;
  /** Folders with one folder a container, named by its id, as Docker has them. */
  dockerFolders: string[];
  /** Lists of containers as Podman writes them. */
  podmanLists: string[];
}

export function containerSources(home: string | undefined): ContainerSources {
  const podman = [
    '/var/lib/containers/storage',
    ...(home ? [`${home}/.local/share/containers/storage`] : []),
  ];
  return {
    processFolder: '/proc',
    dockerFolders: [
      '/var/lib/docker/containers',
      ...(home ? [`${home}/.local/share/docker/containers`] : []),
    ],
    podmanLists: podman.map((folder) => `${folder}/overlay-containers/containers.json`),
  };
}

/** What a cgroup path says of the container a process is in. */
export function containerOfCgroup(text: string): { id: string } | { name: string } | undefined {
  // 64 hexadecimal digits: Docker, Podman, containerd, CRI-O, also within the pods of Kubernetes.
  const id = /(?:^|[/\-:])([0-9a-f]{64})(?:\.scope)?(?=\/|$)/m.exec(text)?.[1];
  if (id !== undefined) return { id };
  const name =
    /\/lxc(?:\.payload\.|\/)([A-Za-z0-9][A-Za-z0-9_.-]{0,62})/.exec(text)?.[1] ??
    /\/machine-([A-Za-z0-9][A-Za-z0-9_.-]{0,62})\.scope/.exec(text)?.[1] ??
    /\/systemd-nspawn@([A-Za-z0-9][A-Za-z0-9_.-]{0,62})\.service/.exec(text)?.[1];
  return name === undefined ? undefined : { name };
}

/** Addresses of a network namespace, from `fib_trie` and `if_inet6` of one of its processes. */
export function addressesOfNamespace(fibTrie: string, ifInet6: string): string[] {
  const addresses = new Set<string>();
  for (const [, address = ''] of fibTrie.matchAll(/\|--\s+(\d+\.\d+\.\d+\.\d+)\s+\/32 host LOCAL/g)) {
    addresses.add(address);
  }
  for (const [, digits = '', scope] of ifInet6.matchAll(
    /^([0-9a-f]{32}) [0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) /gm,
  )) {
    // Link-local ones (scope 20) are the same in many networks.
    if (scope === '00') addresses.add(canonicalAddress(digits.replace(/.{4}(?=.)/g, '$&:')));
  }
  return [...addresses].filter((address) => !isLoopback(address));
}

const plainName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** A name of a container that is fit to be shown. */
function toContainerName(value: unknown): string | undefined {
  // Docker puts a slash in front.
  const name = typeof value === 'string' ? value.replace(/^\//, '') : '';
  return plainName.test(name) ? name : undefined;
}

/** Reads the containers when there is need to. */
export class ContainerNames {
  #byAddress = new Map<string, string>();
  #lookedNanos = -Infinity;

  constructor(private readonly sources: ContainerSources) {}

  /**
   * The name of the container that has an address.
   * @param nanos nanoseconds since boot, now
   */
  find(address: string, nanos: number): string | undefined {
    if (nanos - this.#lookedNanos >= lookAgainNanos) {
      this.#lookedNanos = nanos;
      this.#byAddress = this.#read();
    }
    return this.#byAddress.get(address);
  }

  #read(): Map<string, string> {
    const byAddress = new Map<string, string>();
    const namesById = this.#namesById(byAddress);
    const ownNamespace = this.#link('self/ns/net');
    const seen = new Set([ownNamespace]);
    for (const pid of this.#processIds()) {
      const namespace = this.#link(`${pid}/ns/net`);
      if (namespace === undefined || seen.has(namespace)) continue;
      const container = containerOfCgroup(this.#text(`${pid}/cgroup`));
      if (container === undefined) continue;
      seen.add(namespace);
      const name =
        'name' in container
          ? container.name
          : (namesById.get(container.id) ??
            toContainerName(this.#hostname(pid)) ??
            container.id.slice(0, 12));
      const addresses = addressesOfNamespace(
        this.#text(`${pid}/net/fib_trie`),
        this.#text(`${pid}/net/if_inet6`),
      );
      for (const address of addresses) if (!byAddress.has(address)) byAddress.set(address, name);
      if (byAddress.size >= maximumContainers) break;
    }
    return byAddress;
  }

  /** Names by id; the addresses that the state of Docker tells are added to `byAddress`. */
  #namesById(byAddress: Map<string, string>): Map<string, string> {
    const names = new Map<string, string>();
    for (const list of this.sources.podmanLists) {
      for (const entry of toList(parseJson(readSmallFile(list, maximumStateBytes)))) {
        const { id, names: given } = toRecord(entry);
        const name = toContainerName(toList(given)[0]);
        if (typeof id === 'string' && name !== undefined) names.set(id, name);
      }
    }
    for (const folder of this.sources.dockerFolders) {
      for (const id of listFolder(folder).slice(0, maximumContainers)) {
        const state = toRecord(
          parseJson(readSmallFile(join(folder, id, 'config.v2.json'), maximumStateBytes)),
        );
        const name = toContainerName(state['Name']);
        if (name === undefined) continue;
        names.set(id, name);
        if (toRecord(state['State'])['Running'] !== true) continue;
        for (const network of Object.values(toRecord(toRecord(state['NetworkSettings'])['Networks']))) {
          const { IPAddress: ipv4, GlobalIPv6Address: ipv6 } = toRecord(network);
          for (const address of [ipv4, ipv6]) {
            if (typeof address === 'string' && address !== '') byAddress.set(canonicalAddress(address), name);
          }
        }
      }
    }
    return names;
  }

  #processIds(): string[] {
    return listFolder(this.sources.processFolder)
      .filter((entry) => /^\d+$/.test(entry))
      .slice(0, maximumProcesses);
  }

  #hostname(pid: string): string | undefined {
    const root = join(this.sources.processFolder, pid, 'root');
    return lookAtSmallFile('/etc/hostname', ({ read }) => read(maximumHostnameBytes)?.trim(), root);
  }

  #text(path: string): string {
    return readSmallFile(join(this.sources.processFolder, path), maximumStateBytes) ?? '';
  }

  #link(path: string): string | undefined {
    try {
      return readlinkSync(join(this.sources.processFolder, path));
    } catch {
      return undefined;
    }
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function toList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
