// Figures that are estimates: how they are marked, and what is said about them. The marks are characters, so that nobody
// has to see colours, and files have them too; the command line has the same ones.
import type { FlowSample } from './protocol';
import { english, type Texts } from './texts';

/** Stands where some of a figure may be another process's. */
const ownerMark = '~';
/** Stands where the size of a figure on the wire is computed. */
const wireMark = '≈';

export type Estimated = Pick<FlowSample, 'estimate' | 'wireEstimate' | 'payloadEstimate'>;

/** A figure of the wire, marked where it is an estimate. */
export function marked(figure: string, { estimate, wireEstimate }: Estimated): string {
  return `${estimate === true ? ownerMark : ''}${wireEstimate === true ? wireMark : ''}${figure}`;
}

/** What the marks mean, in a word or two each. */
export function estimateLegend({ estimate, wireEstimate }: Estimated, { t }: Texts = english): string[] {
  return [
    ...(estimate === true ? [t('~ estimated')] : []),
    ...(wireEstimate === true ? [t('≈ estimated on the wire')] : []),
  ];
}

/** Why figures are estimates, each reason in a sentence. */
export function estimateNotes(
  { estimate, wireEstimate, payloadEstimate }: Estimated,
  { t }: Texts = english,
): string[] {
  return [
    ...(estimate === true
      ? [t('~ Estimated: some of it may be another process’s that had the same socket.')]
      : []),
    ...(wireEstimate === true
      ? [t('≈ Estimated on the wire: the packets could not be seen, so their headers are computed.')]
      : []),
    ...(payloadEstimate === true
      ? [t('≤ Payload at most: MPTCP may have sent some of it over another connection too.')]
      : []),
  ];
}

/** What several have in common. */
export function estimateOf(several: Iterable<Estimated>): Estimated {
  const all: Estimated = {};
  for (const { estimate, wireEstimate, payloadEstimate } of several) {
    if (estimate === true) all.estimate = true;
    if (wireEstimate === true) all.wireEstimate = true;
    if (payloadEstimate === true) all.payloadEstimate = true;
  }
  return all;
}
