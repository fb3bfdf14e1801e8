// What people see of a run: a table of tests and kernels, why tests were skipped, how tests failed.

const marks = { passed: 'passed', failed: 'FAILED', skipped: 'skipped' };

/** Numbers the reasons why tests were skipped, in the order in which they are met. */
class Reasons {
  #numbers = new Map();

  numberOf(reason = 'no reason given') {
    if (!this.#numbers.has(reason)) this.#numbers.set(reason, this.#numbers.size + 1);
    return this.#numbers.get(reason);
  }

  /** Reasons with their numbers. */
  list() {
    return [...this.#numbers].map(([reason, number]) => ({ reason, number }));
  }
}

/** `N passed, N failed, N skipped` */
export function figures(results) {
  const count = (wanted) => results.filter(({ state }) => state === wanted).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
}

/** @param {{ kernel: string, release: string, unavailable: string, results: object[] }[]} outcomes */
export function printReport(outcomes) {
  const tests = new Map();
  const reasons = new Reasons();
  for (const [column, { results }] of outcomes.entries())
    for (const { file, test, state, note } of results) {
      const key = JSON.stringify([file, test]);
      const cells = tests.get(key) ?? outcomes.map(() => '–');
      const mark = marks[state] ?? state;
      cells[column] = state === 'skipped' ? `${mark} ${reasons.numberOf(note)}` : mark;
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
  if (reasons.list().length > 0) console.log('\nSkipped because');
  for (const { reason, number } of reasons.list()) console.log(`  ${number}  ${reason}`);
  printFailures(outcomes);
}

function printFailures(outcomes) {
  for (const { kernel, release, results } of outcomes)
    for (const { state, test, errors } of results) {
      if (state !== 'failed') continue;
      console.log(`\nFAILED on ${release || kernel}: ${test}\n${(errors ?? []).join('\n')}`);
    }
}
