// The status bar against a transfer whose rate is known, because the sender keeps to it.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import * as vscode from 'vscode';
import { eventually, extension, sessionIn, setSetting } from './workbench';

const bytesPerSecond = 5_000_000;
const samples = 12;

/** Sends pieces of 64 kB so that what was sent follows the clock, however late a single piece is. */
const sender = `
  const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
  const piece = Buffer.alloc(65536);
  const begin = process.hrtime.bigint();
  let sent = 0;
  const send = () => {
    const due = Number(process.hrtime.bigint() - begin) / 1e9 * ${bytesPerSecond};
    while (sent + piece.length <= due) { socket.write(piece); sent += piece.length; }
    setTimeout(send, 2);
  };
  socket.on('connect', send);
  socket.on('error', () => process.exit());
`;

function shownRate(text: string): number {
  const [, digits, unit] = /↑\s*([\d.]+)\s*(kB|MB|GB)\/s/.exec(text.replace(/[\u2007\u2008]/g, '')) ?? [];
  const scale = { kB: 1e3, MB: 1e6, GB: 1e9 }[unit ?? ''];
  assert.ok(scale !== undefined, `no rate in ${JSON.stringify(text)}`);
  return Number(digits) * scale;
}

describe('the status bar', () => {
  before(() => setSetting('windowSeconds', 3));

  it('shows the rate of a steady transfer within 1 %', async () => {
    const server = createServer((socket) => socket.resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const child = spawn(process.execPath, ['-e', sender, String(port)], { stdio: 'inherit' });
    try {
      await once(child, 'spawn');
      assert.equal(await vscode.commands.executeCommand('procnetmon.monitorPid', child.pid), undefined);
      const { store } = await extension().activate();
      const session = store.sessions.at(-1);
      assert.ok(session);
      await sessionIn(session.label, 'watching');
      // Past one window only the transfer is in it; then one figure for each point of the history.
      const shown = new Map<number, number>();
      await eventually((api) => {
        const first = session.history[0];
        const last = session.history.at(-1);
        if (first === undefined || last === undefined || last.timeMillis - first.timeMillis < 4_000) {
          return undefined;
        }
        shown.set(last.timeMillis, shownRate(api.statusBarText ?? ''));
        return shown.size >= samples ? true : undefined;
      });
      const rates = [...shown.values()].sort((one, other) => one - other);
      const median = rates[Math.floor(rates.length / 2)] ?? 0;
      const deviation = Math.abs(median - bytesPerSecond) / bytesPerSecond;
      assert.ok(deviation <= 0.01, `${median} instead of ${bytesPerSecond}: ${rates.join(', ')}`);
    } finally {
      child.kill();
      server.close();
    }
  });

  it('is hidden once nothing is watched', async () => {
    await eventually((api) => (api.statusBarText === undefined ? true : undefined));
  });
});
