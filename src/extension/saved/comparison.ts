// Two runs side by side: which peers are new, which are gone, which grew. Plain text in, Markdown out.
import { peerName } from '../../shared/flow-label';
import { formatBytes, formatCount, formatDuration } from '../../shared/format';
import { sanitise } from '../../shared/sanitise';
import type { WatchedSession } from '../sessions';

export interface PeerFigures {
  peer: string;
  /** Bytes on the wire, both directions, and connections, of the earlier and the later run. */
  before: number;
  after: number;
  connectionsBefore: number;
  connectionsAfter: number;
}

export interface RunComparison {
  added: PeerFigures[];
  gone: PeerFigures[];
  grew: PeerFigures[];
  shrank: PeerFigures[];
  same: PeerFigures[];
}

/** What changes by less than a tenth, or by less than this many bytes, is the same. */
const noticeableShare = 0.1;
const noticeableBytes = 1_000;

/** Peers of two runs, each list with the largest difference first. */
export function compareRuns(before: WatchedSession, after: WatchedSession): RunComparison {
  const peers = new Map<string, PeerFigures>();
  const add = (session: WatchedSession, which: 'before' | 'after'): void => {
    for (const flow of session.flows.values()) {
      const peer = peerName(flow);
      if (peer === undefined) continue;
      const figures = peers.get(peer) ?? {
        peer,
        before: 0,
        after: 0,
        connectionsBefore: 0,
        connectionsAfter: 0,
      };
      figures[which] += flow.wire.txBytes + flow.wire.rxBytes;
      figures[which === 'before' ? 'connectionsBefore' : 'connectionsAfter'] += 1;
      peers.set(peer, figures);
    }
  };
  add(before, 'before');
  add(after, 'after');
  const comparison: RunComparison = { added: [], gone: [], grew: [], shrank: [], same: [] };
  const sorted = [...peers.values()].sort(
    (one, other) => Math.abs(other.after - other.before) - Math.abs(one.after - one.before),
  );
  for (const figures of sorted) comparison[kindOf(figures)].push(figures);
  return comparison;
}

function kindOf({ before, after, connectionsBefore, connectionsAfter }: PeerFigures): keyof RunComparison {
  if (connectionsBefore === 0) return 'added';
  if (connectionsAfter === 0) return 'gone';
  const difference = Math.abs(after - before);
  if (difference < noticeableBytes || difference < before * noticeableShare) return 'same';
  return after > before ? 'grew' : 'shrank';
}

/** Texts of the report in the user's language. */
export interface ComparisonTexts {
  title: string;
  earlier: string;
  later: string;
  sent: string;
  received: string;
  connections: string;
  duration: string;
  peer: string;
  difference: string;
  headings: Record<keyof RunComparison, string>;
  none: string;
}

/** The comparison as Markdown. Names are other people's bytes, and stay text. */
export function comparisonReport(
  before: WatchedSession,
  after: WatchedSession,
  texts: ComparisonTexts,
): string {
  const comparison = compareRuns(before, after);
  const run = (session: WatchedSession): string[] => [
    cell(`${session.label} (${new Date(session.startedAt).toLocaleTimeString('en-GB')})`),
    formatBytes(session.total.wire.txBytes),
    formatBytes(session.total.wire.rxBytes),
    formatCount(session.flows.size),
    formatDuration((session.history.at(-1)?.timeMillis ?? session.startedAt) - session.startedAt),
  ];
  const table = (head: string[], rows: string[][]): string =>
    [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  const parts = [
    `# ${texts.title}`,
    table(
      ['', '', texts.sent, texts.received, texts.connections, texts.duration],
      [
        [texts.earlier, ...run(before)],
        [texts.later, ...run(after)],
      ],
    ),
  ];
  for (const [kind, heading] of Object.entries(texts.headings) as [keyof RunComparison, string][]) {
    const rows = comparison[kind];
    parts.push(`## ${heading}`);
    parts.push(
      rows.length === 0
        ? texts.none
        : table(
            [texts.peer, texts.earlier, texts.later, texts.difference],
            rows.map((row) => [
              cell(row.peer),
              formatBytes(row.before),
              formatBytes(row.after),
              `${row.after < row.before ? '−' : '+'}${formatBytes(Math.abs(row.after - row.before))}`,
            ]),
          ),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function cell(text: string): string {
  return sanitise(text).replace(/[\\`*_{}[\]()#+!|<>~&]/g, (character) => `\\${character}`);
}
