// How long one sample takes: reading the counters, computing rates, encoding the message.
import { run } from '../kernel/support/namespaces';
import { bundlePath } from './paths';
import { atMost, type Bound, type Figure, formatValue, type Measurement } from './results';
import type { SamplingTimes } from './sampling-process';

/** As the executable has them, see scripts/make/helper.mjs. */
export const engineOptions = ['--max-semi-space-size=1', '--v8-pool-size=0'];

const cases: { flows: number; bound: Bound; unit: 'µs' | 'ms' }[] = [
  { flows: 100, bound: atMost(100), unit: 'µs' },
  { flows: 10_000, bound: atMost(10), unit: 'ms' },
];

function measure(): Promise<Figure[]> {
  const figures = cases.flatMap(({ flows, bound, unit }) => {
    const output = run(process.execPath, ...engineOptions, bundlePath('sampling-process.mjs'), String(flows));
    const inUnit = (micros: number): number => (unit === 'ms' ? micros / 1000 : micros);
    return (JSON.parse(output) as SamplingTimes[]).map(
      ({ name, medianMicros, p99Micros, bytes, undisturbed }): Figure => ({
        what: `One sample, ${flows.toLocaleString('en')} flows: ${name}`,
        value: inUnit(p99Micros),
        unit,
        note:
          `p99 of ${undisturbed > 0 ? `the ${(100 * undisturbed).toFixed(0)} % undisturbed` : 'all'} rounds; median ${formatValue(inUnit(medianMicros))} ${unit}` +
          (bytes > 0 ? `; ${bytes.toLocaleString('en')} bytes` : ''),
        ...(name.startsWith('readFlows') ? {} : { bound }),
      }),
    );
  });
  return Promise.resolve(figures);
}

export const sampling: Measurement = { name: 'sample', title: 'One sample', run: measure };
