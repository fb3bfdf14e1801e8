// The temporary folder of a run, with a certificate for its servers.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const temporary = await mkdtemp(path.join(tmpdir(), 'recordings-'));

/** Path of a file in it. */
export const file = (name) => path.join(temporary, name);

function certificate() {
  const key = file('key.pem');
  const cert = file('cert.pem');
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '30',
      ],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=service.example.org'],
      ...['-addext', 'subjectAltName=DNS:service.example.org'],
    ],
    { stdio: 'ignore' },
  );
  return { key, cert };
}

/** Paths of the certificate and its key. */
export const files = certificate();

/** Both, read. */
export const pair = { key: readFileSync(files.key), cert: readFileSync(files.cert) };
