// memcached: commands as lines, its newer commands (meta), and the older binary protocol; over UDP with a header before it.
import { byteAt, latin1, uint16, uint32 } from './bytes';
import type { Datagram, Match, Opening, Verdict } from './opening';

/** Storage commands have a shape of their own: flags, lifetime and length after the key. */
const storing =
  /^(set|add|replace|append|prepend) [!-~]{1,250} \d{1,10} -?\d{1,10} \d{1,9}( noreply)?\r\n|^cas [!-~]{1,250} \d{1,10} -?\d{1,10} \d{1,9} \d{1,20}( noreply)?\r\n/;
const asking =
  /^(gets? [!-~ ]{1,900}|gats? \d+ [!-~ ]{1,900}|(incr|decr|touch) [!-~]{1,250} \d{1,20}( noreply)?|delete [!-~]{1,250}( noreply)?|stats( [a-z]+)?|version|flush_all( \d+)?( noreply)?|verbosity \d+( noreply)?|mn|m[gda] [!-~]{1,250}( [!-~]+)*|ms [!-~]{1,250} S?\d{1,9}( [!-~]+)*|me [!-~]{1,250})\r\n/;
const answer =
  /^(STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|OK|END|ERROR|\d{1,20}|HD|EN|NS|EX|NF|MN|VA \d{1,9}( \S+)*|ME \S+( \S+)*|VALUE [!-~]{1,250} \d{1,10} \d{1,9}( \d+)?|STAT \S+ .*|VERSION [\w.-]+|(CLIENT|SERVER)_ERROR .*)\r\n/;
const longestLine = 1_000;

const BinaryMagic = { Request: 0x80, Response: 0x81 } as const;
const binaryHeaderLength = 24;
const highestOpcode = 0x4a;
const datagramHeaderLength = 8;

export function probeMemcached({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  if (client.length === 0) return undefined;
  const first = byteAt(client, 0);
  if (first === BinaryMagic.Request) {
    if (client.length < binaryHeaderLength) return clientEnded ? undefined : 'more';
    return isBinary(client, BinaryMagic.Request)
      ? {
          application: 'memcached',
          certainty: isBinary(server, BinaryMagic.Response) ? 'certain' : 'likely',
          waits: !serverEnded && server.length < binaryHeaderLength,
        }
      : undefined;
  }
  if (first < 0x61 || first > 0x7a) return undefined;
  const line = latin1(client, 0, longestLine);
  if (storing.test(line)) return { application: 'memcached', certainty: 'certain' };
  if (!asking.test(line)) {
    const mayStore = /^([a-z_]{1,9}|[a-z_]{2,9} [!-~ ]*\r?)$/.test(line) && line.length < longestLine;
    return mayStore && !clientEnded && isCommandStart(line) ? 'more' : undefined;
  }
  if (server.length === 0) return serverEnded ? undefined : 'more';
  const answered = latin1(server, 0, longestLine);
  if (answer.test(answered)) return { application: 'memcached', certainty: 'certain' };
  return answered.includes('\n') || serverEnded ? undefined : 'more';
}

const commands = (
  'set add replace append prepend cas get gets gat gats incr decr touch delete stats version flush_all verbosity ' +
  'mn mg ms md ma me'
).split(' ');

function isCommandStart(line: string): boolean {
  const blank = line.search(/[ \r]/);
  return blank < 0
    ? commands.some((command) => command.startsWith(line))
    : commands.includes(line.slice(0, blank));
}

export function probeMemcachedDatagram({ bytes }: Datagram): Match | undefined {
  // Number of the request, number of this datagram, how many there are, and a reserved field.
  const total = uint16(bytes, 4);
  if (bytes.length < datagramHeaderLength + 4 || uint16(bytes, 6) !== 0) return undefined;
  if (total < 1 || uint16(bytes, 2) >= total) return undefined;
  const line = latin1(bytes, datagramHeaderLength, datagramHeaderLength + longestLine);
  if (storing.test(line) || asking.test(line))
    return { application: 'memcached', certainty: 'certain', sender: 'client' };
  return answer.test(line) ? { application: 'memcached', certainty: 'likely', sender: 'server' } : undefined;
}

function isBinary(bytes: Uint8Array, magic: number): boolean {
  const key = uint16(bytes, 2);
  const extras = byteAt(bytes, 4);
  const body = uint32(bytes, 8);
  return (
    bytes.length >= binaryHeaderLength &&
    byteAt(bytes, 0) === magic &&
    byteAt(bytes, 1) <= highestOpcode &&
    key <= 250 &&
    (extras === 0 || extras === 4 || extras === 8 || extras === 12 || extras === 20) &&
    byteAt(bytes, 5) === 0 &&
    body >= key + extras &&
    body < 128 * 2 ** 20
  );
}
