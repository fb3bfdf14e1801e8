// What debuggers speak.
import http from 'node:http';
import { connect } from 'node:net';
import { file } from './files.mjs';
import { request } from './http-calls.mjs';
import { freePort, whileRunning } from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  'node-inspector': async () => {
    const port = await freePort();
    return whileRunning(
      process.execPath,
      [`--inspect=127.0.0.1:${port}`, '-e', 'setInterval(() => {}, 1000)'],
      port,
      () =>
        throughTcp(9229, port, async (proxy) => {
          const list = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
          await new Promise((resolve) => {
            const socket = new WebSocket(`ws://127.0.0.1:${proxy}/${list[0].id}`);
            socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Runtime.enable' }));
            socket.onmessage = () => (socket.close(), resolve());
          });
        }),
    );
  },
  'node-inspector-list': async () => {
    const port = await freePort();
    return whileRunning(
      process.execPath,
      [`--inspect=127.0.0.1:${port}`, '-e', 'setInterval(() => {}, 1000)'],
      port,
      () => throughTcp(9229, port, (proxy) => request(http, { port: proxy, path: '/json/version' })),
    );
  },
  'chrome-devtools': async () => {
    const port = await freePort();
    return whileRunning(
      'chromium',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        `--user-data-dir=${file('profile')}`,
        `--remote-debugging-port=${port}`,
        'about:blank',
      ],
      port,
      () =>
        throughTcp(9222, port, async (proxy) => {
          const { webSocketDebuggerUrl } = await (
            await fetch(`http://127.0.0.1:${port}/json/version`)
          ).json();
          await new Promise((resolve) => {
            const socket = new WebSocket(`ws://127.0.0.1:${proxy}${new URL(webSocketDebuggerUrl).pathname}`);
            socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'Browser.getVersion' }));
            socket.onmessage = () => (socket.close(), resolve());
          });
        }),
    );
  },
  'debug-adapter': async () => {
    const port = await freePort();
    return whileRunning(
      'python3',
      ['-m', 'debugpy.adapter', '--host', '127.0.0.1', '--port', String(port)],
      // It serves one connection only: asking whether it listens would use it up.
      undefined,
      () =>
        throughTcp(
          4711,
          port,
          (proxy) =>
            new Promise((resolve) => {
              const socket = connect(proxy, '127.0.0.1');
              const json = JSON.stringify({
                command: 'initialize',
                arguments: {
                  clientID: 'vscode',
                  clientName: 'Visual Studio Code',
                  adapterID: 'debugpy',
                  pathFormat: 'path',
                  linesStartAt1: true,
                  columnsStartAt1: true,
                  supportsVariableType: true,
                  supportsVariablePaging: true,
                  supportsRunInTerminalRequest: true,
                  locale: 'en',
                  supportsProgressReporting: true,
                },
                type: 'request',
                seq: 1,
              });
              socket.write(`Content-Length: ${json.length}\r\n\r\n${json}`);
              setTimeout(() => (socket.destroy(), resolve()), 1_500);
            }),
        ),
    );
  },
};
