// BitTorrent: the handshake between peers, the distributed hash table, uTP, and trackers over UDP.
import { byteAt, latin1, textAt, uint16, uint32 } from './bytes';
import type { Datagram, Match, Opening, Verdict } from './opening';

const handshake = '\x13BitTorrent protocol';
/** Begins every conversation with a tracker. */
const trackerMagic = [0x417, 0x2710_1980] as const;
const utpHeaderLength = 20;
const utpConnect = 0x41;

export function probeBittorrent({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = client.length === 0 ? 'no' : textAt(client, 0, handshake);
  const answered = server.length === 0 ? 'no' : textAt(server, 0, handshake);
  if (asked === 'yes' || answered === 'yes') return { application: 'bittorrent', certainty: 'certain' };
  return (asked === 'more' && !clientEnded) || (answered === 'more' && !serverEnded) ? 'more' : undefined;
}

export function probeBittorrentDatagram({ bytes, truncated }: Datagram): Match | undefined {
  if (byteAt(bytes, 0) === 0x64) return hashTable(bytes, truncated);
  const isTracker =
    bytes.length === 16 &&
    uint32(bytes, 0) === trackerMagic[0] &&
    uint32(bytes, 4) === trackerMagic[1] &&
    uint32(bytes, 8) === 0;
  if (isTracker)
    return { application: 'bittorrent', label: 'BitTorrent tracker', certainty: 'certain', sender: 'client' };
  return isUtpConnect(bytes)
    ? { application: 'bittorrent', label: 'BitTorrent uTP', certainty: 'likely', sender: 'client' }
    : undefined;
}

/** Dictionaries in bencoding whose keys are those of BEP 5. */
function hashTable(bytes: Uint8Array, truncated: boolean): Match | undefined {
  const text = latin1(bytes, 0, 1_500);
  const kind = /1:y1:([qre])/.exec(text.slice(-40))?.[1] ?? /1:y1:([qre])/.exec(text)?.[1];
  const starts = /^d(1:(a|r)d2:id20:|1:eli\d{3}e|2:ip\d{1,2}:|1:q\d|1:t\d|1:y1:)/.test(text);
  const ends = truncated || byteAt(bytes, bytes.length - 1) === 0x65;
  if (!starts || !ends || (kind === undefined && !(truncated && /^d1:[ar]d2:id20:/.test(text))))
    return undefined;
  return {
    application: 'bittorrent',
    label: 'BitTorrent DHT',
    certainty: 'certain',
    sender: kind === 'q' ? 'client' : 'server',
  };
}

/**
 * The packet that opens a uTP connection: it acknowledges nothing. Its first number is 1, or any number in clients that
 * say in an extension what they can do, which is nothing yet.
 */
function isUtpConnect(bytes: Uint8Array): boolean {
  const extension = byteAt(bytes, 1);
  const isPlain = extension === 0 && bytes.length === utpHeaderLength && uint16(bytes, 16) === 1;
  return (
    byteAt(bytes, 0) === utpConnect &&
    (isPlain || (extension === 2 && hasEmptyExtension(bytes))) &&
    uint32(bytes, 8) === 0 &&
    uint32(bytes, 12) > 0 &&
    uint16(bytes, 18) === 0
  );
}

function hasEmptyExtension(bytes: Uint8Array): boolean {
  const body = bytes.subarray(utpHeaderLength);
  return (
    body.length === 10 &&
    byteAt(body, 0) === 0 &&
    byteAt(body, 1) === 8 &&
    body.subarray(2).every((bit) => bit === 0)
  );
}
