// The servers, each as its package has it, started on one host of a pair. Their ports are not the usual ones: what is
// spoken has to be told by what is said.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../support/namespaces';
import type { RealPrograms } from './real-programs.mjs';

/** Names that the name server gives to the far host. */
export const zone = 'shop.test';

/** A public resolver's name, here that of the far host: an encrypted one is told by its name. */
export const resolver = 'dns.google';

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
  upgrade: 18_082,
  grpc: 15_051,
  websocket: 18_083,
  dot: 18_853,
  doh: 443,
  mysql: 13_999,
  amqp091: 15_673,
  smtp: 12_525,
  ftp: 12_121,
  stun: 13_479,
  ntp: 11_123,
  inspector: 19_229,
  bittorrent: 16_889,
  dtls: 18_447,
} as const;

/** Path of a program of the folder `peers`, by its name without `.py`. */
export function peerProgram(name: string): string {
  return fileURLToPath(new URL(`peers/${name}.py`, import.meta.url));
}

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
    this.#upgradingProxy();
    this.#mariadb();
    this.#rabbitmq();
    this.#python('grpc_server', [`${address}:${String(ports.grpc)}`]);
    this.#python('ftp_server', [address, String(ports.ftp), this.password, folder]);
    this.#python('smtp_server', [address, String(ports.smtp), this.#certificate, this.#key]);
    this.#spawn('websocketd', [`--address=${address}`, `--port=${String(ports.websocket)}`, 'cat']);
    this.#spawn('turnserver', [
      ...['-n', '-L', address, '-p', String(ports.stun), '--no-tls', '--no-dtls', '--no-cli', '--no-auth'],
      ...['--realm', zone, '--userdb', join(folder, 'turn.db'), '--pidfile', join(folder, 'turn.pid')],
      ...['--log-file', 'stdout'],
    ]);
    this.#unbound();
    this.#chrony();
    this.#bittorrent();
    this.#mdns();
    this.#spawnLine('node', [
      ...[process.execPath, `--inspect=${address}:${String(ports.inspector)}`],
      ...['-e', 'setInterval(() => undefined, 1_000)'],
    ]);
    this.#spawn('openssl', [
      ...['s_server', '-dtls', '-accept', `${address}:${String(ports.dtls)}`],
      ...['-cert', this.#certificate, '-key', this.#key, '-quiet'],
    ]);
    // The name server is asked over UDP as soon as it is there; the others without TCP to knock at have begun by the time
    // that the slowest of the rest answers.
    const withoutStreams: number[] = [ports.quic, ports.ntp, ports.dtls];
    const streams = Object.values(ports).filter((port) => !withoutStreams.includes(port));
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

  /** The file in which the name server notes what it is asked. */
  get questions(): string {
    return join(this.folder, 'questions.log');
  }

  get #certificate(): string {
    return join(this.folder, 'certificate.pem');
  }

  get #key(): string {
    return join(this.folder, 'key.pem');
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
      // Where some write what is left of them when they are killed.
      cwd: this.folder,
      stdio: 'ignore',
    });
    this.#children.push(child);
  }

  /** Starts a program of the folder `peers`. */
  #python(name: string, args: string[]): void {
    this.#spawnLine(name, [this.programs.find('python3'), peerProgram(name), ...args]);
  }

  async #answers(port: number): Promise<void> {
    const deadline = Date.now() + 60_000;
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
      `--host-record=${resolver},${this.address}`,
      ...[`--cname=www.${zone},far.${zone}`, `--local=/${zone}/`],
      ...['--dhcp-range=10.77.0.100,10.77.0.120,1h', '--dhcp-authoritative'],
      ...[`--dhcp-leasefile=${this.folder}/leases`, '--log-queries', `--log-facility=${this.questions}`],
    ]);
  }

  #nginx(): void {
    const { folder, address } = this;
    const tls = `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;`;
    // What a tracker of BitTorrent says: at this address somebody has it.
    const peer = `ld2:ip${String(address.length)}:${address}4:porti${String(ports.bittorrent)}eee`;
    const announce = `location /announce { return 200 "d8:intervali60e5:peers${peer}e"; }`;
    const places = `location / { return 200 "ok"; } location /missing { return 404; } ${announce}`;
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

  #mariadb(): void {
    const data = join(this.folder, 'mariadb');
    mkdirSync(data, { mode: 0o700 });
    run('chown', '65534:65534', data);
    const messages = join(this.#placeOf('/usr/share/mysql'), 'english');
    this.#spawnLine('mariadbd', [
      ...[this.programs.find('mariadbd'), '--no-defaults', `--datadir=${data}`, '--user=nobody'],
      ...[`--bind-address=${this.address}`, `--port=${String(ports.mysql)}`, '--skip-grant-tables'],
      ...[`--socket=${data}/socket`, `--pid-file=${data}/pid`, `--lc-messages-dir=${messages}`],
    ]);
  }

  /** Where a folder of the packages is: unpacked, or installed. */
  #placeOf(folder: string): string {
    const unpacked = join(this.programs.root, folder);
    return existsSync(unpacked) ? unpacked : folder;
  }

  /**
   * It looks for its parts in /usr: what was unpacked is laid over that, in a file system of its own. What it starts
   * beside itself ends with it, in a process namespace of its own.
   */
  #rabbitmq(): void {
    const home = join(this.folder, 'rabbitmq');
    mkdirSync(home);
    const configuration = join(home, 'rabbitmq.conf');
    writeFileSync(
      configuration,
      `listeners.tcp.1 = ${this.address}:${String(ports.amqp091)}
loopback_users = none
default_user = shop
default_pass = ${this.password}
`,
    );
    writeFileSync(join(home, 'enabled_plugins'), '[].\n');
    const settings = {
      ...{ HOME: home, RABBITMQ_CONFIG_FILE: configuration, RABBITMQ_NODENAME: 'rabbit@localhost' },
      ...{ RABBITMQ_MNESIA_BASE: home, RABBITMQ_LOG_BASE: home, RABBITMQ_LOGS: '-' },
      ...{ RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins') },
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none',
    };
    const unpacked = join(this.programs.root, 'usr');
    const script = '[ ! -d "$0" ] || mount -t overlay overlay -o "lowerdir=$0:/usr" /usr; exec "$@"';
    this.#spawnLine('rabbitmq', [
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', script, unpacked, 'env'],
      ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      '/usr/lib/rabbitmq/bin/rabbitmq-server',
    ]);
  }

  /** Speaks HTTP/1.1 and lets itself be talked into HTTP/2. */
  #upgradingProxy(): void {
    this.#spawn('nghttpx', [
      ...['--conf=/dev/null', `--frontend=${this.address},${String(ports.upgrade)};no-tls`, '--workers=1'],
      ...[`--backend=${this.address},${String(ports.http)}`, `--pid-file=${this.folder}/nghttpx.pid`],
    ]);
  }

  /** A name server behind TLS and behind HTTPS. */
  #unbound(): void {
    const file = join(this.folder, 'unbound.conf');
    const places = [ports.dot, ports.doh].map((port) => `  interface: ${this.address}@${String(port)}\n`);
    writeFileSync(
      file,
      `server:
${places.join('')}  tls-port: ${String(ports.dot)}
  https-port: ${String(ports.doh)}
  tls-service-key: "${this.#key}"
  tls-service-pem: "${this.#certificate}"
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "${this.folder}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  local-zone: "${zone}." static
  local-data: "www.${zone}. A ${this.address}"
remote-control:
  control-enable: no
`,
    );
    this.#spawn('unbound', ['-d', '-c', file]);
  }

  /** A clock that tells the time without ever having been told it. */
  #chrony(): void {
    const file = join(this.folder, 'chrony.conf');
    writeFileSync(
      file,
      `local stratum 3
port ${String(ports.ntp)}
bindaddress ${this.address}
allow all
cmdport 0
bindcmdaddress /
pidfile ${this.folder}/chrony.pid
`,
    );
    this.#spawn('chronyd', ['-d', '-x', '-u', 'root', '-f', file]);
  }

  /** Has a file that others want. */
  #bittorrent(): void {
    const { folder, address } = this;
    const torrent = join(folder, 'goods.torrent');
    writeFileSync(join(folder, 'goods'), 'goods '.repeat(50_000));
    mkdirSync(join(folder, 'transmission'));
    writeFileSync(join(folder, 'transmission', 'settings.json'), '{"utp-enabled": false}');
    const announce = `http://${address}:${String(ports.http)}/announce`;
    const create = this.programs.find('transmission-create');
    this.#run([create, '-o', torrent, '-t', announce, join(folder, 'goods')]);
    this.#spawn('aria2c', [
      ...[`--listen-port=${String(ports.bittorrent)}`, `--interface=${address}`, `--dir=${folder}`],
      ...['--enable-dht=false', '--seed-ratio=0.0', '--check-integrity=true', torrent],
    ]);
  }

  /** Tells everybody on the link of a service. */
  #mdns(): void {
    const file = join(this.folder, 'avahi.conf');
    writeFileSync(
      file,
      `[server]
host-name=far
use-ipv6=no
enable-dbus=no
[publish]
publish-workstation=yes
[rlimits]
`,
    );
    this.#spawn('avahi-daemon', ['-f', file, '--no-drop-root', '--no-chroot', '--no-rlimits']);
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
