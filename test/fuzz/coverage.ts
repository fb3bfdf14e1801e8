// Which code ran, and how often, as the engine itself counts it: new code makes an input worth keeping, and the number of
// steps shows work that grows faster than the input.
import { Session, type Profiler } from 'node:inspector';

export class Coverage {
  readonly #session = new Session();
  /** Blocks that ran at all, and those that ran for an input that was looked at by itself. */
  readonly #seen = new Set<string>();
  readonly #claimed = new Set<string>();

  /** @param script ending of the address of the only script that counts */
  constructor(private readonly script: string) {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last call: blocks executed, and whether any of them never had before. */
  take(): { steps: number; fresh: boolean } {
    let steps = 0;
    let fresh = false;
    for (const { block, count } of this.#blocks()) {
      steps += count;
      fresh ||= !this.#seen.has(block);
      this.#seen.add(block);
    }
    return { steps, fresh };
  }

  /** After one input: whether it ran a block that no input looked at by itself ran before. */
  takeSingle(): boolean {
    let fresh = false;
    for (const { block } of this.#blocks()) {
      fresh ||= !this.#claimed.has(block);
      this.#claimed.add(block);
    }
    return fresh;
  }

  /** Blocks seen so far. */
  get blocks(): number {
    return this.#seen.size;
  }

  #blocks(): { block: string; count: number }[] {
    let scripts: Profiler.ScriptCoverage[] = [];
    // The answer comes before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      scripts = answer.result.filter(({ url }) => url.endsWith(this.script));
    });
    const ranges = scripts.flatMap(({ functions }) => functions.flatMap((part) => part.ranges));
    return ranges
      .filter(({ count }) => count > 0)
      .map(({ startOffset, endOffset, count }) => ({
        block: `${String(startOffset)}-${String(endOffset)}`,
        count,
      }));
  }
}
