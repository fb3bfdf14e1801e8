import { strict as assert } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as vscode from 'vscode';
import { extension, sessionIn } from './workbench';

function monitor(pid: unknown): Thenable<string | undefined> {
  return vscode.commands.executeCommand('procnetmon.monitorPid', pid);
}

async function spawnListener(): Promise<ChildProcess> {
  const program = 'require("node:net").createServer().listen(0, "127.0.0.1", () => console.log("listening"))';
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe('Monitor PID', () => {
  it('watches a process until it exits', async () => {
    const child = await spawnListener();
    const pid = child.pid ?? 0;
    try {
      assert.equal(await monitor(pid), undefined);
      const { store } = await extension().activate();
      const session = store.sessions.findLast(({ origin }) => origin === 'process');
      assert.ok(session);
      assert.match(session.label, new RegExp(`\\[${pid}\\]$`));
      const watched = await sessionIn(session.label, 'watching');
      child.kill();
      await sessionIn(session.label, 'ended');
      assert.equal(watched.processes.get(pid)?.alive, false);
    } finally {
      child.kill();
    }
  });

  it('refuses a process that has gone, and says so', async () => {
    const child = await spawnListener();
    child.kill();
    await once(child, 'exit');
    const { store } = await extension().activate();
    const before = store.sessions.length;
    assert.match((await monitor(child.pid)) ?? '', new RegExp(`\\b${child.pid ?? ''}\\b`));
    assert.equal(store.sessions.length, before);
  });

  for (const value of [0, -1, 1.5, 4_194_305, 'shop', '12x']) {
    it(`refuses ${JSON.stringify(value)}, which is no process id`, async () => {
      const { store } = await extension().activate();
      const before = store.sessions.length;
      assert.match((await monitor(value)) ?? '', /is not a process id/);
      assert.equal(store.sessions.length, before);
    });
  }
});
