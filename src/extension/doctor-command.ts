// What this machine's kernel and rights allow, as the helper's doctor finds it, in a document to read and copy.
// Command: `procnetmon.runDoctor`.
import * as vscode from 'vscode';
import type { DoctorReport } from '../shared/protocol';
import { Command } from './contributions';
import type { HelperService } from './helper-service';
import { sanitise } from '../shared/sanitise';

const marks = { ok: '✓', warning: '!', failed: '✗' } as const;

/** Documents of this scheme are read-only, so that closing one does not ask whether to save it. */
const scheme = 'procnetmon-doctor';
const address = vscode.Uri.from({ scheme, path: 'ProcNetMon Doctor' });

export function registerDoctor(helper: HelperService): vscode.Disposable {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  let text = '';
  return vscode.Disposable.from(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => text,
    }),
    vscode.commands.registerCommand(Command.RunDoctor, async () => {
      const connection = await helper.start('user');
      if (connection === undefined) {
        return;
      }
      text = doctorText(await connection.doctor());
      changed.fire(address);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(address));
    }),
  );
}

/** One check a paragraph. */
function doctorText(report: DoctorReport): string {
  const checks = report.checks.map(({ status, title, detail, remedy }) => {
    const lines = [`${marks[status]} ${sanitise(title)}: ${sanitise(detail, 1_000)}`];
    if (remedy !== undefined) {
      lines.push(`  ${sanitise(remedy, 1_000)}`);
    }
    return lines.join('\n');
  });
  const heading = `ProcNetMon ${sanitise(report.version)}, kernel ${sanitise(report.kernel)}`;
  return `${[heading, ...checks].join('\n\n')}\n`;
}
