// Recorded conversations, as test/unit/helper/protocols/recordings/README.md describes them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionContext, Direction, Fact } from '../../../../helper/src/protocols/detection';
import { ConnectionInspector } from '../../../../helper/src/protocols/inspector';

/** Bundles that read recordings lie elsewhere, and are told where the project is. */
const project = process.env['PROCNETMON_PROJECT'] ?? path.join(import.meta.dirname, '../../../..');
const folder = path.join(project, 'test', 'unit', 'helper', 'protocols', 'recordings');

export interface RecordedPiece {
  direction: Direction;
  nanos: number;
  offset: number;
  bytes: Uint8Array;
  truncated: boolean;
}

export interface Recording {
  name: string;
  /** The client's view. */
  context: ConnectionContext;
  pieces: RecordedPiece[];
}

export function readRecording(name: string): Recording {
  const [head = '', ...lines] = readFileSync(path.join(folder, `${name}.txt`), 'utf8')
    .trim()
    .split('\n');
  const [, transport, port] = /^# (tcp|udp) (\d+)/.exec(head) ?? [];
  if (transport !== 'tcp' && transport !== 'udp') throw new Error(`${name}: unexpected head ${head}`);
  const pieces = lines.map((line): RecordedPiece => {
    const [direction, micros, offset, hex = ''] = line.split(' ');
    return {
      direction: direction === '>' ? 'sent' : 'received',
      nanos: Number(micros) * 1_000,
      offset: Number(offset),
      bytes: new Uint8Array(Buffer.from(hex.replace('+', ''), 'hex')),
      truncated: hex.endsWith('+'),
    };
  });
  return {
    name,
    context: { transport, localPort: 50_000, remotePort: Number(port), outgoing: true },
    pieces,
  };
}

export const recordingNames = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => file.slice(0, -'.txt'.length));

/** The same conversation as the other end sees it. */
export function fromServer({ name, context, pieces }: Recording): Recording {
  return {
    name,
    context: { ...context, localPort: context.remotePort, remotePort: context.localPort, outgoing: false },
    pieces: pieces.map((piece) => ({
      ...piece,
      direction: piece.direction === 'sent' ? 'received' : 'sent',
    })),
  };
}

/** Feeds everything to a new inspector. */
export function inspect({ context, pieces }: Pick<Recording, 'context' | 'pieces'>): {
  inspector: ConnectionInspector;
  facts: Fact[];
} {
  const inspector = new ConnectionInspector(context, (error) => {
    throw error;
  });
  const facts: Fact[] = [];
  for (const piece of pieces) {
    if (inspector.isDone(piece.direction)) continue;
    facts.push(...inspector.feed(piece.direction, piece.bytes, piece.nanos, piece));
  }
  return { inspector, facts };
}
