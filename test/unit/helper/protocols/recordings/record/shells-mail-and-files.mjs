// Servers that people log in to, for a shell, mail or files.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { file, files } from './files.mjs';
import { command, freePort, whileRunning } from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  ssh: async () => {
    const port = await freePort();
    execFileSync('install', ['-d', '/run/sshd']);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('host')]);
    await writeFile(
      file('sshd.conf'),
      `HostKey ${file('host')}\nListenAddress 127.0.0.1:${port}\nPidFile none\nUsePAM no\n`,
    );
    return whileRunning('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd.conf')], port, () =>
      throughTcp(22, port, (proxy) =>
        command('ssh', [
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
          '-o',
          'BatchMode=yes',
          '-p',
          String(proxy),
          'nobody@127.0.0.1',
          'true',
        ]),
      ),
    );
  },
  smtp: () =>
    smtp(
      `import smtplib,sys; s=smtplib.SMTP('127.0.0.1',int(sys.argv[1])); s.ehlo('client.example.org'); s.sendmail('a@example.org',['b@example.org'],'SECRET-BODY'); s.quit()`,
    ),
  'smtp-tls': () =>
    smtp(
      `import smtplib,ssl,sys; s=smtplib.SMTP('127.0.0.1',int(sys.argv[1])); c=ssl._create_unverified_context(); s.starttls(context=c); s.ehlo(); s.quit()`,
    ),
  ftp: () =>
    ftp(
      `import ftplib,sys; f=ftplib.FTP(); f.connect('127.0.0.1',int(sys.argv[1])); f.login('nobody','SECRET-PASSWORD')`,
    ),
  'ftp-tls': () =>
    ftp(
      `import ftplib,ssl,sys; f=ftplib.FTP_TLS(context=ssl._create_unverified_context()); f.connect('127.0.0.1',int(sys.argv[1])); f.auth(); f.quit()`,
      [
        `ssl_enable=YES`,
        `rsa_cert_file=${files.cert}`,
        `rsa_private_key_file=${files.key}`,
        'require_ssl_reuse=NO',
      ],
    ),
};

async function smtp(client) {
  const port = await freePort();
  const program = `
import ssl,time
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain('${files.cert}','${files.key}')
Controller(Sink(),hostname='127.0.0.1',port=${port},tls_context=c,ident='Python SMTP').start()
time.sleep(30)
`;
  return whileRunning('/usr/bin/python3', ['-c', program], port, () =>
    throughTcp(25, port, (proxy) => command('python3', ['-c', client, String(proxy)])),
  );
}

async function ftp(client, options = []) {
  const port = await freePort();
  execFileSync('install', ['-d', '/var/run/vsftpd/empty']);
  const configuration = [
    'listen=YES',
    'listen_address=127.0.0.1',
    `listen_port=${port}`,
    'anonymous_enable=NO',
    'local_enable=YES',
    'secure_chroot_dir=/var/run/vsftpd/empty',
    'background=NO',
    ...options,
  ];
  await writeFile(file('vsftpd.conf'), `${configuration.join('\n')}\n`);
  return whileRunning('vsftpd', [file('vsftpd.conf')], port, () =>
    throughTcp(21, port, (proxy) => command('python3', ['-c', client, String(proxy)])),
  );
}
