// A session as a file: the editor opens it by itself, read-only, and says what is wrong with one that is none.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { saveSession } from '../../../src/extension/saved/saved-session';
import { eventually, sessionIn, sessionWith, startDebugging, stopDebugging } from './workbench';

const javaScript = 'JavaScript: shop';

describe('a saved session', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-saved-'));
  const file = path.join(folder, 'shop.procnetmon');

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(folder, { recursive: true, force: true });
    await stopDebugging();
  });

  it('opens in an editor of its own', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total, history }) => total.wire.txBytes > 0 && history.length > 1);
    await stopDebugging();
    const ended = await eventually(({ store }) => store.get(session.id));
    writeFileSync(file, saveSession(ended));
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
    const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(input instanceof vscode.TabInputCustom, String(input));
    assert.equal(input.viewType, 'procnetmon.savedSession');
  });
});
