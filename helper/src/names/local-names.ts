// The addresses of this machine and what it calls itself.
import { hostname, networkInterfaces } from 'node:os';
import { toHostName } from '../../../src/shared/host-name';

/** Between two looks at the addresses of this machine. */
const lookAgainNanos = 5e9;

/** The form in which addresses are compared: that of the kernel (RFC 5952), IPv4-mapped as IPv4. */
export function canonicalAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const bare = address.replace(/%.*$/, '');
  return URL.canParse(`http://[${bare}]/`)
    ? new URL(`http://[${bare}]/`).hostname.slice(1, -1)
    : bare.toLowerCase();
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** Looks at the machine's addresses when there is need to. */
export class LocalNames {
  #addresses = new Set<string>();
  #lookedNanos = -Infinity;

  constructor(
    private readonly addresses: () => string[] = ownAddresses,
    private readonly ownName: () => string = hostname,
  ) {}

  /** @param nanos nanoseconds since boot, now */
  find(address: string, nanos: number): string | undefined {
    if (isLoopback(address)) return 'localhost';
    if (nanos - this.#lookedNanos >= lookAgainNanos) {
      this.#lookedNanos = nanos;
      this.#addresses = new Set(this.addresses());
    }
    return this.#addresses.has(address) ? toHostName(this.ownName()) : undefined;
  }
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => canonicalAddress(address)),
  );
}
