// Small protocols over UDP, each recognised from one datagram: STUN, NTP, DHCP, SSDP, DTLS.
import { byteAt, latin1, textAt, uint16, uint32 } from './bytes';
import type { Datagram, Match, Opening, Verdict } from './opening';

const stunHeaderLength = 20;
const stunCookie = 0x2112_a442;

/** STUN and TURN (RFC 8489). */
export function probeStunDatagram({ bytes, truncated }: Datagram): Match | undefined {
  const length = stunHeaderLength + uint16(bytes, 2);
  if (!isStunHeader(bytes) || (truncated ? length < bytes.length : length !== bytes.length)) return undefined;
  return { application: 'stun', certainty: 'certain', sender: isStunAnswer(bytes) ? 'server' : 'client' };
}

/** The same over TCP. */
export function probeStunStream({ client, clientEnded }: Opening): Verdict {
  if (client.length === 0 || byteAt(client, 0) > 1) return undefined;
  if (client.length < stunHeaderLength) return clientEnded ? undefined : 'more';
  return isStunHeader(client) ? { application: 'stun', certainty: 'certain' } : undefined;
}

function isStunHeader(bytes: Uint8Array): boolean {
  return (
    bytes.length >= stunHeaderLength &&
    byteAt(bytes, 0) < 0x40 &&
    uint16(bytes, 2) % 4 === 0 &&
    uint32(bytes, 4) === stunCookie
  );
}

function isStunAnswer(bytes: Uint8Array): boolean {
  return (byteAt(bytes, 0) & 1) === 1;
}

const ntpLength = 48;
/** Seconds of NTP, from 1900, at the start of 2000. */
const recent = 3_155_673_600;

/** NTP (RFC 5905), versions 1 to 4. */
export function probeNtp({ bytes }: Datagram): Match | undefined {
  const version = (byteAt(bytes, 0) >> 3) & 7;
  const mode = byteAt(bytes, 0) & 7;
  if (bytes.length < ntpLength || version < 1 || version > 4 || mode < 1 || mode > 5) return undefined;
  // After the packet only extensions and a check sum, in whole words.
  if (bytes.length % 4 !== 0 || byteAt(bytes, 1) > 16) return undefined;
  const hasPrecision = byteAt(bytes, 3) >= 0xe0;
  if (mode === 3) {
    const isSimple = bytes.length === ntpLength && bytes.subarray(1, 40).every((byte) => byte === 0);
    const isUsual = hasPrecision && byteAt(bytes, 2) <= 17;
    if (!isSimple && !isUsual && !isAnonymous(bytes)) return undefined;
    return { application: 'ntp', certainty: 'likely', sender: 'client' };
  }
  // When the request came and the answer went: now, and in this order.
  const received = uint32(bytes, 32);
  const transmitted = uint32(bytes, 40);
  if (!hasPrecision || transmitted < recent || received < recent || transmitted < received) return undefined;
  const isAnswer = mode === 4 && byteAt(bytes, 1) > 0 && transmitted - received < 10;
  return {
    application: 'ntp',
    certainty: isAnswer ? 'certain' : 'likely',
    sender: mode === 4 ? 'server' : 'client',
  };
}

/** A client that tells nothing about itself (chrony, ntpd-rs): zeros but for poll, precision and a random transmit time. */
function isAnonymous(bytes: Uint8Array): boolean {
  return bytes.length === ntpLength && bytes.subarray(4, 40).every((byte) => byte === 0);
}

const dhcpCookie = 0x6382_5363;
const dhcpCookieAt = 236;

/** DHCP and BOOTP (RFC 2131). */
export function probeDhcp({ bytes }: Datagram): Match | undefined {
  const operation = byteAt(bytes, 0);
  const known =
    (operation === 1 || operation === 2) &&
    byteAt(bytes, 1) > 0 &&
    byteAt(bytes, 2) <= 16 &&
    byteAt(bytes, 3) <= 16;
  if (!known) return undefined;
  const sender = operation === 1 ? 'client' : 'server';
  if (bytes.length < dhcpCookieAt + 4) return undefined;
  return uint32(bytes, dhcpCookieAt) === dhcpCookie
    ? { application: 'dhcp', certainty: 'certain', sender }
    : undefined;
}

const DhcpOption = { ClientId: 1, ServerId: 2, RelayMessage: 9 } as const;
const relayForward = 12;
const relayReply = 13;

/** DHCPv6 (RFC 8415): options have to fill the datagram, and one of them names an end. */
export function probeDhcpv6({ bytes, truncated }: Datagram): Match | undefined {
  const type = byteAt(bytes, 0);
  if (type < 1 || type > relayReply) return undefined;
  const isRelay = type === relayForward || type === relayReply;
  let names = false;
  let at = isRelay ? 34 : 4;
  if (at >= bytes.length) return undefined;
  for (let count = 0; count < 64 && at + 4 <= bytes.length; count += 1) {
    const option = uint16(bytes, at);
    const length = uint16(bytes, at + 2);
    if (option === 0 || option > 160) return undefined;
    if (isRelay ? option === DhcpOption.RelayMessage : isIdentifier(bytes, at, option, length)) names = true;
    at += 4 + length;
  }
  const fills = truncated ? at >= bytes.length : at === bytes.length;
  if (!names || !fills) return undefined;
  const isAnswer = type === 2 || type === 7 || type === 10 || type === relayReply;
  return { application: 'dhcpv6', certainty: 'certain', sender: isAnswer ? 'server' : 'client' };
}

function isIdentifier(bytes: Uint8Array, at: number, option: number, length: number): boolean {
  const kind = uint16(bytes, at + 4);
  return (
    (option === DhcpOption.ClientId || option === DhcpOption.ServerId) &&
    length >= 6 &&
    kind >= 1 &&
    kind <= 4
  );
}

/** Discovery of devices by HTTP over UDP. */
export function probeSsdp({ bytes }: Datagram): Match | undefined {
  if (
    textAt(bytes, 0, 'M-SEARCH * HTTP/1.1\r\n') === 'yes' ||
    textAt(bytes, 0, 'NOTIFY * HTTP/1.1\r\n') === 'yes'
  )
    return { application: 'ssdp', certainty: 'certain', sender: 'client' };
  const isAnswer =
    textAt(bytes, 0, 'HTTP/1.1 200 OK\r\n') === 'yes' && /\r\nUSN:/i.test(latin1(bytes, 0, 1_024));
  return isAnswer ? { application: 'ssdp', certainty: 'certain', sender: 'server' } : undefined;
}

const dtlsHeaderLength = 13;
const dtlsHandshake = 22;

/** DTLS 1.0 and 1.2 from its handshake: WebRTC, VPNs. */
export function probeDtls({ bytes, truncated }: Datagram): Match | undefined {
  const version = uint16(bytes, 1);
  const length = dtlsHeaderLength + uint16(bytes, 11);
  if (byteAt(bytes, 0) !== dtlsHandshake || (version !== 0xfeff && version !== 0xfefd)) return undefined;
  if (uint16(bytes, 3) !== 0 || bytes.length < dtlsHeaderLength + 12) return undefined;
  if (length > bytes.length && !truncated) return undefined;
  const message = byteAt(bytes, dtlsHeaderLength);
  if (message > 20) return undefined;
  const fromServer = message === 0 || message === 2 || message === 3 || message === 11 || message === 14;
  return { application: 'dtls', certainty: 'certain', sender: fromServer ? 'server' : 'client' };
}
