// Watching a process that the user chooses.
// Commands: `procnetmon.monitorPid`, and `procnetmon.chooseProcess` on a debug session whose process was not found.
import * as vscode from 'vscode';
import { Command } from './contributions';
import { toPid } from './debuggee/debuggee-ladder';
import { HelperRequestError } from './helper-connection';
import type { HelperService } from './helper-service';
import { processTitle } from '../shared/process-title';
import { plainTextWithoutLinks } from './plain-text';
import { explainBadPid, pickProcess, type PickedProcess } from './process-picker';
import type { SessionStore } from './session-store';
import type { TreeNode } from './tree-nodes';
import type { WatchController } from './watch-controller';

export function registerMonitorPid(
  store: SessionStore,
  helper: HelperService,
  watch: WatchController,
): vscode.Disposable {
  const watchPicked = async (session: string, { pid, startTicks }: PickedProcess): Promise<void> =>
    watch.watch(session, startTicks === undefined ? { pid } : { pid, startTicks });

  return vscode.Disposable.from(
    // For key bindings and other extensions the id may be given. Answers why it was refused, if it was.
    vscode.commands.registerCommand(Command.MonitorPid, (pid?: unknown) =>
      orExplain(async () => {
        const picked = await choose(helper, pid);
        if (picked === undefined) {
          return;
        }
        const label = `${picked.name} [${String(picked.pid)}]`;
        const session = store.add({ label, origin: 'process', debugType: '' });
        try {
          await watchPicked(session.id, picked);
        } catch (error) {
          store.remove(session.id);
          throw error;
        }
      }),
    ),
    vscode.commands.registerCommand(Command.ChooseProcess, (node?: TreeNode) =>
      orExplain(async () => {
        const picked = await choose(helper, undefined);
        if (picked !== undefined && node !== undefined) {
          await watchPicked(node.session.id, picked);
        }
      }),
    ),
  );
}

/** The process that was given or that the user picks. */
async function choose(helper: HelperService, given: unknown): Promise<PickedProcess | undefined> {
  const pid = toPid(given);
  if (pid === undefined && (typeof given === 'number' || typeof given === 'string')) {
    throw new Error(explainBadPid(String(given)));
  }
  const connection = await helper.start('user');
  if (connection === undefined) {
    return undefined;
  }
  if (pid === undefined) {
    return pickProcess(connection);
  }
  const process = (await connection.listProcesses()).find((each) => each.pid === pid);
  return process === undefined
    ? { pid, name: vscode.l10n.t('PID') }
    : { pid, startTicks: process.startTicks, name: processTitle(process) };
}

/** Shows why something failed and what to do, and answers it. */
async function orExplain(action: () => Promise<void>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    const remedy = error instanceof HelperRequestError ? error.remedy : undefined;
    const message = error instanceof Error ? error.message : String(error);
    const text = plainTextWithoutLinks(remedy === undefined ? message : `${message} ${remedy}`);
    void vscode.window.showErrorMessage(text);
    return text;
  }
}
