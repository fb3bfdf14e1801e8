// Brokers of messages.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerHost } from '../server-host';
import { ports } from '../ports';

export function mosquitto(host: ServerHost): void {
  const file = join(host.folder, 'mosquitto.conf');
  writeFileSync(file, `listener ${String(ports.mqtt)} ${host.address}\nallow_anonymous true\nuser root\n`);
  host.start('mosquitto', ['-c', file]);
}

/** A broker on Apache Qpid's own engine. */
export function qpid(host: ServerHost): void {
  const file = join(host.folder, 'broker.py');
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
  host.start('python3', [file, `${host.address}:${String(ports.amqp)}`]);
}

/**
 * It looks for its parts in /usr: what was unpacked is laid over that, in a file system of its own. What it starts
 * beside itself ends with it, in a process namespace of its own.
 */
export function rabbitmq(host: ServerHost): void {
  const home = join(host.folder, 'rabbitmq');
  mkdirSync(home);
  const configuration = join(home, 'rabbitmq.conf');
  writeFileSync(
    configuration,
    `listeners.tcp.1 = ${host.address}:${String(ports.amqp091)}
loopback_users = none
default_user = shop
default_pass = ${host.password}
`,
  );
  writeFileSync(join(home, 'enabled_plugins'), '[].\n');
  const settings = {
    ...{ HOME: home, RABBITMQ_CONFIG_FILE: configuration, RABBITMQ_NODENAME: 'rabbit@localhost' },
    ...{ RABBITMQ_MNESIA_BASE: home, RABBITMQ_LOG_BASE: home, RABBITMQ_LOGS: '-' },
    ...{ RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins') },
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none',
  };
  const unpacked = join(host.programs.root, 'usr');
  const script = '[ ! -d "$0" ] || mount -t overlay overlay -o "lowerdir=$0:/usr" /usr; exec "$@"';
  host.startLine('rabbitmq', [
    ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', script, unpacked, 'env'],
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    '/usr/lib/rabbitmq/bin/rabbitmq-server',
  ]);
}

export function nats(host: ServerHost): void {
  host.start('nats-server', ['-a', host.address, '-p', String(ports.nats)]);
}
