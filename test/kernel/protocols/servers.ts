// The servers, each as its package has it, started on one host of a pair. Their ports are not the usual ones: what is
// spoken has to be told by what is said.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../support/namespaces';
import type { RealPrograms } from './real-programs.mjs';

/** Names that the name server gives to the far host. */
export const zone = 'shop.test';

export const ports = {
  dns: 53,
  http: 18_080,
  https: 18_443,
  h2c: 18_081,
  quic: 18_444,
  postgresql: 15_999,
  redis: 16_999,
  mqtt: 11_999,
  amqp: 15_672,
  ssh: 12_222,
  memcached: 11_299,
  nats: 14_999,
} as const;

/** Servers in a network namespace, with files of their own below one folder. */
export class Servers {
  readonly #children: ChildProcess[] = [];

  constructor(
    private readonly programs: RealPrograms,
    private readonly folder: string,
    private readonly namespace: string,
    private readonly address: string,
  ) {}

  /** Starts all of them; resolves when each answers. */
  async start(): Promise<void> {
    const { address, folder } = this;
    chmodSync(folder, 0o755);
    this.#run([
      ...[this.programs.find('openssl'), 'req', '-x509', '-newkey', 'ec'],
      ...['-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${zone}`],
      ...['-addext', `subjectAltName=DNS:*.${zone}`],
      ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')],
    ]);
    chmodSync(join(folder, 'key.pem'), 0o644);
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${address}\n`);
    this.#dnsmasq();
    this.#nginx();
    this.#caddy();
    this.#postgresql();
    this.#redis();
    this.#mosquitto();
    this.#amqp();
    this.#ssh();
    this.#spawn('memcached', ['-u', 'nobody', '-l', address, '-p', String(ports.memcached)]);
    this.#spawn('nats-server', ['-a', address, '-p', String(ports.nats)]);
    // The name server is asked over UDP as soon as it is there; QUIC has no TCP to knock at.
    const streams = Object.values(ports).filter((port) => port !== ports.quic);
    await Promise.all(streams.map((port) => this.#answers(port)));
  }

  async stop(): Promise<void> {
    const children = this.#children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(
      children.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...this.programs.environment, HOME: this.folder };
  }

  /** Runs a program to its end. */
  #run([file = '', ...args]: string[]): void {
    execFileSync(file, args, { env: this.#environment, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /**
   * The command line that runs a program as nobody, who may not look into the cache of whoever runs the tests: what is
   * unpacked there is shown elsewhere.
   */
  #asNobody(command: string, args: string[]): string[] {
    const shown = join(this.folder, 'programs');
    const { root, find, environment } = this.programs;
    mkdirSync(shown, { recursive: true });
    const libraries = environment['LD_LIBRARY_PATH']?.replaceAll(root, shown) ?? '';
    const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
    return [
      ...['unshare', '--mount', 'sh', '-c', script, root, shown, 'env', `LD_LIBRARY_PATH=${libraries}`],
      ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
      ...[find(command).replace(root, shown), ...args],
    ];
  }

  /** Starts a program in the namespace. */
  #spawn(command: string, args: string[]): void {
    this.#spawnLine(command, [this.programs.find(command), ...args]);
  }

  #spawnLine(command: string, line: string[]): void {
    const log = join(this.folder, `${command}.log`);
    const inNamespace = ['nsenter', `--net=/run/netns/${this.namespace}`, ...line];
    const child = spawn('sh', ['-c', 'exec "$@" >>"$0" 2>&1 </dev/null', log, ...inNamespace], {
      env: this.#environment,
      stdio: 'ignore',
    });
    this.#children.push(child);
  }

  async #answers(port: number): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (Date.now() < deadline) {
      try {
        run(
          ...(['nsenter', `--net=/run/netns/${this.namespace}`, 'bash', '-c'] as const),
          `exec 3<>/dev/tcp/${this.address}/${String(port)}`,
        );
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`Nobody answers on port ${String(port)}; see the logs in ${this.folder}`);
  }

  #dnsmasq(): void {
    this.#spawn('dnsmasq', [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root'],
      ...[`--listen-address=${this.address}`, '--bind-interfaces', `--pid-file=${this.folder}/dnsmasq.pid`],
      ...[`--host-record=db.${zone},queue.${zone},far.${zone},${this.address}`],
      ...[`--cname=www.${zone},far.${zone}`, `--local=/${zone}/`],
    ]);
  }

  #nginx(): void {
    const { folder, address } = this;
    const tls = `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;`;
    const places = 'location / { return 200 "ok"; } location /missing { return 404; }';
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; user root; pid ${folder}/nginx.pid; error_log ${folder}/nginx-error.log;
      events {}
      http {
        access_log off; ssl_protocols TLSv1.2 TLSv1.3;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        server { listen ${address}:${String(ports.http)}; ${places} }
        server { listen ${address}:${String(ports.h2c)} http2; ${places} }
        server { listen ${address}:${String(ports.https)} ssl http2; ${tls} ${places} }
      }`,
    );
    this.#spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'nginx-error.log')]);
  }

  #caddy(): void {
    const { folder, address } = this;
    writeFileSync(
      join(folder, 'Caddyfile'),
      `{
        admin off
        auto_https off
        http_port 18445
        https_port ${String(ports.quic)}
      }
      https://www.${zone}:${String(ports.quic)} {
        bind ${address}
        tls ${folder}/certificate.pem ${folder}/key.pem
        respond "ok"
      }`,
    );
    this.#spawn('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']);
  }

  #postgresql(): void {
    const data = join(this.folder, 'postgresql');
    mkdirSync(data, { mode: 0o700 });
    run('chown', '65534:65534', data);
    const made = ['--no-sync', '--auth=scram-sha-256', '--username=shop', `--pwfile=${this.#passwordFile()}`];
    this.#run(this.#asNobody('initdb', [...made, '-D', data]));
    const settings = ['-c', 'fsync=off', '-c', `hba_file=${this.#hbaFile()}`];
    const place = ['-D', data, '-h', this.address, '-p', String(ports.postgresql), '-k', ''];
    this.#spawnLine('postgres', this.#asNobody('postgres', [...place, ...settings]));
  }

  #hbaFile(): string {
    const file = join(this.folder, 'pg_hba.conf');
    writeFileSync(file, 'host all all all scram-sha-256\n');
    chmodSync(file, 0o644);
    return file;
  }

  #passwordFile(): string {
    const file = join(this.folder, 'password');
    writeFileSync(file, this.password);
    chmodSync(file, 0o644);
    return file;
  }

  /** Of every server that wants one. */
  password = '';

  #redis(): void {
    this.#spawn('redis-server', [
      ...[
        '--bind',
        this.address,
        '--port',
        String(ports.redis),
        '--save',
        '',
        '--requirepass',
        this.password,
      ],
      ...['--dir', this.folder, '--daemonize', 'no'],
    ]);
  }

  #mosquitto(): void {
    const file = join(this.folder, 'mosquitto.conf');
    writeFileSync(file, `listener ${String(ports.mqtt)} ${this.address}\nallow_anonymous true\nuser root\n`);
    this.#spawn('mosquitto', ['-c', file]);
  }

  /** A broker on Apache Qpid's own engine. */
  #amqp(): void {
    const file = join(this.folder, 'broker.py');
    writeFileSync(
      file,
      `import sys
from proton.handlers import MessagingHandler
from proton.reactor import Container
class Broker(MessagingHandler):
    def on_start(self, event):
        event.container.listen(sys.argv[1])
    def on_link_opening(self, event):
        if event.link.is_sender: event.link.source.address = event.link.remote_source.address
        else: event.link.target.address = event.link.remote_target.address
Container(Broker()).run()
`,
    );
    this.#spawn('python3', [file, `${this.address}:${String(ports.amqp)}`]);
  }

  /** It wants a folder in /run and a user of its own, which it gets in a file system of its own. */
  #ssh(): void {
    const key = join(this.folder, 'host_key');
    const passwords = join(this.folder, 'passwd');
    this.#run([this.programs.find('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const users = readFileSync('/etc/passwd', 'utf8').replace(/^sshd:.*\n/m, '');
    writeFileSync(passwords, `${users}sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n`);
    const script =
      'mount -t tmpfs tmpfs /run && mkdir /run/sshd && mount --bind "$0" /etc/passwd && exec "$@"';
    this.#spawnLine('sshd', [
      ...['unshare', '--mount', 'sh', '-c', script, passwords, this.programs.find('sshd')],
      ...['-D', '-e', '-f', '/dev/null', '-h', key, '-p', String(ports.ssh)],
      ...['-o', `ListenAddress=${this.address}`, '-o', `PidFile=${this.folder}/sshd.pid`],
    ]);
  }
}
