import { describe, expect, it, vi } from 'vitest';
import { ConnectionInspector } from '../../../../helper/src/protocols/inspector';
import { readRecording } from './recording';

const context = { transport: 'tcp', localPort: 50_000, remotePort: 443, outgoing: true } as const;

describe('ConnectionInspector', () => {
  it('begins with the guess by the port, and gives the same object until something changes', () => {
    const inspector = new ConnectionInspector(context);
    expect(inspector.detection).toMatchObject({ application: 'tls', certainty: 'guess' });
    expect(inspector.detection).toBe(inspector.detection);
    expect(inspector.isDone('sent')).toBe(false);
  });

  it('keeps none of the bytes that it is given', () => {
    const { pieces } = readRecording('tls13-node');
    const inspector = new ConnectionInspector(context);
    for (const piece of pieces) {
      const bytes = piece.bytes.slice();
      const middle = bytes.length >> 1;
      for (const [from, to] of [
        [0, middle],
        [middle, bytes.length],
      ] as const) {
        const part = bytes.slice(from, to);
        inspector.feed(piece.direction, part, piece.nanos, { offset: piece.offset + from, truncated: false });
        // Whoever gave them uses them again.
        part.fill(0xff);
      }
    }
    expect(inspector.detection).toMatchObject({
      label: 'TLS 1.3 · h2',
      host: { name: 'service.example.org' },
    });
  });

  it('ends with a parser that fails, and tells whoever wants to know', () => {
    class Defective extends Uint8Array {
      override subarray(): never {
        throw new RangeError('a defect');
      }
    }
    const onFailure = vi.fn();
    const inspector = new ConnectionInspector(context, onFailure);
    expect(inspector.feed('sent', new Defective(8), 0, { offset: 0, truncated: false })).toEqual([]);
    expect(onFailure).toHaveBeenCalledExactlyOnceWith(expect.any(RangeError));
    expect([inspector.isDone('sent'), inspector.isDone('received')]).toEqual([true, true]);
  });

  it('needs no more bytes when the handshake is over', () => {
    const { pieces } = readRecording('tls13-node');
    const inspector = new ConnectionInspector(context);
    for (const piece of pieces) inspector.feed(piece.direction, piece.bytes, piece.nanos, piece);
    expect([inspector.isDone('sent'), inspector.isDone('received')]).toEqual([true, true]);
    expect(inspector.feed('sent', new Uint8Array([1, 2, 3]), 1e9, { offset: 1e6, truncated: false })).toEqual(
      [],
    );
  });
});
