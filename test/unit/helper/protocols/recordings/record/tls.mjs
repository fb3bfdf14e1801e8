// TLS by itself: its versions, choices and refusals.
import https from 'node:https';
import tls from 'node:tls';
import { pair } from './files.mjs';
import { answer } from './http-calls.mjs';
import { command, whileListening } from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  'tls13-node': () => tlsPair({ ALPNProtocols: ['h2', 'http/1.1'] }, { ALPNProtocols: ['h2', 'http/1.1'] }),
  'tls13-node-http1': () => tlsPair({ ALPNProtocols: ['http/1.1'] }, { ALPNProtocols: ['h2', 'http/1.1'] }),
  'tls13-refused-by-client': () => refusedByClient([]),
  'tls12-node': () =>
    tlsPair(
      { ALPNProtocols: ['h2', 'http/1.1'] },
      { ALPNProtocols: ['h2', 'http/1.1'], maxVersion: 'TLSv1.2' },
    ),
  'tls12-refused-by-client': () => refusedByClient(['--tls-max', '1.2']),
  'tls-version-refused': () => tlsPair({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }),
  'tls-no-application-protocol': () => tlsPair({ ALPNProtocols: ['http/1.1'] }, { ALPNProtocols: ['mqtt'] }),
  'tls13-retry': () => tlsPair({ ecdhCurve: 'P-384' }, { ecdhCurve: 'X25519:P-384' }),
  'tls13-openssl': () =>
    whileListening(
      tls.createServer(pair, (socket) => socket.on('error', () => {}).end('x')),
      (port) =>
        throughTcp(443, port, (proxy) =>
          command('openssl', [
            's_client',
            '-connect',
            `127.0.0.1:${proxy}`,
            '-servername',
            'service.example.org',
            '-alpn',
            'h2',
          ]),
        ),
    ),
};

async function tlsPair(serverOptions, clientOptions) {
  const server = tls.createServer({ ...pair, ...serverOptions }, (socket) => {
    socket.on('error', () => {});
    socket.write('SECRET-BODY');
    socket.on('data', () => socket.end());
  });
  server.on('tlsClientError', () => {});
  return whileListening(server, (port) =>
    throughTcp(
      443,
      port,
      (proxy) =>
        new Promise((resolve) => {
          const socket = tls.connect({
            port: proxy,
            host: '127.0.0.1',
            servername: 'service.example.org',
            rejectUnauthorized: false,
            ...clientOptions,
          });
          socket.once('secureConnect', () => socket.write('SECRET-BODY'));
          socket.on('data', () => {});
          socket.once('error', resolve);
          socket.once('close', resolve);
        }),
    ),
  );
}

/** curl does not know who issued the certificate, and says so. */
function refusedByClient(options) {
  return whileListening(https.createServer(pair, answer), (port) =>
    throughTcp(443, port, (proxy) =>
      command('curl', [
        ...['-s', ...options, '--resolve', `service.example.org:${proxy}:127.0.0.1`],
        `https://service.example.org:${proxy}/`,
      ]),
    ),
  );
}
