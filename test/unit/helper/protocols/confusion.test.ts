// No protocol is taken for another, on whatever port it is spoken, and noise for none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applications } from '../../../../helper/src/protocols/applications';
import { datagramProbes, probes } from '../../../../helper/src/protocols/probes';
import { inspect, readRecording, recordingNames, type Recording } from './recording';
import { samples } from './samples';

const all: Recording[] = [...recordingNames.map(readRecording), ...samples];
const wellKnownPorts = [
  21, 22, 25, 53, 80, 110, 123, 443, 1883, 3306, 3478, 4222, 5432, 5672, 6379, 9092, 9229, 11211, 27017,
  40_000,
];

describe('a protocol on the port of another', () => {
  it.each(all.map((recording) => [recording.name, recording] as const))(
    '%s stays what it is',
    (_name, recording) => {
      const { application, certainty } = inspect(recording).inspector.detection ?? {};
      // mDNS and LLMNR are DNS on ports of their own.
      const onOtherPorts = application === 'mdns' || application === 'llmnr' ? 'dns' : application;
      for (const remotePort of wellKnownPorts) {
        const { detection } = inspect({
          ...recording,
          context: { ...recording.context, remotePort },
        }).inspector;
        expect([detection?.application, detection?.certainty], String(remotePort)).toEqual([
          onOtherPorts,
          certainty,
        ]);
      }
    },
  );
});

describe('every probe against every protocol', () => {
  /** Ids of what a recording is, at any layer. */
  function layersOf(recording: Recording): (string | undefined)[] {
    const { detection } = inspect(recording).inspector;
    const layers: (string | undefined)[] = [detection?.application];
    if (detection?.tls !== undefined) layers.push('tls', 'quic');
    // Protocols that begin as HTTP/1.1, and a tunnel.
    if (/upgrade|websocket|inspector|devtools|connect/.test(recording.name)) layers.push('http/1.1');
    if (recording.name === 'grpc') layers.push('h2');
    return layers;
  }

  it.each(all.map((recording) => [recording.name, recording] as const))(
    'only its own recognises %s',
    (_name, recording) => {
      const { context, pieces } = recording;
      const first = (direction: string) =>
        pieces.find((piece) => piece.direction === direction)?.bytes ?? new Uint8Array(0);
      const layers = layersOf(recording);
      const neutral = {
        ...context,
        localPort: 40_001,
        remotePort: context.remotePort > 5_000 ? context.remotePort : 40_002,
      };
      if (context.transport === 'tcp') {
        for (const [client, server] of [
          [first('sent'), first('received')],
          [first('received'), first('sent')],
        ] as const) {
          for (const probe of probes) {
            const verdict = probe({ context: neutral, client, server, clientEnded: true, serverEnded: true });
            if (typeof verdict === 'object') expect(layers).toContain(verdict.application);
          }
        }
      } else {
        for (const { bytes, truncated } of pieces) {
          for (const probe of datagramProbes) {
            const match = probe({
              context: neutral,
              bytes,
              truncated,
              fromPort: neutral.localPort,
              toPort: neutral.remotePort,
            });
            if (match !== undefined) expect(layers).toContain(match.application);
          }
        }
      }
    },
  );
});

describe('noise', () => {
  const noise = fc.uint8Array({ minLength: 1, maxLength: 600, size: 'max' });

  it.each(['tcp', 'udp'] as const)('is never told for certain over %s', (transport) => {
    fc.assert(
      fc.property(noise, noise, fc.constantFrom(...wellKnownPorts), (sent, received, remotePort) => {
        const piece = { nanos: 0, offset: 0, truncated: false };
        const { inspector } = inspect({
          context: { transport, localPort: 50_000, remotePort, outgoing: true },
          pieces: [
            { ...piece, direction: 'sent', bytes: sent },
            { ...piece, direction: 'received', bytes: received },
          ],
        });
        expect(inspector.detection?.certainty).not.toBe('certain');
      }),
      { numRuns: 2_000 },
    );
  });

  it('contradicts the guess by the port', () => {
    const bytes = new Uint8Array(64).fill(0xd5);
    const { inspector } = inspect({
      context: { transport: 'tcp', localPort: 50_000, remotePort: 5432, outgoing: true },
      pieces: [
        { direction: 'sent', nanos: 0, offset: 0, bytes, truncated: false },
        { direction: 'received', nanos: 0, offset: 0, bytes, truncated: false },
      ],
    });
    expect(inspector.detection).toBeUndefined();
    expect([inspector.isDone('sent'), inspector.isDone('received')]).toEqual([true, true]);
  });
});

it('takes the middle of a QUIC conversation for what its port suggests, and no other noise', () => {
  const told = [443, 53].map((remotePort) => {
    const bytes = new Uint8Array(64).fill(0x55);
    const pieces = Array.from({ length: 8 }, (_, nanos) => ({ nanos, offset: 0, bytes, truncated: false }));
    const { inspector } = inspect({
      context: { transport: 'udp', localPort: 50_000, remotePort, outgoing: true },
      pieces: pieces.map((piece) => ({ ...piece, direction: 'received' })),
    });
    expect(inspector.isDone('received')).toBe(true);
    return [inspector.detection?.application, inspector.detection?.certainty];
  });
  expect(told).toEqual([
    ['quic', 'guess'],
    [undefined, undefined],
  ]);
});

it('has a recording or a sample of every application', () => {
  const seen = new Set(all.map((recording) => inspect(recording).inspector.detection?.application));
  // Those inside TLS or QUIC that only their names tell; tls-label.test.ts has them.
  const inside = ['doh', 'doq', 'dot', 'http/1.0'];
  expect([...seen, ...inside].sort()).toEqual(Object.keys(applications).sort());
});
