// Asks for a network breakpoint: what it is about, to whom, and how much.
import * as vscode from 'vscode';
import { parseFilter } from '../../shared/filter-language';
import { parseBytes } from './amounts';
import { maximumBreakpointFilter, type BreakpointKind, type NetworkBreakpoint } from './breakpoint-matching';

type Input = Omit<NetworkBreakpoint, 'id' | 'enabled'>;

/** `undefined` when the user gave it up. `before`: what is edited, or known of a new one. */
export async function askForBreakpoint(before: Partial<NetworkBreakpoint> = {}): Promise<Input | undefined> {
  const title = vscode.l10n.t('Network Breakpoint');
  const kinds: { label: string; breaksOn: BreakpointKind }[] = [
    { label: vscode.l10n.t('Pause when the program connects'), breaksOn: 'connect' },
    { label: vscode.l10n.t('Pause when the program accepts a connection'), breaksOn: 'accept' },
    { label: vscode.l10n.t('Pause when a connection has sent more than …'), breaksOn: 'send' },
  ];
  const chosen = await vscode.window.showQuickPick(
    kinds.map((each) => ({ ...each, picked: each.breaksOn === before.kind })),
    { title },
  );
  if (chosen === undefined) return undefined;
  let bytes: number | undefined;
  if (chosen.breaksOn === 'send') {
    const text = await vscode.window.showInputBox({
      title,
      prompt: vscode.l10n.t('Bytes on the wire, such as 500, 10k or 1.5M'),
      value: before.bytes === undefined ? '1M' : String(before.bytes),
      validateInput: (value) =>
        parseBytes(value) === undefined
          ? vscode.l10n.t('“{0}” is no amount. Write a number, with k, M or G behind it.', value)
          : undefined,
    });
    bytes = text === undefined ? undefined : parseBytes(text);
    if (bytes === undefined) return undefined;
  }
  const filter = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('Only for what matches this filter; empty for everything'),
    placeHolder: 'host:example.org port:443',
    value: before.filter ?? '',
    validateInput: (value) => {
      if (value.length > maximumBreakpointFilter) return vscode.l10n.t('This filter is too long.');
      const parsed = parseFilter(value);
      return parsed.ok
        ? undefined
        : vscode.l10n.t(
            '“{0}” is not understood. Write a key and a value, such as port:443.',
            parsed.problem.term,
          );
    },
  });
  if (filter === undefined) return undefined;
  return { kind: chosen.breaksOn, filter: filter.trim(), ...(bytes === undefined ? {} : { bytes }) };
}
