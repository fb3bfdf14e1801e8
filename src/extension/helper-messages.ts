// What the user is told when there is no helper: what happened in one sentence, and the next step in another.
import * as vscode from 'vscode';
import type { HelperRefusal } from './helper-output';
import type { StartFailure } from './helper-process';

export interface Explanation {
  message: string;
  remedy: string;
}

/**
 * Undefined for what the user chose: the view says how to start, a message would be one too many.
 * @param refusal what the helper itself said, which is more to the point than what can be said here
 */
export function explainStartFailure(
  failure: StartFailure,
  refusal: HelperRefusal | undefined,
): Explanation | undefined {
  switch (failure) {
    case 'declined':
      return undefined;
    case 'password-rejected':
      return {
        message: vscode.l10n.t('The password was not accepted, so nothing is monitored.'),
        remedy: vscode.l10n.t('Try again with the password that sudo asks of you in a terminal.'),
      };
    case 'not-permitted':
      return {
        message: vscode.l10n.t('sudo did not start the network helper for this user.'),
        remedy: vscode.l10n.t(
          'Ask the administrator of this machine for the right to run it with sudo, or run the editor’s server as root. The log holds what sudo said.',
        ),
      };
    case 'terminal-required':
      return {
        message: vscode.l10n.t(
          'sudo refused before it asked for a password, as it does where it demands a terminal (requiretty).',
        ),
        remedy: vscode.l10n.t(
          'Install the helper from a terminal with the command that the log holds, or ask the administrator to take “requiretty” back.',
        ),
      };
    case 'sudo-missing':
      return {
        message: vscode.l10n.t(
          'There is no sudo that this user can run, and the network helper needs the rights of root.',
        ),
        remedy: vscode.l10n.t('Install sudo, or run the editor’s server as root.'),
      };
    case 'no-new-privileges':
      return {
        message: vscode.l10n.t(
          'The editor’s extension host runs with “no new privileges”, under which sudo cannot work.',
        ),
        remedy: vscode.l10n.t(
          'Start the editor or its container without that option (Docker: --security-opt no-new-privileges), or as root.',
        ),
      };
    case 'too-many-helpers':
      return {
        message: vscode.l10n.t(
          'As many network helpers count on this machine already as can: one for each window that monitors.',
        ),
        remedy: vscode.l10n.t('Close such a window, stop monitoring in one, or end another procnetmon.'),
      };
    case 'unsupported':
      return (
        refusal ?? {
          message: vscode.l10n.t(
            'This machine’s kernel or its settings do not let network traffic be counted.',
          ),
          remedy: vscode.l10n.t('The log says what is missing and what to do about it.'),
        }
      );
    case 'mismatch':
      return {
        message: vscode.l10n.t('The network helper and the extension are of different versions.'),
        remedy: vscode.l10n.t('Reinstall the extension and reload the window.'),
      };
    case 'failed':
      return (
        refusal ?? {
          message: vscode.l10n.t('The network helper could not be started.'),
          remedy: vscode.l10n.t('The log says why.'),
        }
      );
  }
}

/** The helper ended while it was watching, and another one took its place. */
export function explainRestart(): Explanation {
  return {
    message: vscode.l10n.t('The network helper stopped unexpectedly, and was started again.'),
    remedy: vscode.l10n.t(
      'What it had counted is kept; what passed in between is missing. The log tells what is known.',
    ),
  };
}

/** The helper ended while it was watching. */
export function explainDisconnect(): Explanation {
  return {
    message: vscode.l10n.t(
      'The network helper stopped unexpectedly. What it had counted until then is kept.',
    ),
    remedy: vscode.l10n.t('Start monitoring again.'),
  };
}

/** The text of the password box. */
export function passwordBox(userName: string): vscode.InputBoxOptions {
  return {
    title: vscode.l10n.t('ProcNetMon: administrator rights'),
    prompt: vscode.l10n.t(
      'Counting network traffic in the kernel needs the rights of root. The password is handed to sudo once and kept nowhere; the helper gives up those rights right after its start. It is a file in your own folder, which your programs could change: “ProcNetMon: Install Helper” puts a copy where they cannot.',
    ),
    placeHolder: vscode.l10n.t('Password of {0} for sudo', userName),
    password: true,
    ignoreFocusOut: true,
  };
}
