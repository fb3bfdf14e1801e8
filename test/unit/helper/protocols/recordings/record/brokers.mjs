// Brokers of messages.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { file, temporary } from './files.mjs';
import { command, freePort, fromNpm, swallow, whileListening, whileRunning } from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  mqtt: () => mqtt('mqttv311'),
  'mqtt-5': () => mqtt('mqttv5'),
  'mqtt-refused': () => mqtt('mqttv311', 'allow_anonymous false\n'),
  'amqp-0-9-1': () =>
    whileListening(swallow(), (port) =>
      throughTcp(5672, port, (proxy) => {
        fromNpm('amqplib')
          .connect(`amqp://user:SECRET-PASSWORD@127.0.0.1:${proxy}`)
          .catch(() => {});
        return sleep(400);
      }),
    ),
  'amqp-1.0': async () => {
    const rhea = fromNpm('rhea');
    const broker = rhea.create_container();
    const server = broker.listen({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    const recording = await throughTcp(5672, server.address().port, async (proxy) => {
      const connection = rhea
        .create_container()
        .connect({ port: proxy, host: '127.0.0.1', reconnect: false });
      await sleep(400);
      connection.close();
    });
    server.close();
    return recording;
  },
  kafka: () =>
    whileListening(swallow(), (port) =>
      throughTcp(9092, port, (proxy) => {
        const { Kafka, logLevel } = fromNpm('kafkajs');
        const admin = new Kafka({
          clientId: 'shop',
          brokers: [`127.0.0.1:${proxy}`],
          logLevel: logLevel.NOTHING,
          retry: { retries: 0 },
        }).admin();
        admin.connect().catch(() => {});
        return sleep(500);
      }),
    ),
  nats: async () => {
    const port = await freePort();
    return whileRunning('nats-server', ['-a', '127.0.0.1', '-p', String(port)], port, () =>
      throughTcp(4222, port, async (proxy) => {
        const connection = await fromNpm('nats').connect({
          servers: `127.0.0.1:${proxy}`,
          user: 'user',
          pass: 'SECRET-PASSWORD',
        });
        await connection.close();
      }),
    );
  },
};

async function mqtt(version, configuration = 'allow_anonymous true\n') {
  const port = await freePort();
  execFileSync('chmod', ['755', temporary]);
  await writeFile(file('mosquitto.conf'), `listener ${port} 127.0.0.1\n${configuration}`);
  return whileRunning('mosquitto', ['-c', file('mosquitto.conf')], port, () =>
    throughTcp(1883, port, (proxy) =>
      command('mosquitto_pub', [
        '-p',
        String(proxy),
        '-V',
        version,
        '-u',
        'user',
        '-P',
        'SECRET-PASSWORD',
        '-t',
        'topic',
        '-m',
        'SECRET-BODY',
      ]),
    ),
  );
}
