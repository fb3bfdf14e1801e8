// Entry of the suite that runs inside the extension host of a real editor: `run` is called by its test runner.
// Results go to the console, and as JSON to test-results/editor-suite.json of the project.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';

const testMillis = 90_000;

interface Result {
  title: string;
  state: string;
  durationMillis: number;
  error?: string;
}

function writeResults(results: readonly Result[]): void {
  const project = process.env['PROCNETMON_PROJECT'];
  if (project !== undefined) {
    const folder = path.join(project, 'test-results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'editor-suite.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  }
}

/** Rejects when a test fails. */
export async function run(): Promise<void> {
  // What carries the lines to the runner takes them as they are.
  Mocha.reporters.Base.consoleLog = (...parts: unknown[]) => console.log(format(...parts));
  const mocha = new Mocha({ ui: 'bdd', timeout: testMillis, color: false, reporter: 'spec' });
  mocha.grep(new RegExp(process.env['PROCNETMON_TESTS'] ?? ''));
  // The test files find `describe` and `it` as globals once this event has been handled.
  mocha.suite.emit('pre-require', globalThis as unknown as Mocha.MochaGlobals, 'suite', mocha);
  // In this order: whether the extension sleeps until it is needed shows only at the beginning.
  await import('./activation.test');
  await import('./first-moments.test');
  await import('./debugging.test');
  await import('./insight.test');
  await import('./saved-session.test');
  await import('./monitor-pid.test');
  await import('./status-bar.test');
  await import('./helper.test');
  await import('./commands.test');

  const results: Result[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    runner.on('test end', (test) =>
      results.push({
        title: test.fullTitle(),
        state: test.state ?? 'skipped',
        durationMillis: test.duration ?? 0,
        ...(test.err === undefined ? {} : { error: test.err.message }),
      }),
    );
    runner.on('fail', (failed: Mocha.Runnable, error: Error) => {
      if (failed instanceof Mocha.Test) return;
      results.push({
        title: failed.fullTitle(),
        state: 'failed',
        durationMillis: failed.duration ?? 0,
        error: error.message,
      });
    });
  });
  writeResults(results);
  if (failures > 0) {
    throw new Error(`${failures} of ${results.length} tests failed.`);
  }
}
