// What the debugger and the network have to do with each other: steps that cost, connections that stop the program.
import { strict as assert } from 'node:assert';
import * as vscode from 'vscode';
import type { DebuggerStop } from '../../../src/extension/insight/debugger-stops';
import { eventually, extension, sessionIn, startDebugging, stopDebugging } from './workbench';

const javaScript = 'JavaScript: shop';

/** The next stop of a session with that label; to be called before what makes it stop. */
async function nextStop(label: string): Promise<DebuggerStop> {
  const { stops } = await extension().activate();
  return new Promise((resolve) => {
    const listener = stops.onDidChange(({ stop }) => {
      // Figures of an earlier session's last stop may come after its end.
      if (stop?.label !== label) return;
      listener.dispose();
      resolve(stop);
    });
  });
}

/** Where a text stands in a file of the workspace. */
async function locate(file: string, text: string): Promise<vscode.Location> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder);
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, file));
  return new vscode.Location(document.uri, document.positionAt(document.getText().indexOf(text)));
}

describe('network insight', () => {
  afterEach(async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await vscode.commands.executeCommand('procnetmon.removeAllBreakpoints');
    await stopDebugging();
  });

  it('tells at a stop what the program did since it went on, and marks it in the history', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    const stopping = nextStop(javaScript);
    // At a place in the program itself: whoever asks the JavaScript debugger to pause inside of the runtime, which the
    // demo has it skip, may wait for long.
    const place = await locate('javascript/shop.mjs', 'JSON.parse(body)');
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(place)]);
    const stop = await stopping;
    assert.equal(stop.session, session.id);
    assert.ok(stop.tx > 0 && stop.rx > 0, JSON.stringify(stop));
    assert.ok(stop.opened > 0 && stop.peers.length > 0, JSON.stringify(stop));
    assert.deepEqual(stop.place, { path: place.uri.fsPath, line: place.range.start.line + 1 });
    await eventually(({ store }) => store.get(session.id)?.marks.find(({ kind }) => kind === 'stopped'));
  });

  for (const configuration of [javaScript, 'Python: courier', 'C: echo']) {
    it(`pauses a program that was asked to before it had a thread: ${configuration}`, async () => {
      const { store, stops } = await extension().activate();
      const stopping = nextStop(configuration);
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
      assert.equal(await stops.pause((await stopping).session), 'standing');
    });
  }

  // Connecting to anything: a debugger does so itself, before the program has a thread.
  for (const breakpoint of [
    { kind: 'send', bytes: 1_000, filter: 'proto:tcp' },
    { kind: 'connect', filter: '' },
  ]) {
    it(`pauses the program at a network breakpoint: ${breakpoint.kind}`, async () => {
      await vscode.commands.executeCommand('procnetmon.addBreakpoint', breakpoint);
      const stopping = nextStop(javaScript);
      await startDebugging(javaScript);
      await stopping;
    });
  }
});
