// Which connections are of interest: by host, by protocol, or by words that stand in what is shown of them.
import { peerLabel, peerName, spokenLabel } from './flow-label';
import { formatEndpoint } from './format';
import type { FlowSample } from './protocol';
import type { Texts } from './texts';

/** What connections are put together by. */
export const flowGroupings = ['host', 'protocol'] as const;
export type FlowGrouping = (typeof flowGroupings)[number];

const noPeer = 'no other end';

/** A heading for connections that belong together, in English. */
export function groupOf(flow: FlowSample, grouping: FlowGrouping): string {
  if (grouping === 'host') return peerName(flow) ?? noPeer;
  return spokenLabel(flow) || `unknown (${flow.protocol.toUpperCase()})`;
}

/** The same heading in the user's language; names of hosts and protocols have no blanks in them, and stay. */
export function groupTitle(heading: string, { t }: Texts): string {
  if (heading === noPeer) return t('no other end');
  const [, transport] = /^unknown \((.+)\)$/.exec(heading) ?? [];
  return transport === undefined ? heading : t('unknown ({0})', transport);
}

/** Patterns of what is let through; an empty list lets everything through. */
export interface FlowFilter {
  /** Names or addresses; `*` stands for any characters. */
  hosts: readonly string[];
  /** Ids of application protocols such as `h2`, the beginnings of their labels such as `TLS`, `tcp` or `udp`. */
  protocols: readonly string[];
}

/** Whether a connection is let through. */
export function matchesFilter(flow: FlowSample, { hosts, protocols }: FlowFilter): boolean {
  return (
    (hosts.length === 0 || hosts.some((pattern) => matchesHost(flow, pattern))) &&
    (protocols.length === 0 || protocols.some((name) => matchesProtocol(flow, name)))
  );
}

function matchesHost({ host, remote }: FlowSample, pattern: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  return [host?.name, remote?.address].some((text) => text !== undefined && matchesParts(text, parts));
}

/** Without regular expressions: the pattern may be anybody's, and must not take long. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const lower = text.toLowerCase();
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return lower === first;
  const last = rest.pop() ?? '';
  if (!lower.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = lower.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return lower.length - at >= last.length && lower.endsWith(last);
}

function matchesProtocol({ application, applicationLabel, protocol }: FlowSample, name: string): boolean {
  const wanted = name.toLowerCase();
  return (
    application === wanted ||
    protocol === wanted ||
    (applicationLabel?.toLowerCase().split(' · ') ?? []).some((part) => part.startsWith(wanted))
  );
}

/** Whether each of the words stands somewhere in what is shown of a connection. */
export function matchesWords(flow: FlowSample, words: string): boolean {
  const shown = [
    peerLabel(flow) ?? '',
    formatEndpoint(flow.remote),
    formatEndpoint(flow.local),
    spokenLabel(flow),
    flow.application ?? '',
    flow.protocol,
    flow.state,
    flow.interface,
  ]
    .join(' ')
    .toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => shown.includes(word));
}
