// TLS and QUIC beyond what recordings.test.ts and facts.test.ts ask for.
import { describe, expect, it } from 'vitest';
import type { Detection } from '../../../../helper/src/protocols/detection';
import { inspect, readRecording, type RecordedPiece } from './recording';

function detectionOf(
  name: string,
  change: (pieces: RecordedPiece[]) => RecordedPiece[],
): Detection | undefined {
  const { context, pieces } = readRecording(name);
  return inspect({ context, pieces: change(pieces) }).inspector.detection;
}

/** Cuts as a network with segments of 1,448 bytes does. */
function inSegments(pieces: RecordedPiece[]): RecordedPiece[] {
  const segment = 1_448;
  return pieces.flatMap((piece) =>
    Array.from({ length: Math.ceil(piece.bytes.length / segment) }, (_, index) => ({
      ...piece,
      offset: piece.offset + index * segment,
      bytes: piece.bytes.subarray(index * segment, (index + 1) * segment),
    })),
  );
}

describe('a hello with post-quantum key shares', () => {
  it('is longer than a segment, and read from two', () => {
    const { pieces } = readRecording('https-chromium');
    expect(pieces[0]?.bytes.length).toBeGreaterThan(1_448);
    expect(detectionOf('https-chromium', inSegments)).toMatchObject({
      label: 'TLS 1.3 · http/1.1',
      host: { name: 'www.example.org', source: 'sni' },
      tls: { offeredAlpn: ['h2', 'http/1.1'] },
    });
  });

  it('shows that it may hide another hello', () => {
    expect(detectionOf('https-chromium', (pieces) => pieces)).toMatchObject({ encryptedClientHello: true });
    expect(detectionOf('https-curl', (pieces) => pieces)).not.toHaveProperty('encryptedClientHello');
  });

  it('tells the version only when the server has chosen it', () => {
    const detection = detectionOf('https-chromium', (pieces) =>
      pieces.filter(({ direction }) => direction === 'sent').slice(0, 1),
    );
    expect(detection).toMatchObject({
      application: 'tls',
      label: 'TLS · offers h2, http/1.1',
      certainty: 'certain',
    });
    expect(detection?.tls).not.toHaveProperty('version');
  });
});

describe('QUIC', () => {
  it('puts a hello together that comes in several datagrams', () => {
    const sent = (pieces: RecordedPiece[]) => pieces.filter(({ direction }) => direction === 'sent');
    expect(detectionOf('quic-chromium', (pieces) => sent(pieces).slice(0, 1))).toMatchObject({
      application: 'quic',
      label: 'QUIC v1',
    });
    for (const order of [
      (pieces: RecordedPiece[]) => pieces,
      (pieces: RecordedPiece[]) => pieces.toReversed(),
    ]) {
      expect(detectionOf('quic-chromium', (pieces) => order(sent(pieces).slice(0, 2)))).toMatchObject({
        application: 'h3',
        label: 'QUIC v1 · h3',
        host: { name: 'quic.example.org', source: 'sni' },
      });
    }
  });

  it('names a version that it cannot read, as likely, until the server lists those that it knows', () => {
    expect(detectionOf('quic-unknown-version', (pieces) => pieces.slice(0, 1))).toMatchObject({
      application: 'quic',
      label: 'QUIC 0x1a2a3a4a',
      certainty: 'likely',
    });
    expect(detectionOf('quic-unknown-version', (pieces) => pieces)).toMatchObject({
      label: 'QUIC',
      certainty: 'certain',
    });
  });

  it('refuses a packet of which a single bit is wrong', () => {
    const detection = detectionOf('quic-v1', (pieces) =>
      pieces.slice(0, 1).map((piece) => {
        const bytes = piece.bytes.slice();
        bytes[600] = (bytes[600] ?? 0) ^ 1;
        return { ...piece, bytes };
      }),
    );
    expect(detection?.certainty).not.toBe('certain');
    expect(detection).not.toHaveProperty('host');
  });
});
