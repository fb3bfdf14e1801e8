// What the debugger and the network have to do with each other: steps that cost, connections that stop the program.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import type { DebuggerStop } from '../../../src/extension/insight/debugger-stops';
import { eventually, extension, sessionIn, sessionWith, startDebugging, stopDebugging } from './workbench';

const javaScript = 'JavaScript: shop';

/** The next stop of the debugger; to be called before what makes it stop. */
async function nextStop(): Promise<DebuggerStop> {
  const { stops } = await extension().activate();
  return new Promise((resolve) => {
    const listener = stops.onDidChange(({ stop }) => {
      if (stop === undefined) return;
      listener.dispose();
      resolve(stop);
    });
  });
}

/** When a program has a thread that can be paused; to be called before it is started. */
function nextThread(): Promise<void> {
  return new Promise((resolve) => {
    const registration = vscode.debug.registerDebugAdapterTrackerFactory('*', {
      createDebugAdapterTracker: () => ({
        onDidSendMessage({ event }: { event?: string }) {
          if (event !== 'thread') return;
          registration.dispose();
          resolve();
        },
      }),
    });
  });
}

describe('network insight', () => {
  afterEach(async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await vscode.commands.executeCommand('procnetmon.removeAllBreakpoints');
    await stopDebugging();
  });

  it('tells at a stop what the program did since it went on, and marks it in the history', async () => {
    const thread = nextThread();
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    // The debugger's own connections come before it.
    await thread;
    // More than the debugger's own connections take at the start: the last of the shop's processes runs, and no pause comes
    // while the debugger still takes hold of one.
    await sessionWith(session, ({ total }) => total.payload.txBytes > 800_000);
    const stopping = nextStop();
    // Not by the editor's command: that does nothing before a thread has the focus.
    const { stops } = await extension().activate();
    assert.ok((await stops.pause(session.id)) !== undefined, 'The program does not stand still.');
    const stop = await stopping;
    assert.equal(stop.session, session.id);
    assert.ok(stop.tx > 0 && stop.rx > 0, JSON.stringify(stop));
    assert.ok(stop.opened > 0 && stop.peers.length > 0, JSON.stringify(stop));
    // It may stand inside of the runtime, which is no file.
    assert.match(stop.place?.path ?? '/', /^\//);
    await eventually(({ store }) => store.get(session.id)?.marks.find(({ kind }) => kind === 'stopped'));
  });

  for (const configuration of [javaScript, 'Python: courier', 'C: echo']) {
    it(`pauses a program that was asked to before it had a thread: ${configuration}`, async () => {
      const { store, stops } = await extension().activate();
      const stopping = nextStop();
      const pausing = new Promise<Awaited<ReturnType<typeof stops.pause>>>((resolve) => {
        // The first that is heard of the session, before the adapter has been told what to start.
        const listener = store.onDidChange(({ session, kind }) => {
          if (kind !== 'added' || session.label !== configuration) return;
          listener.dispose();
          resolve(stops.pause(session.id));
        });
      });
      await startDebugging(configuration);
      assert.equal(typeof (await pausing), 'number', 'The program does not stand still.');
      const stop = await stopping;
      assert.equal(stop.label, configuration);
      assert.equal(await stops.pause(stop.session), 'standing');
    });
  }

  // Connecting to anything: a debugger does so itself, before the program has a thread.
  for (const breakpoint of [
    { kind: 'send', bytes: 1_000, filter: 'proto:tcp' },
    { kind: 'connect', filter: '' },
  ]) {
    it(`pauses the program at a network breakpoint: ${breakpoint.kind}`, async () => {
      await vscode.commands.executeCommand('procnetmon.addBreakpoint', breakpoint);
      const stopping = nextStop();
      await startDebugging(javaScript);
      const stop = await stopping;
      assert.equal(stop.label, javaScript);
    });
  }
});
