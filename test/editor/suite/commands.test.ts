// Commands and settings that have no test of their own kind: the doctor, clearing, and starting by hand only.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import {
  eventually,
  extension,
  sessionIn,
  sessionWith,
  setSetting,
  startDebugging,
  stopDebugging,
} from './workbench';

const javaScript = 'JavaScript: shop';

describe('the setting "never"', () => {
  before(() => setSetting('start', 'never'));
  after(async () => {
    await stopDebugging();
    await setSetting('start', 'always');
  });

  it('starts nothing with a debug session, and says so', async () => {
    const api = await extension().activate();
    const before = api.store.sessions.length;
    await startDebugging(javaScript);
    assert.equal(api.helperState, 'never');
    assert.equal(api.helperPid, undefined);
    assert.equal(api.store.sessions.length, before);
  });

  it('leaves it to the command, which watches what is being debugged', async () => {
    await vscode.commands.executeCommand('procnetmon.start');
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total }) => total.wire.txBytes > 0);
  });
});

describe('the tool for language models', () => {
  after(stopDebugging);

  it('tells what is watched', async () => {
    const tool = 'procnetmon_networkUsage';
    assert.ok(vscode.lm.tools.some(({ name }) => name === tool));
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total }) => total.wire.txBytes > 0);
    const { content } = await vscode.lm.invokeTool(tool, { input: {}, toolInvocationToken: undefined });
    const [part] = content;
    assert.ok(part instanceof vscode.LanguageModelTextPart);
    assert.match(part.value, /^Session “JavaScript: shop”, watching.*\nOn the wire: [1-9]/m);
  });
});

describe('commands', () => {
  it('Run Doctor shows a report that need not be saved', async () => {
    await vscode.commands.executeCommand('procnetmon.runDoctor');
    const document = vscode.window.activeTextEditor?.document;
    assert.ok(document);
    assert.match(document.getText(), /^ProcNetMon .+, kernel .+\n\n✓ Kernel version: /);
    assert.equal(document.isUntitled, false);
    assert.equal(document.isDirty, false);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('Clear Ended Sessions removes them, and the tree is empty', async () => {
    const api = await extension().activate();
    await eventually(({ store }) =>
      store.sessions.every(({ state }) => state === 'ended' || state === 'failed') ? true : undefined,
    );
    assert.ok(api.store.sessions.length > 0);
    await vscode.commands.executeCommand('procnetmon.clearEnded');
    assert.deepEqual(api.store.sessions, []);
    assert.deepEqual(api.tree.getChildren(), []);
  });
});
