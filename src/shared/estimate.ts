// Figures that are estimates: how they are marked, and what is said about them. The marks are characters, so that nobody
// has to see colours, and files have them too; the command line has the same ones.
import type { EstimateMarks } from './flow';
import { english, type Texts } from './texts';

/** Stands where some of a figure may be another process's. */
const ownerMark = '~';
/** Stands where the size of a figure is computed. */
export const computedMark = '≈';

/** Stands where something is not counted: it is that much at least. */
export const leastMark = '≥';

const marks = [
  'estimate',
  'wireEstimate',
  'payloadEstimate',
  'receivedUncounted',
] as const satisfies (keyof EstimateMarks)[];

/** The marks that something has. */
export function marksOf(from: { [mark in keyof EstimateMarks]?: unknown }): EstimateMarks {
  return Object.fromEntries(marks.filter((mark) => from[mark] === true).map((mark) => [mark, true]));
}

/** A figure of the wire that was received, marked where it is an estimate; or one of both directions. */
export function marked(figure: string, marks: EstimateMarks): string {
  return `${marks.receivedUncounted === true ? leastMark : ''}${markedSent(figure, marks)}`;
}

/** A figure of the wire that was sent, marked where it is an estimate. */
export function markedSent(figure: string, { estimate, wireEstimate }: EstimateMarks): string {
  return `${estimate === true ? ownerMark : ''}${wireEstimate === true ? computedMark : ''}${figure}`;
}

/** What the marks mean, in a word or two each. */
export function estimateLegend(
  { estimate, wireEstimate, payloadEstimate, receivedUncounted }: EstimateMarks,
  { t }: Texts = english,
): string[] {
  return [
    ...(estimate === true ? [t('~ estimated')] : []),
    ...(wireEstimate === true ? [t('≈ estimated on the wire')] : []),
    ...(payloadEstimate === true ? [t('≈ payload estimated')] : []),
    ...(receivedUncounted === true ? [t('≥ received not counted')] : []),
  ];
}

/** Why figures are estimates, each reason in a sentence. */
export function estimateNotes(
  { estimate, wireEstimate, payloadEstimate, receivedUncounted }: EstimateMarks,
  { t }: Texts = english,
): string[] {
  return [
    ...(estimate === true
      ? [t('~ Estimated: some of it may be another process’s that had the same socket.')]
      : []),
    ...(wireEstimate === true
      ? [
          t(
            '≈ Estimated on the wire: some packets could not be seen, and are computed where that is possible.',
          ),
        ]
      : []),
    ...(payloadEstimate === true
      ? [
          t(
            '≈ Payload estimated: under IPsec the size of what is sent is computed; over MPTCP it is at most that, as some may have gone over another connection too.',
          ),
        ]
      : []),
    ...(receivedUncounted === true
      ? [
          t(
            '≥ Received not counted: a packet socket gets copies of packets that belong to others, and nothing tells how many.',
          ),
        ]
      : []),
  ];
}

/** The marks that any of several has: those of their sum. */
export function estimateOf(several: Iterable<EstimateMarks>): EstimateMarks {
  const all: EstimateMarks = {};
  for (const each of several) Object.assign(all, marksOf(each));
  return all;
}
