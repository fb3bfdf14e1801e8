// The marks of figures, from the bits that the kernel half sets.
import { marksOf } from '../../src/shared/estimate';
import type { EstimateMarks } from '../../src/shared/flow';
import { FlowMark } from './kernel';

const unmarked: EstimateMarks = {};

/** The marks that go out for bits of `FlowMark`. */
export function estimateMarks(marks: number): EstimateMarks {
  if (marks === 0) return unmarked;
  return marksOf({
    estimate: (marks & FlowMark.Estimate) !== 0,
    wireEstimate: (marks & FlowMark.WireEstimate) !== 0,
    payloadEstimate: (marks & FlowMark.PayloadEstimate) !== 0,
    receivedUncounted: (marks & FlowMark.ReceivedUncounted) !== 0,
  });
}
