// Conversations for which no program was recorded, written down after their standards: one piece each, of the client if not
// said otherwise.
import type { ApplicationId } from '../../../../helper/src/protocols/applications';
import type { RecordedPiece, Recording } from './recording';

export interface Sample extends Recording {
  application: ApplicationId;
}

type Content = string | Uint8Array;

function bytesOf(content: Content): Uint8Array {
  return typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'latin1')) : content;
}

function hex(...parts: (string | number)[]): Uint8Array {
  // A number stands for that many zeros.
  const text = parts.map((part) => (typeof part === 'number' ? '00'.repeat(part) : part.replaceAll(' ', '')));
  return new Uint8Array(Buffer.from(text.join(''), 'hex'));
}

/** @param contents alternate between client and server */
function sample(
  name: string,
  application: ApplicationId,
  transport: 'tcp' | 'udp',
  port: number,
  ...contents: Content[]
): Sample {
  const offsets = { sent: 0, received: 0 };
  const pieces = contents.map((content, index): RecordedPiece => {
    const bytes = bytesOf(content);
    const direction = index % 2 === 0 ? 'sent' : 'received';
    const offset = offsets[direction];
    if (transport === 'tcp') offsets[direction] += bytes.length;
    return { direction, nanos: index * 1_000_000, offset, bytes, truncated: false };
  });
  return {
    name,
    application,
    context: { transport, localPort: 50_000, remotePort: port, outgoing: true },
    pieces: pieces.filter(({ bytes }) => bytes.length > 0),
  };
}

const mdnsAnswer = hex(
  '0000 8400 0000 0001 0000 0000',
  '07 7072696e746572 05 6c6f63616c 00 0001 8001 00000078 0004 c0000209',
);

export const samples: readonly Sample[] = [
  sample('dhcp', 'dhcp', 'udp', 67, hex('01010600 3903f326', 20, '0205d6010203', 202, '63825363 350101 ff')),
  sample(
    'dhcpv6',
    'dhcpv6',
    'udp',
    547,
    hex('01 10 08 74 0001 000e 0001 0001 1c39cf88 080027fe8f95 0006 0004 00170018 0008 0002 0000'),
  ),
  sample('mdns', 'mdns', 'udp', 5353, mdnsAnswer),
  sample('llmnr', 'llmnr', 'udp', 5355, hex('d5a0 0000 0001 0000 0000 0000 07 7072696e746572 00 0001 0001')),
  sample(
    'ssdp',
    'ssdp',
    'udp',
    1900,
    'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n\r\n',
  ),
  sample(
    'dtls',
    'dtls',
    'udp',
    5684,
    hex('16 fefd 0000 000000000000 0036 01 00002a 0000 000000 00002a fefd', 32, '00 00 0002 c02b 01 00'),
  ),
  sample(
    'dht',
    'bittorrent',
    'udp',
    6881,
    'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe',
    'd1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re',
  ),
  sample('tracker', 'bittorrent', 'udp', 6969, hex('0000041727101980 00000000 1a2b3c4d')),
  sample('utp', 'bittorrent', 'udp', 6881, hex('4100 a1b2 01020304 00000000 00100000 0001 0000')),
  sample(
    'utp-with-extension',
    'bittorrent',
    'udp',
    6881,
    hex('4102 a1b2 01020304 00000000 00100000 8d3f 0000 0008 0000000000000000'),
  ),
  sample(
    'memcached over udp',
    'memcached',
    'udp',
    11211,
    hex('0001 0000 0001 0000', Buffer.from('get key\r\n').toString('hex')),
  ),
  sample(
    'ntp of a simple client',
    'ntp',
    'udp',
    123,
    hex('1b', 47),
    hex(
      '1c0200ec 00000a00 00000b00 c0000201 e9a1b2c3 00000000 00000000 00000000 e9a1b2c4 00000000 e9a1b2c4 00000000',
    ),
  ),
  sample(
    'imap',
    'imap',
    'tcp',
    143,
    '',
    '* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n',
    'a1 LOGIN user SECRET-PASSWORD\r\n',
  ),
  sample(
    'pop3',
    'pop3',
    'tcp',
    110,
    '',
    '+OK Dovecot ready.\r\n',
    'USER someone\r\n',
    '+OK\r\n',
    'PASS SECRET-PASSWORD\r\n',
  ),
  sample(
    'language server',
    'lsp',
    'tcp',
    2089,
    'Content-Length: 58\r\n\r\n{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}',
  ),
  sample('redis inline', 'redis', 'tcp', 6379, 'PING\r\n', '+PONG\r\n'),
  sample(
    'dns of a zone transfer',
    'dns',
    'tcp',
    53,
    hex('001d 1234 0000 0001 0000 0000 0000 07 6578616d706c65 03 6f7267 00 00fc 0001'),
  ),
  sample(
    'http with a secret address',
    'http/1.1',
    'tcp',
    3128,
    'GET http://user:SECRET-PASSWORD@files.example.org/a?b=SECRET-QUERY#SECRET-FRAGMENT HTTP/1.1\r\nHost: files.example.org\r\nProxy-Authorization: Basic SECRET-TOKEN\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: /b?c=SECRET-QUERY\r\nContent-Length: 0\r\n\r\n',
  ),
  sample(
    'http in chunks',
    'http/1.1',
    'tcp',
    80,
    'POST /upload HTTP/1.1\r\nHost: a.example.org\r\nTransfer-Encoding: chunked\r\n\r\n1b\r\nGET /SECRET-BODY HTTP/1.1\r\n\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a.example.org\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\nServer: x\r\n\r\nHTTP/1.0 204 No Content\r\n\r\n',
  ),
];
