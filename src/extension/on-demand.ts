// What is rarely asked for, in a bundle of its own that is read when it is: export, comparison, saved sessions.
import * as vscode from 'vscode';
import { sanitise } from '../shared/sanitise';
import type { SessionStore } from './session-store';
import type { WatchedSession } from './sessions';
import { comparisonReport } from './saved/comparison';
import { toCsv, toHar, toJson } from './saved/export-texts';
import { saveSession } from './saved/saved-session';
import { language } from './texts';

export { loadSession, maximumFileBytes, saveSession } from './saved/saved-session';

interface ExportFormat {
  label: string;
  detail: string;
  ending: string;
  write: (session: WatchedSession, version: string) => string;
}

function exportFormats(): ExportFormat[] {
  return [
    {
      label: vscode.l10n.t('Saved Session (.procnetmon)'),
      detail: vscode.l10n.t('Everything; opens again in the editor'),
      ending: 'procnetmon',
      write: saveSession,
    },
    {
      label: vscode.l10n.t('Table of Connections (.csv)'),
      detail: vscode.l10n.t('One line for each connection, for spreadsheets'),
      ending: 'csv',
      write: (session) => toCsv(session, session.flows.values()),
    },
    {
      label: vscode.l10n.t('Totals, Connections and History (.json)'),
      detail: vscode.l10n.t('For programs'),
      ending: 'json',
      write: (session) => toJson(session, session.flows.values()),
    },
    {
      label: vscode.l10n.t('HTTP Requests (.har)'),
      detail: vscode.l10n.t('Those that were seen unencrypted, without headers, queries and bodies'),
      ending: 'har',
      write: toHar,
    },
  ];
}

/** Asks for a session, unless there is only one; `undefined` when the user gave it up or there is none. */
async function chooseSession(
  sessions: readonly WatchedSession[],
  title: string,
  placeHolder: string,
): Promise<WatchedSession | undefined> {
  if (sessions.length <= 1) return sessions[0];
  const items = [...sessions].reverse().map((session) => ({
    label: sanitise(session.label).replace(/\$\(/g, String.raw`\$(`),
    description: new Date(session.startedAt).toLocaleString(language),
    session,
  }));
  return (await vscode.window.showQuickPick(items, { title, placeHolder }))?.session;
}

/** Writes a session into a file that the user chooses. `chosen`: the session, where it is known. */
export async function exportSession(
  store: SessionStore,
  chosen: WatchedSession | undefined,
  version: string,
): Promise<void> {
  const title = vscode.l10n.t('Export Session');
  const known = store.sessions.filter(({ history }) => history.length > 0);
  if (known.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There is nothing to export yet.'));
    return;
  }
  const session = chosen ?? (await chooseSession(known, title, vscode.l10n.t('Which session?')));
  if (session === undefined) return;
  const format = await vscode.window.showQuickPick(exportFormats(), { title });
  if (format === undefined) return;
  const started = new Date(session.startedAt).toISOString().slice(0, 19).replaceAll(':', '-');
  const name = sanitise(session.label, 60).replace(/[^\p{L}\p{N}._-]+/gu, '-');
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const fileName = `${name}-${started}.${format.ending}`;
  const target = await vscode.window.showSaveDialog({
    title,
    ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, fileName) }),
    filters: { [format.label]: [format.ending] },
  });
  if (target === undefined) return;
  await vscode.workspace.fs.writeFile(target, Buffer.from(format.write(session, version)));
  const open = vscode.l10n.t('Open');
  const path = vscode.workspace.asRelativePath(target);
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t('Exported to {0}.', path), open);
  if (answer === open) await vscode.commands.executeCommand('vscode.open', target);
}

/** Asks for two sessions and opens what is new, gone and grown between them. */
export async function compareSessions(store: SessionStore): Promise<void> {
  const title = vscode.l10n.t('Compare Runs');
  const known = store.sessions.filter(({ history }) => history.length > 0);
  if (known.length < 2) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('Comparing needs two runs. Start the program again, and compare then.'),
    );
    return;
  }
  const later = await chooseSession(known, title, vscode.l10n.t('Which run?'));
  if (later === undefined) return;
  const others = known.filter((session) => session !== later);
  const earlier = await chooseSession(others, title, vscode.l10n.t('Compared with which run?'));
  if (earlier === undefined) return;
  const [one, other] = earlier.startedAt <= later.startedAt ? [earlier, later] : [later, earlier];
  const content = comparisonReport(one, other, {
    title: vscode.l10n.t('Two runs compared'),
    earlier: vscode.l10n.t('Earlier'),
    later: vscode.l10n.t('Later'),
    sent: vscode.l10n.t('Sent'),
    received: vscode.l10n.t('Received'),
    connections: vscode.l10n.t('Connections'),
    duration: vscode.l10n.t('Duration'),
    peer: vscode.l10n.t('Host'),
    difference: vscode.l10n.t('Difference'),
    headings: {
      added: vscode.l10n.t('New'),
      gone: vscode.l10n.t('Gone'),
      grew: vscode.l10n.t('Grown'),
      shrank: vscode.l10n.t('Shrunk'),
      same: vscode.l10n.t('About the same'),
    },
    none: vscode.l10n.t('None.'),
  });
  const document = await vscode.workspace.openTextDocument({ content, language: 'markdown' });
  await vscode.window.showTextDocument(document, { preview: true });
  await vscode.commands.executeCommand('markdown.showPreview', document.uri).then(undefined, () => undefined);
}
