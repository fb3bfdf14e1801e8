// How the nodes of the tree look. All texts are plain: names of programs and hosts are other people's bytes.
import * as vscode from 'vscode';
import { estimateNotes, marked } from '../shared/estimate';
import type { ConnectionFacts } from '../shared/facts';
import { groupTitle } from '../shared/flow-filter';
import { peerLabel, sourceOfName, spokenLabel } from '../shared/flow-label';
import { formatCount, formatDuration, formatEndpoint, formatMicroseconds } from '../shared/format';
import type { FlowSample, ProcessSample } from '../shared/protocol';
import { processTitle } from '../shared/process-title';
import { reasonText } from '../shared/reason-text';
import { sanitise } from '../shared/sanitise';
import { addUsages } from '../shared/usage';
import { Command, TreeItemContext } from './contributions';
import type { Moved } from './history/flow-log';
import {
  ledgerLines,
  movedText,
  rateText,
  spokenMoved,
  spokenRates,
  stateText,
  totalText,
} from './network-figures';
import type { RangeFigures } from './range-figures';
import { droppedTexts, forgottenTexts } from '../shared/limit-texts';
import { isOver } from './session-store';
import type { WatchedSession } from './sessions';
import { plural, texts } from './texts';
import {
  flowOf,
  flowsInGroup,
  flowsOf,
  type GroupNode,
  isClosed,
  maximumShownConnections,
  processOf,
  type TreeNode,
} from './tree-nodes';

/** Lines in a tooltip about what was said on a connection. */
const maximumFactLines = 16;

/**
 * What is drawn for a node.
 * @param range figures of the stretch of time that the user chose, in place of those of now
 */
export function treeItem(node: TreeNode, range?: RangeFigures): vscode.TreeItem {
  const item = itemOf(node, range);
  item.id = node.id;
  return item;
}

function itemOf(node: TreeNode, range: RangeFigures | undefined): vscode.TreeItem {
  switch (node.kind) {
    case 'session':
      return sessionItem(node.session, range?.session(node.session));
    case 'process': {
      const process = processOf(node);
      return process === undefined
        ? new vscode.TreeItem('')
        : processItem(process, range?.process(node.session, node.pid));
    }
    case 'connection': {
      const flow = flowOf(node);
      return flow === undefined
        ? new vscode.TreeItem('')
        : connectionItem(flow, node.session.facts.get(node.flow), range?.flow(node.session, node.flow));
    }
    case 'group':
      return groupItem(node);
    case 'closed':
      return closedItem(flowsOf(node.session, node.pid, true).length);
    case 'more':
      return moreItem(node, flowsOf(node.session, node.pid, node.closed).length - maximumShownConnections);
  }
}

/** From the beginning, while there is nothing below yet: the editor keeps an item as it first saw it. */
const unfolded = vscode.TreeItemCollapsibleState.Expanded;

function sessionItem(session: WatchedSession, moved: Moved | undefined): vscode.TreeItem {
  const label = sanitise(session.label);
  const item = new vscode.TreeItem(label, unfolded);
  item.description =
    moved === undefined ? sessionDescription(session) : marked(movedText(moved), session.total);
  item.iconPath = sessionIcon(session);
  item.contextValue = sessionContext(session);
  item.tooltip = lines(
    label,
    stateText(session.state),
    session.failure?.message,
    session.failure?.remedy,
    ...ledgerLines(session.total),
    ...estimateNotes(session.total, texts),
    ...droppedTexts(session.dropped, texts),
    ...forgottenTexts(session, texts),
  );
  item.accessibilityInformation = {
    label: [
      vscode.l10n.t('Session {0}', label),
      stateText(session.state),
      session.failure?.message,
      session.state === 'watching' && moved === undefined ? spokenRates(session.total) : undefined,
      moved === undefined ? totalText(session.total) : spokenMoved(moved),
      ...estimateNotes(session.total, texts),
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  };
  return item;
}

function sessionDescription(session: WatchedSession): string {
  switch (session.state) {
    case 'watching':
      return marked(rateText(session.total), session.total);
    case 'ended':
      return `${stateText('ended')} · ${marked(totalText(session.total), session.total)}`;
    case 'failed':
      return sanitise(session.failure?.message ?? stateText('failed'), 120);
    case 'searching':
    case 'starting':
      return stateText(session.state);
  }
}

function sessionIcon(session: WatchedSession): vscode.ThemeIcon {
  switch (session.state) {
    case 'searching':
    case 'starting':
      return new vscode.ThemeIcon('loading~spin');
    case 'watching':
      return session.origin === 'debug'
        ? new vscode.ThemeIcon('debug-alt', new vscode.ThemeColor('debugIcon.startForeground'))
        : new vscode.ThemeIcon('pulse');
    case 'ended':
      return new vscode.ThemeIcon('history');
    case 'failed':
      return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  }
}

function sessionContext(session: WatchedSession): string {
  if (isOver(session)) {
    return TreeItemContext.EndedSession;
  }
  return session.state === 'searching' ? TreeItemContext.SearchingSession : TreeItemContext.LiveSession;
}

function processItem(process: ProcessSample, moved: Moved | undefined): vscode.TreeItem {
  const name = sanitise(processTitle(process), 64);
  const item = new vscode.TreeItem(name, unfolded);
  const state = process.alive ? undefined : vscode.l10n.t('exited');
  // The figures first: a narrow side bar cuts the end off.
  item.description = [
    ...(moved === undefined && state !== undefined ? [state] : []),
    marked(
      moved !== undefined ? movedText(moved) : state === undefined ? rateText(process) : totalText(process),
      process,
    ),
    vscode.l10n.t('PID {0}', process.pid),
  ].join(' · ');
  item.iconPath = process.alive
    ? new vscode.ThemeIcon('server-process')
    : new vscode.ThemeIcon('circle-slash', new vscode.ThemeColor('disabledForeground'));
  item.contextValue = TreeItemContext.Process;
  item.tooltip = lines(
    `${name} [${String(process.pid)}]`,
    state,
    sanitise(process.command, 1_024),
    vscode.l10n.t('User {0}', sanitise(process.user)),
    plural(process.openFlows, '{0} open connection', '{0} open connections'),
    ...ledgerLines(process),
    ...estimateNotes(process, texts),
  );
  item.accessibilityInformation = {
    label: [
      vscode.l10n.t('Process {0}, id {1}', name, process.pid),
      moved === undefined ? (state ?? spokenRates(process)) : state,
      moved === undefined ? totalText(process) : spokenMoved(moved),
      ...estimateNotes(process, texts),
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  };
  return item;
}

function connectionItem(
  flow: FlowSample,
  facts: ConnectionFacts | undefined,
  moved: Moved | undefined,
): vscode.TreeItem {
  const peer = peerLabel(flow);
  const address = flow.remote === undefined ? '*' : sanitise(formatEndpoint(flow.remote));
  const local = sanitise(formatEndpoint(flow.local));
  const item = new vscode.TreeItem(peer ?? local, vscode.TreeItemCollapsibleState.None);
  const closed = isClosed(flow);
  const transport = flow.protocol.toUpperCase();
  const protocol = spokenLabel(flow) || transport;
  const failure = reasonText(flow.reason, texts) || undefined;
  // The figures first: a narrow side bar cuts the end off.
  const figures = marked(
    moved !== undefined ? movedText(moved) : closed ? totalText(flow) : rateText(flow),
    flow,
  );
  item.description = [...(flow.state === 'listening' ? [] : [figures]), protocol, failure ?? flow.state].join(
    ' · ',
  );
  item.iconPath = connectionIcon(flow);
  item.contextValue = TreeItemContext.Connection;
  item.tooltip = lines(
    `${transport} ${local} ↔ ${address}`,
    nameLine(flow),
    spokenLabel(flow),
    flow.certainty === 'guess' ? vscode.l10n.t('Told by the port number only.') : undefined,
    failure === undefined ? undefined : vscode.l10n.t('Failed: {0}', failure),
    vscode.l10n.t('State: {0}', flow.state),
    vscode.l10n.t('Interface: {0}', sanitise(flow.interface)),
    flow.closedAt === undefined
      ? undefined
      : vscode.l10n.t('Lasted: {0}', formatDuration(Date.parse(flow.closedAt) - Date.parse(flow.openedAt))),
    ...ledgerLines(flow),
    ...estimateNotes(flow, texts),
    flow.connectMicros === undefined
      ? undefined
      : vscode.l10n.t('Connected within: {0}', formatMicroseconds(flow.connectMicros)),
    flow.protocol === 'tcp'
      ? vscode.l10n.t('Round trip: {0}', formatMicroseconds(flow.rttMicros))
      : undefined,
    flow.protocol === 'tcp'
      ? vscode.l10n.t('Retransmitted segments: {0}', formatCount(flow.retransmits))
      : undefined,
    ...(facts?.lines(maximumFactLines, texts) ?? []),
  );
  item.accessibilityInformation = {
    label: [
      peer === undefined
        ? vscode.l10n.t('{0} socket on {1}', protocol, local)
        : vscode.l10n.t('{0} connection to {1}', protocol, peer),
      failure ?? flow.state,
      moved !== undefined ? spokenMoved(moved) : closed ? totalText(flow) : spokenRates(flow),
      ...estimateNotes(flow, texts),
    ].join(', '),
  };
  return item;
}

function nameLine(flow: FlowSample): string | undefined {
  const source = sourceOfName(flow, texts);
  return flow.host === undefined ? undefined : `${sanitise(flow.host.name)} (${source ?? ''})`;
}

function groupItem(node: GroupNode): vscode.TreeItem {
  const name = sanitise(groupTitle(node.name, texts));
  const flows = flowsInGroup(node);
  const sum = addUsages(flows);
  const item = new vscode.TreeItem(name, unfolded);
  const count = plural(flows.length, '{0} connection', '{0} connections');
  item.description = [marked(rateText(sum), sum), count].join(' · ');
  item.iconPath = new vscode.ThemeIcon(node.grouping === 'host' ? 'server' : 'symbol-interface');
  item.contextValue = TreeItemContext.Group;
  item.tooltip = lines(name, count, ...ledgerLines(sum), ...estimateNotes(sum, texts));
  item.accessibilityInformation = {
    label: [name, count, spokenRates(sum), totalText(sum), ...estimateNotes(sum, texts)].join(', '),
  };
  return item;
}

function connectionIcon(flow: FlowSample): vscode.ThemeIcon {
  if (isClosed(flow)) {
    return new vscode.ThemeIcon('debug-disconnect', new vscode.ThemeColor('disabledForeground'));
  }
  if (flow.state === 'listening') {
    return new vscode.ThemeIcon('broadcast');
  }
  return new vscode.ThemeIcon(flow.protocol === 'tcp' ? 'plug' : 'arrow-swap');
}

function closedItem(count: number): vscode.TreeItem {
  const item = new vscode.TreeItem(
    plural(count, '{0} closed connection', '{0} closed connections'),
    vscode.TreeItemCollapsibleState.Collapsed,
  );
  item.iconPath = new vscode.ThemeIcon('debug-disconnect', new vscode.ThemeColor('disabledForeground'));
  item.contextValue = TreeItemContext.Closed;
  return item;
}

function moreItem(node: TreeNode, count: number): vscode.TreeItem {
  const item = new vscode.TreeItem(plural(count, '{0} more connection', '{0} more connections'));
  item.iconPath = new vscode.ThemeIcon('ellipsis');
  item.contextValue = TreeItemContext.More;
  item.command = { command: Command.ShowInPanel, title: vscode.l10n.t('Show in Panel'), arguments: [node] };
  return item;
}

function lines(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n');
}
