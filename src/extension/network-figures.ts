// Texts that the tree and the status bar share.
import * as vscode from 'vscode';
import { formatBytes, formatRate } from '../shared/format';
import type { Directions, Usage } from '../shared/protocol';
import type { WatchState } from './sessions';

/** Both rates, such as `↑ 1.23 MB/s ↓ 0 B/s`. */
export function rateText({ rates }: Usage): string {
  return `↑ ${formatRate(rates.wire.tx)} ↓ ${formatRate(rates.wire.rx)}`;
}

/** Both rates for a screen reader, which does not know the arrows. */
export function spokenRates({ rates }: Usage): string {
  return vscode.l10n.t('sending {0}, receiving {1}', formatRate(rates.wire.tx), formatRate(rates.wire.rx));
}

/** Both totals, such as `1.23 MB sent, 45 kB received`. */
export function totalText({ wire }: Usage): string {
  return vscode.l10n.t('{0} sent, {1} received', formatBytes(wire.txBytes), formatBytes(wire.rxBytes));
}

/** What moved in a stretch of time, such as `↑ 1.23 MB ↓ 45 kB in range`. */
export function movedText({ tx, rx }: Directions): string {
  return vscode.l10n.t('↑ {0} ↓ {1} in range', formatBytes(tx), formatBytes(rx));
}

/** The same for a screen reader. */
export function spokenMoved({ tx, rx }: Directions): string {
  return vscode.l10n.t('{0} sent, {1} received in the chosen range', formatBytes(tx), formatBytes(rx));
}

/** The ledgers, each in a line of its own. */
export function ledgerLines(usage: Usage): string[] {
  return [
    vscode.l10n.t(
      'On the wire: {0} sent, {1} received',
      formatBytes(usage.wire.txBytes),
      formatBytes(usage.wire.rxBytes),
    ),
    vscode.l10n.t(
      'Payload: {0} sent, {1} received',
      formatBytes(usage.payload.txBytes),
      formatBytes(usage.payload.rxBytes),
    ),
  ];
}

export function stateText(state: WatchState): string {
  switch (state) {
    case 'searching':
      return vscode.l10n.t('looking for the process');
    case 'starting':
      return vscode.l10n.t('starting');
    case 'watching':
      return vscode.l10n.t('watching');
    case 'ended':
      return vscode.l10n.t('ended');
    case 'failed':
      return vscode.l10n.t('failed');
  }
}
