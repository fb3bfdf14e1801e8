// The serving end of traffic.mjs in the far host, and one run of a client against it under the helper.
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { HostPair } from './namespaces';
import { fromPlace, type Place } from './places';
import { type Command, inside, type Report, runWatched, Server } from './scenario';

export const trafficProgram = fileURLToPath(new URL('traffic.mjs', import.meta.url));

export type Family = 'ipv4' | 'ipv6';

/** An address of IPv4 as IPv6 sockets name it. */
export function ipv4Mapped(address: string): string {
  return `::ffff:${address}`;
}

/**
 * Starts the serving end in the far host, runs a client in the near one under the helper, and makes sure that both
 * ends counted the same payload.
 * @param pair that of the place
 */
export async function measureAgainstServer(
  pair: HostPair,
  { family = 'ipv4', place = 'inside' }: { family?: Family; place?: Place },
  client: (address: string, port: number) => Command,
): Promise<Report> {
  const address = pair.far[family];
  const { server, port } = await Server.start(
    inside(pair.far, process.execPath, trafficProgram, 'server', address),
  );
  try {
    const report = await runWatched(pair.near, fromPlace(pair, place), client(address, port));
    const sum = (value: 'sent' | 'received') =>
      report.truths.reduce((total, truth) => total + truth[value], 0);
    expect(await server.stop()).toEqual({ sent: sum('received'), received: sum('sent') });
    return report;
  } finally {
    await server.dispose();
  }
}
