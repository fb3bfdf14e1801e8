// ↑ and ↓ of all that is being watched, in the status bar. Hidden while nothing is.
// Click: `procnetmon.openPanel`.
import * as vscode from 'vscode';
import { formatBytes, formatRate } from '../shared/format';
import type { Directions } from '../shared/protocol';
import { Command } from './contributions';
import { droppedTexts } from '../shared/limit-texts';
import { marked } from '../shared/estimate';
import { totalText } from './network-figures';
import { sanitise } from '../shared/sanitise';
import { sparkline } from '../shared/sparkline';
import type { SessionStore } from './session-store';
import type { WatchedSession } from './sessions';
import { statusBarThresholds } from './settings';
import { sessionsThatCount, statusBarText, sumRates, topPeers } from './status-bar-text';
import { texts } from './texts';

/** Characters of the chart in the tooltip. */
const sparklineWidth = 30;

/** Left of it are the items that say what is being debugged. */
const priority = 10;

export class NetworkStatusBar implements vscode.Disposable {
  readonly #store: SessionStore;
  readonly #item: vscode.StatusBarItem;
  readonly #subscription: vscode.Disposable;

  constructor(store: SessionStore) {
    this.#store = store;
    this.#item = vscode.window.createStatusBarItem(
      'procnetmon.rates',
      vscode.StatusBarAlignment.Left,
      priority,
    );
    this.#item.name = vscode.l10n.t('Network Usage');
    this.#item.command = Command.OpenPanel;
    this.#subscription = store.onDidChange(() => this.#draw());
  }

  /** What is on show; undefined while the item is hidden. */
  get text(): string | undefined {
    return this.#watching().length === 0 ? undefined : this.#item.text;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }

  #watching(): WatchedSession[] {
    return sessionsThatCount(this.#store.sessions);
  }

  #draw(): void {
    const sessions = this.#watching();
    if (sessions.length === 0) {
      this.#item.hide();
      return;
    }
    const rates = sumRates(sessions);
    this.#item.text = statusBarText(rates);
    this.#item.tooltip = tooltip(sessions);
    this.#item.accessibilityInformation = {
      label: vscode.l10n.t(
        'Network usage: sending {0}, receiving {1}',
        formatRate(rates.tx),
        formatRate(rates.rx),
      ),
      role: 'button',
    };
    const reason = thresholdReason(sessions, rates);
    this.#item.backgroundColor =
      reason === undefined ? undefined : new vscode.ThemeColor('statusBarItem.warningBackground');
    if (reason !== undefined) {
      this.#item.tooltip = `${reason}\n\n${this.#item.tooltip}`;
    }
    this.#item.show();
  }
}

/** Why the item draws attention; `undefined` while nothing passes what the user has set. */
function thresholdReason(sessions: readonly WatchedSession[], rates: Directions): string | undefined {
  const { rate, total } = statusBarThresholds();
  if (rate > 0 && rates.tx + rates.rx > rate) {
    return vscode.l10n.t('More than {0}, the threshold that you set.', formatRate(rate));
  }
  const moved = sessions.reduce((sum, { total: { wire } }) => sum + wire.txBytes + wire.rxBytes, 0);
  return total > 0 && moved > total
    ? vscode.l10n.t('More than {0} in all, the threshold that you set.', formatBytes(total))
    : undefined;
}

/** The rates of the last minute, as a line of bars. */
function lastMinute({ history }: WatchedSession, direction: keyof Directions): string {
  const since = (history.at(-1)?.timeMillis ?? 0) - 60_000;
  const points = history.slice(-600).filter(({ timeMillis }) => timeMillis > since);
  return sparkline(
    points.map((point) => point[direction]),
    sparklineWidth,
  );
}

/** Plain text: the names in it are other people's bytes. */
function tooltip(sessions: readonly WatchedSession[]): string {
  const peers = topPeers(sessions);
  return [
    vscode.l10n.t('Network usage of what is being watched, on the wire'),
    ...sessions.flatMap((session) => [
      `${sanitise(session.label)}: ${marked(totalText(session.total), session.total)}`,
      `↑ ${lastMinute(session, 'tx')}`,
      `↓ ${lastMinute(session, 'rx')}`,
      ...droppedTexts(session.dropped, texts),
    ]),
    ...(peers.length === 0 ? [] : [vscode.l10n.t('Top peers:')]),
    ...peers.map(({ address, bytes }) => `  ${sanitise(address)}: ${formatBytes(bytes)}`),
    vscode.l10n.t('Click for the chart and all connections.'),
  ].join('\n');
}
