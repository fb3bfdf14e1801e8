// Against the examples of RFC 7541, appendix C.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackReader } from '../../../../helper/src/protocols/hpack';
import { decodeHuffman } from '../../../../helper/src/protocols/hpack-huffman';
import { retainedText } from './retained-state';

function read(reader: HpackReader, hex: string) {
  const headers = reader.read(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return headers === undefined ? undefined : Object.fromEntries(headers);
}

describe('HpackReader', () => {
  it.each([
    [
      'plain',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'compressed',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('reads three requests of one connection, %s', (_how, ...blocks) => {
    const reader = new HpackReader();
    const common = { ':method': 'GET', ':authority': 'www.example.com' };
    expect(blocks.map((block) => read(reader, block))).toEqual([
      { ...common, ':path': '/' },
      { ...common, ':path': '/' },
      { ...common, ':path': '/index.html' },
    ]);
  });

  it('drops the oldest entries of a full table, as the peer does', () => {
    const reader = new HpackReader();
    // A table of 256 bytes, as in C.6.
    const first = read(
      reader,
      '3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    );
    const second = read(reader, '4883 640e ffc1 c0bf');
    const third = read(
      reader,
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    );
    expect([first, second, third]).toEqual([
      { ':status': '302' },
      { ':status': '307' },
      { ':status': '200' },
    ]);
  });

  it('keeps of a cookie only how long it is', () => {
    const reader = new HpackReader();
    const value = Buffer.from('XYZXYZXYZXYZ');
    const cookie = Buffer.concat([Buffer.from([0x60, value.length]), value]);
    expect(reader.read(cookie)?.size).toBe(0);
    expect(retainedText(reader)).not.toMatch(/XYZ/);
    // It is in the table all the same: the entry is known, and empty.
    expect(read(reader, 'be')).toEqual({});
  });

  it.each([
    ['an index beyond the table', 'ff80 01'],
    ['index 0', '80'],
    ['a string beyond the end', '4005 61'],
    ['a number without an end', 'ffff ffff ffff ff'],
    ['a table that is too large', '3fff ffff 7f'],
  ])('refuses %s', (_what, block) => {
    expect(read(new HpackReader(), block)).toBeUndefined();
  });
});

describe('decodeHuffman', () => {
  it('counts what is not wanted', () => {
    const bytes = Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex');
    expect(decodeHuffman(bytes, 100)).toEqual({ text: 'www.example.com', length: 15 });
    expect(decodeHuffman(bytes, 3)).toEqual({ text: 'www', length: 15 });
    expect(decodeHuffman(bytes, 0)).toEqual({ text: '', length: 15 });
  });

  it('never makes more than eight fifths of what it reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeHuffman(bytes, 1_000);
        if (decoded !== undefined) expect(decoded.length).toBeLessThanOrEqual((bytes.length * 8) / 5);
      }),
    );
  });
});
