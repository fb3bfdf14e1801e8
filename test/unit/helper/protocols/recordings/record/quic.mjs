// QUIC.
import { file, files } from './files.mjs';
import { command, freePort, whileRunning } from './programs.mjs';
import { throughUdp } from './recording.mjs';

export const recordings = {
  'quic-v1': () => quic([]),
  'quic-v2-draft': () => quic(['-v', 'v2draft']),
  'quic-retry': () => quic([], ['-V']),
  'quic-unknown-version': () => quic(['-v', '0x1a2a3a4a']),
  'quic-chromium': async () => {
    const port = await freePort('udp');
    return whileRunning(
      'gtlsserver',
      ['-q', '127.0.0.1', String(port), files.key, files.cert],
      undefined,
      () =>
        throughUdp(443, port, (proxy) =>
          command('chromium', [
            ...['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${file('profile3')}`],
            ...['--enable-quic', `--origin-to-force-quic-on=quic.example.org:${proxy}`],
            ...[`--host-resolver-rules=MAP quic.example.org 127.0.0.1`, '--dump-dom'],
            `https://quic.example.org:${proxy}/`,
          ]),
        ),
    );
  },
};

async function quic(clientOptions, serverOptions = []) {
  const port = await freePort('udp');
  const server = [...serverOptions, '-q', '127.0.0.1', String(port), files.key, files.cert];
  return whileRunning('gtlsserver', server, undefined, () =>
    throughUdp(443, port, (proxy) =>
      command('gtlsclient', [
        ...['-q', '--exit-on-all-streams-close', ...clientOptions, '--sni', 'quic.example.org'],
        ...['127.0.0.1', String(proxy), 'https://quic.example.org/?q=SECRET-QUERY'],
      ]),
    ),
  );
}
