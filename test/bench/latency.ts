// How soon the helper knows what happened in the kernel.
import { run } from '../kernel/support/namespaces';
import type { Latency } from './latency-process';
import { bundlePath } from './paths';
import { atMost, type Figure, type Measurement } from './results';
import { engineOptions } from './sampling';

const connections = 500;

function measure(): Promise<Figure[]> {
  const output = run(
    process.execPath,
    ...engineOptions,
    bundlePath('latency-process.mjs'),
    String(connections),
  );
  const { events, medianMicros, p99Micros } = JSON.parse(output) as Latency;
  return Promise.resolve([
    {
      what: 'Socket event in the kernel to callback in the helper',
      value: medianMicros,
      unit: 'µs',
      bound: atMost(100),
      note: `median of ${String(events)}; p99 ${p99Micros.toFixed(0)} µs`,
    },
  ]);
}

export const latency: Measurement = { name: 'latency', title: 'Latency of events', run: measure };
