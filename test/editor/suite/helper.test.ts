// What is left when the helper is killed, and what happens then: nothing by itself.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import { eventually, extension, sessionIn, sessionWith, startDebugging, stopDebugging } from './workbench';

const javaScript = 'JavaScript: shop';

describe('a helper that is killed', () => {
  after(stopDebugging);

  it('leaves the figures on show with a reason, and is not started again by itself', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total }) => total.wire.txBytes > 0);
    const api = await extension().activate();
    const pid = api.helperPid;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');

    const failed = await sessionIn(javaScript, 'failed');
    assert.ok(failed.total.wire.txBytes > 0);
    assert.match(failed.failure?.message ?? '', /stopped unexpectedly/);
    assert.equal(api.helperState, 'failed');
    assert.equal(api.helperPid, undefined);
    assert.equal(api.statusBarText, undefined);

    await stopDebugging();
    await startDebugging(javaScript);
    assert.equal(api.helperState, 'failed');
  });

  it('is started again by the command, which watches what is being debugged', async () => {
    await vscode.commands.executeCommand('procnetmon.start');
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total }) => total.wire.txBytes > 0);
    const api = await extension().activate();
    assert.equal(api.helperState, 'running');
  });

  it('leaves when it is told to', async () => {
    await vscode.commands.executeCommand('procnetmon.stop');
    const { helperPid, helperState } = await extension().activate();
    assert.equal(helperPid, undefined);
    assert.equal(helperState, 'idle');
    await eventually(({ store }) =>
      store.sessions.every(({ state }) => state === 'ended' || state === 'failed') ? true : undefined,
    );
  });

  it('is not started again by a child of the session that goes on', async () => {
    const parentSession = vscode.debug.activeDebugSession;
    assert.ok(parentSession);
    const child = {
      type: 'node',
      request: 'launch',
      name: 'a child',
      program: '${workspaceFolder}/javascript/metrics.mjs',
    };
    assert.ok(await vscode.debug.startDebugging(parentSession.workspaceFolder, child, { parentSession }));
    const { helperPid, helperState } = await extension().activate();
    assert.equal(helperPid, undefined);
    assert.equal(helperState, 'idle');
  });
});
