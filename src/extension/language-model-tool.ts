// The tool `procnetmon_networkUsage`: lets a language model that the user asks read what is on show. It reads the
// session store, so it knows what the user's views show and nothing else, and changes nothing.
import * as vscode from 'vscode';
import { languageModelTool } from './contributions';
import { networkUsageReport } from './network-usage-report';
import type { SessionStore } from './session-store';

interface ToolInput {
  /** Part of a host, an address, a process name or a protocol; absent: everything. */
  filter?: string;
}

export function registerLanguageModelTool(store: SessionStore): vscode.Disposable {
  // Editors built on VS Code may lack it.
  const { lm } = vscode as { lm?: typeof vscode.lm };
  if (typeof lm?.registerTool !== 'function') {
    return new vscode.Disposable(() => undefined);
  }
  return lm.registerTool<ToolInput>(languageModelTool, {
    prepareInvocation: () => ({ invocationMessage: vscode.l10n.t('Reading the network usage') }),
    invoke: ({ input }) =>
      new vscode.LanguageModelToolResult([
        new vscode.LanguageModelTextPart(networkUsageReport(store.sessions, input.filter)),
      ]),
  });
}
