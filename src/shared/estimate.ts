// Figures that are estimates: how they are marked, and what is said about them. The mark is a character, so that nobody
// has to see colours, and files have it too.
import type { FlowSample } from './protocol';
import { english, type Texts } from './texts';

/** Stands before figures that are estimates. */
export const estimateMark = '~';

export type Estimated = Pick<FlowSample, 'estimate' | 'wireEstimate'>;

/** Whether figures of the wire are estimates. */
export function isEstimate({ estimate, wireEstimate }: Estimated): boolean {
  return estimate === true || wireEstimate === true;
}

/** A figure of the wire, marked where it is an estimate. */
export function marked(figure: string, estimated: Estimated): string {
  return isEstimate(estimated) ? estimateMark + figure : figure;
}

/** Why figures are estimates, each reason in a sentence. */
export function estimateNotes({ estimate, wireEstimate }: Estimated, { t }: Texts = english): string[] {
  return [
    ...(estimate === true
      ? [t('~ Estimated: some of it may be another process’s that had the same socket.')]
      : []),
    ...(wireEstimate === true
      ? [t('~ Estimated on the wire: the packets could not be seen, so their headers are computed.')]
      : []),
  ];
}

/** What several have in common. */
export function estimateOf(several: Iterable<Estimated>): Estimated {
  const all: Estimated = {};
  for (const { estimate, wireEstimate } of several) {
    if (estimate === true) all.estimate = true;
    if (wireEstimate === true) all.wireEstimate = true;
  }
  return all;
}
