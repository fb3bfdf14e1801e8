// In which order the rows of a table stand, from one drawing to the next.
import { processTitle } from '../../../src/shared/process-title';
import type { FlowSample, ProcessSample, Usage } from '../../../src/shared/protocol';
import type { ProcessOrder } from './process-orders';
import { Ranking, type Ranked } from './ranking';
import type { TalliedProcess } from './tally';

/** The busiest first, unless another order of processes is asked for. Each instance remembers its last order. */
export class RowOrder {
  readonly #processes = new Ranking<string>();
  readonly #flows = new Ranking<number>();
  readonly #groups = new Ranking<string>();

  processes(processes: readonly TalliedProcess[], sortBy: ProcessOrder = 'rate'): TalliedProcess[] {
    if (sortBy !== 'rate') return processes.toSorted(comparisons[sortBy]);
    return this.#processes.order(
      processes,
      ({ process }) => `${String(process.pid)}/${String(process.startTicks)}`,
      ({ process }) => measure(process),
    );
  }

  /** All connections that are shown, at once: a call forgets those that it is not given. */
  flows(flows: readonly FlowSample[]): FlowSample[] {
    return this.#flows.order(flows, ({ id }) => id, measure);
  }

  groups<Group extends { name: string; usage: Usage }>(groups: readonly Group[]): Group[] {
    return this.#groups.order(
      groups,
      ({ name }) => name,
      ({ usage }) => measure(usage),
    );
  }
}

type Comparison = (one: TalliedProcess, other: TalliedProcess) => number;

const descending =
  (figure: (process: ProcessSample) => number): Comparison =>
  ({ process: one }, { process: other }) =>
    figure(other) - figure(one) || one.pid - other.pid;

const comparisons: Record<Exclude<ProcessOrder, 'rate'>, Comparison> = {
  total: descending(({ wire }) => wire.txBytes + wire.rxBytes),
  sent: descending(({ rates }) => rates.wire.tx),
  received: descending(({ rates }) => rates.wire.rx),
  connections: descending(({ openFlows }) => openFlows),
  name: ({ process: one }, { process: other }) =>
    processTitle(one).localeCompare(processTitle(other)) || one.pid - other.pid,
  pid: ({ process: one }, { process: other }) => one.pid - other.pid,
};

function measure({ rates, wire }: Usage): Ranked {
  return { rate: rates.wire.tx + rates.wire.rx, total: wire.txBytes + wire.rxBytes };
}
