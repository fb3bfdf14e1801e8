import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import { extension, setSetting } from './workbench';

describe('activation', () => {
  it('waits until the extension is needed', () => {
    assert.equal(extension().isActive, false);
  });

  it('registers every command, and starts no helper', async () => {
    const api = await extension().activate();
    const { contributes } = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    const registered = await vscode.commands.getCommands();
    for (const { command } of contributes.commands) {
      assert.ok(registered.includes(command), `${command} is not registered`);
    }
    assert.equal(api.helperPid, undefined);
    assert.equal(api.helperState, 'idle');
    assert.deepEqual(api.store.sessions, []);
    assert.equal(api.statusBarText, undefined);
  });

  after(() => setSetting('intervalMillis', 250));
});
