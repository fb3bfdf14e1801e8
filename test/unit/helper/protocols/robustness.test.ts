// However the bytes are cut, what is told stays the same; where some are missing, less is told, and nothing wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionInspector } from '../../../../helper/src/protocols/inspector';
import { inspect, readRecording, recordingNames, type RecordedPiece, type Recording } from './recording';
import { samples } from './samples';

const all: Recording[] = [...recordingNames.map(readRecording), ...samples];
const streams = all.filter(({ context }) => context.transport === 'tcp');
const byName = fc.constantFrom(...streams);

/** Cuts a piece at a place. */
function cut(piece: RecordedPiece, at: number): RecordedPiece[] {
  if (at <= 0 || at >= piece.bytes.length) return [piece];
  return [
    { ...piece, bytes: piece.bytes.subarray(0, at), truncated: false },
    { ...piece, bytes: piece.bytes.subarray(at), offset: piece.offset + at },
  ];
}

/** What is told in the end: facts by what they replace. */
function outcome(recording: Pick<Recording, 'context' | 'pieces'>) {
  const { inspector, facts } = inspect(recording);
  return {
    detection: inspector.detection,
    facts: facts.map((fact) => ({ ...fact, nanos: 0, latencyNanos: 0, durationNanos: 0 })),
  };
}

describe('a stream cut anywhere', () => {
  it.each(streams.map((recording) => [recording.name, recording] as const))(
    '%s is told the same after a cut at every byte',
    (_name, { context, pieces }) => {
      const whole = outcome({ context, pieces });
      pieces.forEach((piece, index) => {
        const last = Math.min(piece.bytes.length, 700);
        for (let at = 1; at < last; at += 1) {
          const parts = [...pieces.slice(0, index), ...cut(piece, at), ...pieces.slice(index + 1)];
          expect(outcome({ context, pieces: parts }), `piece ${String(index)}, byte ${String(at)}`).toEqual(
            whole,
          );
        }
      });
    },
  );

  it('is told the same after many cuts', () => {
    fc.assert(
      fc.property(byName, fc.array(fc.nat(3_000), { maxLength: 40 }), ({ context, pieces }, cuts) => {
        const parts = pieces.flatMap((piece) =>
          cuts.reduce<RecordedPiece[]>(
            (done, at) => done.flatMap((part) => cut(part, at - part.offset + piece.offset)),
            [piece],
          ),
        );
        expect(outcome({ context, pieces: parts })).toEqual(outcome({ context, pieces }));
      }),
      { numRuns: 300 },
    );
  });

  it('is told the same where segments are sent again', () => {
    fc.assert(
      fc.property(byName, fc.array(fc.nat(20), { maxLength: 6 }), ({ context, pieces }, again) => {
        const repeated = pieces.flatMap((piece, index) =>
          again.includes(index)
            ? [piece, ...pieces.slice(0, index + 1).filter(({ direction }) => direction === piece.direction)]
            : [piece],
        );
        expect(outcome({ context, pieces: repeated })).toEqual(outcome({ context, pieces }));
      }),
      { numRuns: 200 },
    );
  });
});

describe('bytes that are missing', () => {
  it.each([16, 64, 128, 256, 512, 1_024])(
    'tells nothing wrong where %i bytes of each piece are copied',
    (limit) => {
      for (const { name, context, pieces } of all) {
        const full = inspect({ context, pieces }).inspector.detection;
        const { inspector } = inspect({
          context: { ...context, remotePort: 9 },
          pieces: pieces.map((piece) => ({
            ...piece,
            bytes: piece.bytes.subarray(0, limit),
            truncated: piece.truncated || piece.bytes.length > limit,
          })),
        });
        const less = [undefined, full?.application, 'dns', 'tls', 'quic', 'http/1.1', 'websocket', 'h2'];
        expect(less, name).toContain(inspector.detection?.application);
      }
    },
  );

  it('never throws, whatever is missing, and keeps its promises', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.array(
          fc.record({
            drop: fc.boolean(),
            limit: fc.integer({ min: 1, max: 3_000 }),
            shift: fc.integer({ min: -50, max: 5_000 }),
          }),
          { minLength: 1, maxLength: 24 },
        ),
        ({ context, pieces }, faults) => {
          const inspector = new ConnectionInspector(context, (error) => {
            throw error;
          });
          pieces.forEach((piece, index) => {
            const fault = faults[index % faults.length];
            if (fault === undefined || fault.drop) return;
            const bytes = piece.bytes.subarray(0, fault.limit);
            const offset = Math.max(0, piece.offset + (index % 3 === 0 ? fault.shift : 0));
            const facts = inspector.feed(piece.direction, bytes, piece.nanos, {
              offset,
              truncated: bytes.length < piece.bytes.length,
            });
            expect(Array.isArray(facts)).toBe(true);
          });
          expect([undefined, 'certain', 'likely', 'guess']).toContain(inspector.detection?.certainty);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('recognises what began before it was watched by what cannot be anything else', () => {
    const { context, pieces } = readRecording('http1-keep-alive');
    const later = pieces.map((piece) => ({ ...piece, offset: piece.offset + 1_000_000 }));
    expect(
      inspect({ context: { ...context, outgoing: false }, pieces: later }).inspector.detection?.application,
    ).toBe('http/1.1');
  });

  it('keeps the guess by the port where only the middle of a conversation was seen', () => {
    const context = { transport: 'tcp', localPort: 50_000, remotePort: 5432, outgoing: true } as const;
    const middle = { nanos: 0, offset: 70_000, bytes: new Uint8Array(40).fill(0xd5), truncated: false };
    const { inspector } = inspect({
      context,
      pieces: [
        { ...middle, direction: 'sent' },
        { ...middle, direction: 'received' },
      ],
    });
    expect(inspector.detection).toMatchObject({ application: 'postgresql', certainty: 'guess' });
  });
});
