// Puts a copy of the helper where only root can change it and where it needs no password, and takes it away again.
// Commands: `procnetmon.installHelper`, `procnetmon.uninstallHelper`. What is done is shown first, in the helper's words.
import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { sanitise } from '../shared/sanitise';
import { Command } from './contributions';
import { explainStartFailure, passwordBox } from './helper-messages';
import { describeExit, HelperStartError, launchHelper, type HelperProcess } from './helper-process';
import type { HelperFiles } from './helper-service';
import { plainTextWithoutLinks } from './plain-text';

const planMillis = 30_000;
const maximumPlanLength = 4_000;

export function registerInstallation(files: HelperFiles, log: vscode.LogOutputChannel): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.commands.registerCommand(Command.InstallHelper, () => guarded(log, () => install(files, log))),
    vscode.commands.registerCommand(Command.UninstallHelper, () => guarded(log, () => uninstall(files, log))),
  );
}

async function install(files: HelperFiles, log: vscode.LogOutputChannel): Promise<void> {
  let group: string[] = [];
  let plan: string;
  try {
    plan = await planOf(files.executable, []);
  } catch {
    // The user's own group is shared with others, or unknown: whoever wants it open to one has to say to which.
    const name = await vscode.window.showInputBox({
      title: vscode.l10n.t('ProcNetMon: install the helper'),
      prompt: vscode.l10n.t('Group whose members may count their network traffic without a password'),
      ignoreFocusOut: true,
    });
    if (name === undefined || name === '') return;
    group = [`--group=${name}`];
    plan = await planOf(files.executable, group);
  }
  const go = vscode.l10n.t('Install');
  const risk = vscode.l10n.t(
    'What is copied is the helper in your extensions folder, as it is now. Whoever could have changed it there would get these rights: install it when you trust what has run as you until now.',
  );
  const detail = `${plan}\n${risk}`;
  const question = vscode.l10n.t('Install the network helper, so that no password is needed any more?');
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, go)) !== go) return;
  await runAsRoot(files, ['install', '--yes', ...group], log);
  await vscode.window.showInformationMessage(
    vscode.l10n.t('The network helper is installed. It is used from its next start on.'),
  );
}

async function uninstall(files: HelperFiles, log: vscode.LogOutputChannel): Promise<void> {
  const go = vscode.l10n.t('Uninstall');
  const question = vscode.l10n.t('Remove the installed network helper?');
  const detail = vscode.l10n.t('/usr/local/libexec/procnetmon is removed with everything in it.');
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, go)) !== go) return;
  await runAsRoot(files, ['uninstall', '--yes'], log);
  await vscode.window.showInformationMessage(vscode.l10n.t('The installed network helper is removed.'));
}

/** What `install` would do, as it says itself. Rejects when it would do nothing. */
async function planOf(executable: string, group: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(executable, ['install', '--dry-run', ...group], {
    timeout: planMillis,
    cwd: '/',
  });
  const lines = stdout.trim().split('\n');
  return lines
    .map((line) => sanitise(line, 512))
    .join('\n')
    .slice(0, maximumPlanLength);
}

async function runAsRoot(
  files: HelperFiles,
  parameters: readonly string[],
  log: vscode.LogOutputChannel,
): Promise<void> {
  await launchHelper({
    ...files,
    parameters,
    node: process.execPath,
    isRoot: process.getuid?.() === 0,
    sudo: 'sudo',
    asking: 'if-needed',
    ask: async () => vscode.window.showInputBox(passwordBox(userInfo().username)),
    log: (line) => log.info(line),
    connect: untilDone,
  });
}

/** Resolves when the helper has ended well. */
async function untilDone({ child, exited }: HelperProcess): Promise<void> {
  child.stdout.resume();
  const exit = await exited;
  if (exit.status !== 0) throw new Error(describeExit(exit));
}

async function guarded(log: vscode.LogOutputChannel, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    const explanation =
      error instanceof HelperStartError
        ? explainStartFailure(error.failure, error.refusal)
        : explainStartFailure('failed', undefined);
    if (explanation === undefined) return;
    const text = plainTextWithoutLinks(`${explanation.message} ${explanation.remedy}`);
    const showLog = vscode.l10n.t('Show Log');
    if ((await vscode.window.showErrorMessage(text, showLog)) === showLog) log.show();
  }
}
