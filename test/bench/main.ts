// Runs measurements one after the other and writes what they found, as JSON, to the file that is named.
//   main.mjs RESULT NAME...
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { inspection } from './inspection';
import { latency } from './latency';
import { memory } from './memory';
import { processorTime } from './processor-time';
import { sampling } from './sampling';
import { throughput } from './throughput';
import { formatValue, verdict } from './results';

const measurements = [sampling, inspection, latency, memory, processorTime, throughput];

async function main(): Promise<void> {
  const [file, ...names] = process.argv.slice(2);
  if (file === undefined) throw new Error('The file for the results is missing.');
  const results: object[] = [];
  for (const measurement of measurements.filter(({ name }) => names.includes(name))) {
    const { name, title } = measurement;
    const load = loadavg()[0] ?? 0;
    process.stdout.write(`… ${title} (load ${load.toFixed(1)})\n`);
    try {
      for (const figure of await measurement.run()) {
        const shown = formatValue(figure.value);
        results.push({ measurement: name, ...figure, shown, verdict: verdict(figure), load });
      }
    } catch (error) {
      // One that cannot be taken on this machine does not keep the others from being taken.
      console.error(error);
      process.exitCode = 1;
    }
    writeFileSync(file, JSON.stringify(results));
  }
}

await main();
