// Says how each test ended, as soon as it has: a machine that crashes takes only what had not run yet with it.
import { openSync, readFileSync, writeSync } from 'node:fs';

const { pattern } = JSON.parse(readFileSync('/settings.json', 'utf8'));

export default class SerialReporter {
  #line = openSync('/dev/ttyS1', 'w');

  onTestCaseResult(test) {
    // What a pattern leaves out counts as skipped too; it was not asked for.
    if (pattern && !new RegExp(pattern).test(test.fullName)) return;
    const { state, note, errors } = test.result();
    if (state === 'skipped' && note === 'known') return;
    this.#say({
      file: test.module.relativeModuleId,
      test: test.fullName,
      state,
      note,
      millis: Math.round(test.diagnostic()?.duration ?? 0),
      errors: errors?.map(({ message, stack }) => stack ?? message),
    });
  }

  onTestModuleEnd(module) {
    for (const { message, stack } of module.errors())
      this.#say({
        file: module.relativeModuleId,
        test: '(the file itself)',
        state: 'failed',
        errors: [stack ?? message],
      });
  }

  onTestRunEnd(modules, unhandled) {
    for (const { message, stack } of unhandled)
      this.#say({ file: '', test: '(beside the tests)', state: 'failed', errors: [stack ?? message] });
  }

  #say(message) {
    writeSync(this.#line, `${JSON.stringify(message)}\n`);
  }
}
