// What people see of a run: a table of tests and kernels, why tests were skipped, how tests failed.

const marks = { passed: 'passed', failed: 'FAILED', skipped: 'skipped' };

/** `N passed, N failed, N skipped` */
export function figures(results) {
  const count = (wanted) => results.filter(({ state }) => state === wanted).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
}

/** @param {{ kernel: string, release: string, unavailable: string, results: object[] }[]} outcomes */
export function printReport(outcomes) {
  const tests = new Map();
  for (const [column, { results }] of outcomes.entries())
    for (const { file, test, state } of results) {
      const key = JSON.stringify([file, test]);
      const cells = tests.get(key) ?? outcomes.map(() => '–');
      cells[column] = marks[state] ?? state;
      tests.set(key, cells);
    }
  const heads = outcomes.map(({ kernel, release }) => release || kernel);
  const width = Math.max(...[...tests.keys()].map((key) => JSON.parse(key)[1].length), 20);
  const line = (title, cells) =>
    [title.padEnd(width), ...cells.map((cell, column) => cell.padEnd(heads[column].length + 1))]
      .join('  ')
      .trimEnd();
  console.log(`\n${line('', heads)}`);
  let above = '';
  for (const [key, cells] of tests) {
    const [file, test] = JSON.parse(key);
    if (file !== above) console.log(`\n${file}`);
    above = file;
    console.log(line(test, cells));
  }
  for (const { kernel, unavailable } of outcomes)
    if (unavailable) console.log(`\nKernel ${kernel} skipped: ${unavailable}`);
  printReasons(outcomes);
  printFailures(outcomes);
}

function printReasons(outcomes) {
  const reasons = new Map();
  for (const { release, results } of outcomes)
    for (const { state, note } of results) {
      if (state !== 'skipped') continue;
      const key = `${release}: ${note ?? 'no reason given'}`;
      reasons.set(key, (reasons.get(key) ?? 0) + 1);
    }
  if (reasons.size > 0) console.log('\nSkipped:');
  for (const [reason, count] of reasons) console.log(`  ${count} on ${reason}`);
}

function printFailures(outcomes) {
  for (const { kernel, release, results } of outcomes)
    for (const { state, test, errors } of results) {
      if (state !== 'failed') continue;
      console.log(`\nFAILED on ${release || kernel}: ${test}\n${(errors ?? []).join('\n')}`);
    }
}
