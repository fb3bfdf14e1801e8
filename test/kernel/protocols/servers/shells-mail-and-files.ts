// Servers that people log in to, for a shell, mail or files.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerHost } from '../server-host';
import { ports } from '../ports';

/** It wants a folder in /run and a user of its own, which it gets in a file system of its own. */
export function ssh(host: ServerHost): void {
  const key = join(host.folder, 'host_key');
  const passwords = join(host.folder, 'passwd');
  host.run([host.programs.find('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const users = readFileSync('/etc/passwd', 'utf8').replace(/^sshd:.*\n/m, '');
  writeFileSync(passwords, `${users}sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n`);
  const script = 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && mount --bind "$0" /etc/passwd && exec "$@"';
  host.startLine('sshd', [
    ...['unshare', '--mount', 'sh', '-c', script, passwords, host.programs.find('sshd')],
    ...['-D', '-e', '-f', '/dev/null', '-h', key, '-p', String(ports.ssh)],
    ...['-o', `ListenAddress=${host.address}`, '-o', `PidFile=${host.folder}/sshd.pid`],
  ]);
}

export function smtp(host: ServerHost): void {
  host.startPython('smtp_server', [host.address, String(ports.smtp), host.certificate, host.key]);
}

export function ftp(host: ServerHost): void {
  host.startPython('ftp_server', [host.address, String(ports.ftp), host.password, host.folder]);
}
