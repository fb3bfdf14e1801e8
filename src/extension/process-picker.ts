// A quick pick of the processes that may be watched: searched by name, id, user and command line; an id may also
// be typed that is not in the list.
import * as vscode from 'vscode';
import { processTitle } from '../shared/process-title';
import type { ProcessInfo } from '../shared/protocol';
import { maximumPid, toPid } from './debuggee/debuggee-ladder';
import type { HelperConnection } from './helper-connection';
import { plainTextWithoutIcons } from './plain-text';
import type { WatchTarget } from './watch-controller';

export interface PickedProcess extends WatchTarget {
  name: string;
}

interface ProcessItem extends vscode.QuickPickItem {
  /** Absent where an item only says why there is none. */
  process?: PickedProcess;
}

/** Undefined when the user chose none. Throws a `HelperRequestError` when there is no list. */
export async function pickProcess(connection: HelperConnection): Promise<PickedProcess | undefined> {
  const picker = vscode.window.createQuickPick<ProcessItem>();
  picker.title = vscode.l10n.t('Monitor a process and its children');
  picker.placeholder = vscode.l10n.t('Name, process id, user or command line');
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  picker.busy = true;
  const chosen = new Promise<PickedProcess | undefined>((resolve) => {
    picker.onDidAccept(() => {
      const picked = picker.selectedItems[0]?.process;
      if (picked !== undefined) {
        resolve(picked);
        picker.hide();
      }
    });
    picker.onDidHide(() => resolve(undefined));
  });
  picker.show();
  try {
    const processes = (await connection.listProcesses()).map(processItem).reverse();
    const offer = (): void => {
      const typed = typedItem(picker.value, processes);
      picker.items = typed === undefined ? processes : [typed, ...processes];
    };
    picker.onDidChangeValue(offer);
    offer();
    picker.busy = false;
    return await chosen;
  } finally {
    picker.dispose();
  }
}

function processItem(process: ProcessInfo): ProcessItem {
  const { pid, startTicks } = process;
  const name = processTitle(process);
  return {
    label: plainTextWithoutIcons(name),
    description: `${String(pid)} · ${plainTextWithoutIcons(process.user)}`,
    detail: plainTextWithoutIcons(process.command === '' ? process.exe : process.command),
    process: { pid, startTicks, name },
  };
}

/** An item for a number that was typed and is not in the list: to watch that process, or why that cannot be. */
function typedItem(value: string, processes: readonly ProcessItem[]): ProcessItem | undefined {
  const pid = toPid(value.trim());
  if (pid === undefined) {
    const isNumber = /^\s*[-+]?\d+(\.\d*)?\s*$/.test(value);
    return isNumber ? { label: `$(error) ${explainBadPid(value)}`, alwaysShow: true } : undefined;
  }
  if (processes.some((item) => item.process?.pid === pid)) {
    return undefined;
  }
  return {
    label: vscode.l10n.t('Monitor PID {0}', pid),
    alwaysShow: true,
    process: { pid, name: vscode.l10n.t('PID {0}', pid) },
  };
}

/** Why a typed number is no process id. */
export function explainBadPid(value: string): string {
  return vscode.l10n.t(
    '“{0}” is not a process id. Ids are whole numbers from 1 to {1}.',
    plainTextWithoutIcons(value.trim(), 40),
    maximumPid,
  );
}
