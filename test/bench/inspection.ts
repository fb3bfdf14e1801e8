// What it costs to tell what is spoken: processor time of a flow's first pieces, and what is held of it afterwards.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ConnectionInspector } from '../../helper/src/protocols/inspector';
import { readRecording, recordingNames } from '../unit/helper/protocols/recording';
import { type Figure, formatValue, type Measurement } from './results';

const flows = 10_000;
const rounds = 7;
/** The kernel half stops copying when it is told to; most protocols are known by then. */
const piecesOfFlow = 6;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measure(): Promise<Figure[]> {
  const recordings = recordingNames.map(readRecording);
  const inspectAll = (): { inspectors: ConnectionInspector[]; pieces: number } => {
    let pieces = 0;
    const inspectors = Array.from({ length: flows }, (_, index) => {
      const recording = recordings[index % recordings.length];
      if (recording === undefined) throw new Error('There are no recordings.');
      const inspector = new ConnectionInspector(recording.context);
      for (const piece of recording.pieces.slice(0, piecesOfFlow)) {
        if (inspector.isDone(piece.direction)) continue;
        pieces += 1;
        inspector.feed(piece.direction, piece.bytes, piece.nanos, piece);
      }
      return inspector;
    });
    return { inspectors, pieces };
  };
  inspectAll();
  const before = heldBytes();
  const { inspectors, pieces } = inspectAll();
  const held = (heldBytes() - before) / inspectors.length;
  const micros = Array.from({ length: rounds }, () => {
    const started = process.cpuUsage();
    inspectAll();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / flows;
  }).sort((a, b) => a - b);
  const median = micros[rounds >> 1] ?? 0;
  const mix = `${flows.toLocaleString('en')} flows, each one of ${String(recordings.length)} recorded conversations`;
  return Promise.resolve([
    {
      what: 'Tell what is spoken, one flow',
      value: median,
      unit: 'µs',
      note: `processor time, median of ${String(rounds)} rounds; ${mix}; ${formatValue(median / (pieces / flows))} µs a piece`,
    },
    { what: '… held of it afterwards', value: held / 1_024, unit: 'kB', note: mix },
  ]);
}

export const inspection: Measurement = { name: 'inspection', title: 'Telling what is spoken', run: measure };
