// A program that sends something the moment it starts, in a window whose helper does not run yet: F5 waits for the
// helper, so nothing is missing from the figures.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { eventually, extension, sessionIn, stopDebugging } from './workbench';

const requestBytes = 100_000;
const answerBytes = 50_000;

/** One request as its very first act; then it keeps the connection and waits to be ended. */
const program = `
  const socket = require('node:net').connect(Number(process.argv[2]), '127.0.0.1');
  socket.write(Buffer.alloc(${requestBytes}));
  socket.resume();
`;

describe('the first moments', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-first-'));
  });
  after(async () => {
    await stopDebugging();
    rmSync(folder, { recursive: true });
  });

  it('are counted in full, though the helper was not running before F5', async () => {
    const server = createServer((socket) => {
      let received = 0;
      socket.on('error', () => undefined);
      socket.on('data', (piece) => {
        received += piece.length;
        if (received === requestBytes) socket.write(Buffer.alloc(answerBytes));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const file = path.join(folder, 'first.js');
    writeFileSync(file, program);
    const name = 'first request';
    const api = await extension().activate();
    assert.equal(api.helperPid, undefined);
    // The editor asks for trackers right before it starts the debug adapter, and so the program.
    const helperAtLaunch: (number | undefined)[] = [];
    const launches = vscode.debug.registerDebugAdapterTrackerFactory('*', {
      createDebugAdapterTracker: () => {
        helperAtLaunch.push(api.helperPid);
        return undefined;
      },
    });
    try {
      const configuration = { type: 'node', request: 'launch', name, program: file, args: [String(port)] };
      assert.ok(await vscode.debug.startDebugging(undefined, configuration));
      const session = await sessionIn(name, 'watching');
      const payload = await eventually(() => {
        const flow = [...session.flows.values()].find(({ remote }) => remote?.port === port);
        return (flow?.payload.rxBytes ?? 0) >= answerBytes ? flow?.payload : undefined;
      });
      assert.equal(typeof helperAtLaunch[0], 'number', 'The launch did not wait for the helper.');
      assert.deepEqual(payload, { txBytes: requestBytes, rxBytes: answerBytes });
    } finally {
      launches.dispose();
      server.close();
    }
  });
});
