import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameDecoder, FramingError } from '../../../helper/src/rpc/framing';

function decodeAll(decoder: FrameDecoder, ...chunks: (Buffer | string)[]): string[] {
  return chunks.flatMap((chunk) => [...decoder.decode(Buffer.from(chunk))].map(String));
}

describe('FrameDecoder', () => {
  it('finds frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(50)), (contents, cuts) => {
        const bytes = Buffer.concat(contents.map(encodeFrame));
        const decoder = new FrameDecoder(10_000);
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...decodeAll(decoder, bytes.subarray(at, at + cut)));
          at += cut;
        }
        expect(found).toEqual(contents);
        expect(decoder.insideFrame).toBe(false);
      }),
    );
  });

  it('holds no more than was announced, and fails only with a FramingError, for any bytes', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('Content-Length: ', 'content-length:5', '\r\n\r\n', '\r\n', '99', ':', 'X: y')
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 60 }), (chunks) => {
        const decoder = new FrameDecoder(64);
        try {
          for (const chunk of chunks) {
            for (const content of decoder.decode(chunk)) expect(content.length).toBeLessThanOrEqual(64);
            expect(decoder.heldBytes).toBeLessThanOrEqual(4_096 + 64);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FramingError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a frame over the bound', 'Content-Length: 104857600\r\n\r\n', /104857600 bytes is refused: at most 64/],
    ['a length that is no number', 'Content-Length: -1\r\n\r\n', /not a number/],
    ['a length in hexadecimal', 'Content-Length: 0x10\r\n\r\n', /not a number/],
    ['two lengths', 'Content-Length: 1\r\nContent-Length: 2\r\n\r\n', /two lengths/],
    ['no length', 'Content-Type: text/plain\r\n\r\n', /no Content-Length/],
    ['a line without a name', 'Content-Length: 1\r\nwhat is this\r\n\r\n', /no name and value/],
    ['a header without end', 'X: '.padEnd(5_000, 'y'), /more than 4096 bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeAll(new FrameDecoder(64), bytes)).toThrow(message);
  });

  it('refuses a frame over the bound before any of its content has come', () => {
    expect(() => decodeAll(new FrameDecoder(64), 'Content-Length: 65\r\n\r\n')).toThrow(FramingError);
    expect(decodeAll(new FrameDecoder(64), 'Content-Length: 64\r\n\r\n', 'x'.repeat(64))).toEqual([
      'x'.repeat(64),
    ]);
  });

  it('accepts other header lines and any case', () => {
    const bytes = 'content-TYPE: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH:2\r\n\r\n{}';
    expect(decodeAll(new FrameDecoder(64), bytes)).toEqual(['{}']);
  });

  it('hands out frames before a fault', () => {
    const decoder = new FrameDecoder(64);
    const found: string[] = [];
    expect(() => {
      const bytes = Buffer.concat([encodeFrame('{"a":1}'), Buffer.from('nonsense\r\n\r\n')]);
      for (const content of decoder.decode(bytes)) found.push(content.toString());
    }).toThrow(FramingError);
    expect(found).toEqual(['{"a":1}']);
  });
});

describe('encodeFrame', () => {
  it('counts bytes, not characters', () => {
    expect(encodeFrame('"ä"').toString()).toBe('Content-Length: 4\r\n\r\n"ä"');
  });
});
