// Kafka: each request is its length, a key, a version, a number to match the answer with, and the client's name.
import { byteAt, isPrintable, uint16, uint32 } from './bytes';
import type { Opening, Verdict } from './opening';

const highestKey = 92;
const highestVersion = 20;
const ApiVersions = 18;
const maximumRequest = 100_000_000;
const maximumClientName = 255;
const noName = 0xffff;

export function probeKafka({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  if (client.length === 0) return undefined;
  const length = uint32(client, 0);
  // The first byte of a length below 16 MB is 0; nothing else can be told from it.
  if (client.length < 14) return byteAt(client, 0) <= 5 && !clientEnded ? 'more' : undefined;
  const key = uint16(client, 4);
  const version = uint16(client, 6);
  const name = uint16(client, 12);
  if (length < 10 || length > maximumRequest || key > highestKey || version > highestVersion)
    return undefined;
  if (name !== noName) {
    if (name === 0 || name > maximumClientName || 10 + name > length) return undefined;
    if (client.length < 14 + name && !clientEnded) return 'more';
    if (!isPrintable(client, 14, 14 + name)) return undefined;
  }
  // The answer gives the number back.
  const matches = server.length >= 8 && uint32(server, 4) === uint32(client, 8) && uint32(server, 0) >= 4;
  const asksVersions = key === ApiVersions && version <= 5 && name !== noName;
  if (server.length >= 8 && !matches) return undefined;
  if (asksVersions || matches) return { application: 'kafka', certainty: 'certain' };
  return name === noName ? undefined : { application: 'kafka', certainty: 'likely', waits: !serverEnded };
}
