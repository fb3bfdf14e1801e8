// Watching a process that the user chooses.
// Commands: `procnetmon.monitorPid`, and `procnetmon.chooseProcess` on a debug session whose process was not found.
import * as vscode from 'vscode';
import { Command } from './contributions';
import { toPid } from './debuggee/debuggee-ladder';
import { HelperRequestError } from './helper-connection';
import type { HelperService } from './helper-service';
import { processTitle } from '../shared/process-title';
import { sanitise } from '../shared/sanitise';
import { explainBadPid, pickProcess, type PickedProcess } from './process-picker';
import type { SessionStore } from './session-store';
import type { TreeNode } from './tree-nodes';
import type { WatchController } from './watch-controller';

export function registerMonitorPid(
  store: SessionStore,
  helper: HelperService,
  watch: WatchController,
): vscode.Disposable {
  return vscode.Disposable.from(
    // With an argument the command is for key bindings and other extensions: the id of the process.
    vscode.commands.registerCommand(Command.MonitorPid, async (argument?: unknown) => {
      const picked = await choose(helper, argument);
      if (picked !== undefined) {
        const session = store.add({
          label: `${picked.name} [${String(picked.pid)}]`,
          origin: 'process',
          debugType: '',
        });
        await watchChosen(watch, session.id, picked, () => store.remove(session.id));
      }
    }),
    vscode.commands.registerCommand(Command.ChooseProcess, async (node?: TreeNode) => {
      const picked = await choose(helper, undefined);
      if (picked !== undefined && node !== undefined) {
        await watchChosen(watch, node.session.id, picked, () => undefined);
      }
    }),
  );
}

async function choose(helper: HelperService, argument: unknown): Promise<PickedProcess | undefined> {
  const pid = toPid(argument);
  if (pid === undefined && (typeof argument === 'number' || typeof argument === 'string')) {
    void vscode.window.showErrorMessage(explainBadPid(String(argument)));
    return undefined;
  }
  const connection = await helper.start('user');
  if (connection === undefined) {
    return undefined;
  }
  try {
    if (pid === undefined) {
      return await pickProcess(connection);
    }
    const process = (await connection.listProcesses()).find((each) => each.pid === pid);
    return process === undefined
      ? { pid, name: vscode.l10n.t('PID') }
      : { pid, startTicks: process.startTicks, name: processTitle(process) };
  } catch (error) {
    refuse(error);
    return undefined;
  }
}

async function watchChosen(
  watch: WatchController,
  session: string,
  { pid, startTicks }: PickedProcess,
  onRefused: () => void,
): Promise<void> {
  try {
    await watch.watch(session, startTicks === undefined ? { pid } : { pid, startTicks });
  } catch (error) {
    onRefused();
    refuse(error);
  }
}

/** Says why, and what to do. */
function refuse(error: unknown): void {
  const remedy = error instanceof HelperRequestError ? error.remedy : undefined;
  const message = error instanceof Error ? error.message : String(error);
  void vscode.window.showErrorMessage(sanitise([message, remedy].filter(Boolean).join(' '), 1_000));
}
