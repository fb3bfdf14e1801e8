// What a stop cost, in words.
import * as vscode from 'vscode';
import { formatBytes, formatDuration } from '../../shared/format';
import { sanitise } from '../../shared/sanitise';
import { plural } from '../texts';
import { placeText, type DebuggerStop } from './debugger-stops';

/** Peers named in one line. */
const maximumPeers = 3;

export function isQuiet({ tx, rx, opened }: DebuggerStop): boolean {
  return tx === 0 && rx === 0 && opened === 0;
}

/** One line, such as `↑ 1.23 kB ↓ 45 kB · 1 new connection · example.org`. */
export function costText(stop: DebuggerStop): string {
  if (isQuiet(stop)) return vscode.l10n.t('no network');
  const parts = [`↑ ${formatBytes(stop.tx)} ↓ ${formatBytes(stop.rx)}`];
  if (stop.opened > 0) parts.push(plural(stop.opened, '{0} new connection', '{0} new connections'));
  if (stop.peers.length > 0) parts.push(peersText(stop));
  return parts.join(' · ');
}

function peersText({ peers }: DebuggerStop): string {
  const named = peers
    .slice(0, maximumPeers)
    .map((peer) => sanitise(peer, 80))
    .join(', ');
  const more = peers.length - maximumPeers;
  return more > 0 ? vscode.l10n.t('{0} and {1} more', named, more) : named;
}

/** Several lines of plain text. */
export function costTooltip(stop: DebuggerStop): string {
  return [
    `${new Date(stop.timeMillis).toLocaleTimeString('en-GB')} ${sanitise(stop.label)} ${placeText(stop.place)}`,
    stop.isStep
      ? vscode.l10n.t('What the step did on the network, in {0}', formatDuration(stop.millis))
      : vscode.l10n.t(
          'What the program did on the network since the last stop, in {0}',
          formatDuration(stop.millis),
        ),
    vscode.l10n.t('On the wire: {0} sent, {1} received', formatBytes(stop.tx), formatBytes(stop.rx)),
    vscode.l10n.t('New connections: {0}', stop.opened),
    ...stop.peers.slice(0, 20).map((peer) => `  ${sanitise(peer)}`),
  ].join('\n');
}
