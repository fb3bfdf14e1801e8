// What stands below the table: what the figures lack, and what their marks mean.
import { computedMark, estimateOf, leastMark } from '../../../src/shared/estimate';
import { formatQuantity } from '../../../src/shared/format';
import type { DroppedCounters } from '../../../src/shared/protocol';
import { estimateMark } from './monitor-rows';
import type { Tally, TalliedProcess } from './tally';

/** What a list left out for want of room. */
type Omitted = Pick<Tally, 'omittedFlows' | 'omittedProcesses'>;

/** Sentences on what the figures lack, and what their marks mean. */
export function notesOn(
  processes: readonly TalliedProcess[],
  dropped: DroppedCounters,
  omitted: Omitted = { omittedFlows: 0, omittedProcesses: 0 },
): string[] {
  const marks = estimateOf(processes.flatMap(({ process, flows }) => [process, ...flows]));
  return [
    droppedNote(dropped, omitted),
    marks.estimate === true
      ? `${estimateMark} Some of it may be another process's that had the same socket.`
      : undefined,
    marks.wireEstimate === true
      ? `${computedMark} Some packets could not be seen, and are computed where that is possible.`
      : undefined,
    marks.payloadEstimate === true
      ? `${computedMark} Payload under IPsec is computed; over MPTCP it is at most that.`
      : undefined,
    marks.receivedUncounted === true ? `${leastMark} What packet sockets receive is not counted.` : undefined,
  ].filter((note) => note !== undefined);
}

/** A sentence on what the figures lack, or undefined when they are complete. */
function droppedNote(
  dropped: DroppedCounters,
  { omittedFlows, omittedProcesses }: Omitted,
): string | undefined {
  const parts = [
    dropped.events > 0 ? formatQuantity(dropped.events, 'event') : '',
    dropped.flows > 0
      ? `connections of ${formatQuantity(dropped.flows, 'packet')}, counted on their process`
      : '',
    dropped.connections > 0
      ? `${formatQuantity(dropped.connections, 'connection')} beyond the limit, counted on their process`
      : '',
    dropped.processes > 0 ? formatQuantity(dropped.processes, 'process', 'processes') : '',
    dropped.inspections > 0 ? formatQuantity(dropped.inspections, 'look at payload', 'looks at payload') : '',
    dropped.facts > 0 ? formatQuantity(dropped.facts, 'request') : '',
    omittedProcesses > 0
      ? `${formatQuantity(omittedProcesses, 'process', 'processes')} that exited, too many for the list`
      : '',
    omittedFlows > 0 ? `${formatQuantity(omittedFlows, 'connection')} too many for the list` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : `Not shown: ${parts.join(', ')}.`;
}
