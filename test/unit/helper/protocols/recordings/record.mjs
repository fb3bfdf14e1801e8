// Records the first bytes of real conversations between real programs: a proxy between them writes down what passes.
//   node record.mjs [NAME...]      without names, everything whose programs are installed
// README.md says what has to be installed, and what the format is. Everything runs on loopback, in a temporary folder.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = import.meta.dirname;
const maximumPiece = 2_500;
const maximumPieces = 12;

/** Clients from the npm registry, in a folder of their own; see README.md. */
const fromNpm = createRequire(path.join(process.env['RECORDING_PACKAGES'] ?? process.cwd(), 'package.json'));

class Recording {
  #lines = [];
  #count = { '>': 0, '<': 0 };
  #offset = { '>': 0, '<': 0 };
  #start;

  constructor(transport, port) {
    this.head = `# ${transport} ${port}`;
    this.transport = transport;
  }

  add(direction, bytes) {
    this.#start ??= process.hrtime.bigint();
    const micros = (process.hrtime.bigint() - this.#start) / 1000n;
    const offset = this.#offset[direction];
    this.#offset[direction] += this.transport === 'tcp' ? bytes.length : 0;
    this.#count[direction] += 1;
    if (this.#count[direction] > maximumPieces) return;
    const kept = bytes.subarray(0, maximumPiece);
    const cut = kept.length < bytes.length ? '+' : '';
    this.#lines.push(`${direction} ${micros} ${offset} ${kept.toString('hex')}${cut}`);
  }

  get text() {
    return `${[this.head, ...this.#lines].join('\n')}\n`;
  }
}

async function freePort(type = 'tcp') {
  if (type === 'udp') {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    await new Promise((resolve) => socket.close(resolve));
    return port;
  }
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function waitForPort(port) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`Nothing listens on ${port}.`);
}

/** Records the first connection that a client makes through the proxy. `port` is the one that the protocol uses. */
async function throughTcp(port, upstream, client) {
  const recording = new Recording('tcp', port);
  let first = true;
  const sockets = new Set();
  const proxy = createServer((near) => {
    const far = connect(upstream, '127.0.0.1');
    const records = first;
    first = false;
    for (const [from, to, direction] of [
      [near, far, '>'],
      [far, near, '<'],
    ]) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (records) recording.add(direction, bytes);
        to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await Promise.race([client(proxy.address().port), sleep(10_000)]);
    await sleep(100);
  } catch (error) {
    console.error(`  the client ended with ${error.message?.split('\n')[0]}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  }
  return recording;
}

async function throughUdp(port, upstream, client) {
  const recording = new Recording('udp', port);
  const near = createSocket('udp4');
  const far = createSocket('udp4');
  let peer;
  near.on('message', (bytes, from) => {
    peer = from;
    recording.add('>', bytes);
    far.send(bytes, upstream, '127.0.0.1');
  });
  far.on('message', (bytes) => {
    recording.add('<', bytes);
    near.send(bytes, peer.port, peer.address);
  });
  await new Promise((resolve) => near.bind(0, '127.0.0.1', resolve));
  await new Promise((resolve) => far.bind(0, '127.0.0.1', resolve));
  try {
    await Promise.race([client(near.address().port), sleep(8_000)]);
  } catch (error) {
    console.error(`  the client ended with ${error.message?.split('\n')[0]}`);
  }
  near.close();
  far.close();
  return recording;
}

function command(name, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 8_000, ...options });
    child.stdin.end(options.input ?? '');
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (status) => {
      if (process.env['RECORDING_VERBOSE']) console.error(output);
      resolve({ status, output });
    });
  });
}

/** Runs a server while something else happens. */
async function whileRunning(name, args, port, action, options = {}) {
  const child = spawn(name, args, {
    stdio: process.env['RECORDING_VERBOSE'] ? 'inherit' : 'ignore',
    ...options,
  });
  const failed = new Promise((_, reject) => child.once('error', reject));
  try {
    await Promise.race([failed, port === undefined ? sleep(2_500) : waitForPort(port)]);
    return await Promise.race([failed, action()]);
  } finally {
    child.kill();
  }
}

const temporary = await mkdtemp(path.join(tmpdir(), 'recordings-'));
const file = (name) => path.join(temporary, name);

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
const files = certificate();
const { readFileSync } = await import('node:fs');
const pair = { key: readFileSync(files.key), cert: readFileSync(files.cert) };

/** A server of Node's while something happens. */
async function whileListening(server, action) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await action(server.address().port);
  } finally {
    server.close();
    server.closeAllConnections?.();
  }
}

function request(module, options, body) {
  return new Promise((resolve, reject) => {
    const call = module.request({ host: '127.0.0.1', ...options }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    call.once('error', reject);
    call.end(body);
  });
}

const answer = (call, response) => {
  call.resume();
  const status = call.url?.startsWith('/missing') ? 404 : 200;
  response.writeHead(status, { 'content-type': 'text/plain', 'set-cookie': 'session=SECRET-COOKIE' });
  response.end('SECRET-BODY of the answer');
};

const secretHeaders = { authorization: 'Bearer SECRET-TOKEN', cookie: 'id=SECRET-COOKIE' };

/** A server that swallows what it gets: some clients need no answer for their first bytes. */
const swallow = () => createServer((socket) => socket.on('data', () => {}).on('error', () => {}));

async function tlsPair(serverOptions, clientOptions, action = () => {}) {
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
          socket.once('secureConnect', () => (action(socket), socket.write('SECRET-BODY')));
          socket.on('data', () => {});
          socket.once('error', resolve);
          socket.once('close', resolve);
        }),
    ),
  );
}

const recordings = {
  'http1-keep-alive': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(80, port, async (proxy) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const headers = { host: 'shop.example.org:8080', ...secretHeaders };
        await request(http, { port: proxy, path: '/cart?token=SECRET-QUERY', agent, headers });
        await request(
          http,
          { port: proxy, path: '/order;v=SECRET-QUERY/1?x=SECRET-QUERY', method: 'POST', agent, headers },
          'SECRET-BODY',
        );
        await request(http, { port: proxy, path: '/missing', agent, headers });
        agent.destroy();
      }),
    ),
  'http1-pipelined': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(
        80,
        port,
        (proxy) =>
          new Promise((resolve) => {
            const socket = connect(proxy, '127.0.0.1');
            const one = (name) => `GET /${name}?q=SECRET-QUERY HTTP/1.1\r\nHost: shop.example.org\r\n\r\n`;
            socket.write(one('first') + one('missing') + one('third'));
            socket.on('data', () => {});
            setTimeout(() => (socket.destroy(), resolve()), 300);
          }),
      ),
    ),
  'http1-curl': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(80, port, (proxy) =>
        command('curl', [
          '-s',
          '-u',
          'user:SECRET-PASSWORD',
          '--resolve',
          `files.example.org:${proxy}:127.0.0.1`,
          `http://files.example.org:${proxy}/a/b?c=SECRET-QUERY`,
        ]),
      ),
    ),
  'http2-prior-knowledge': () => {
    const server = http2.createServer((call, response) => answer(call, response));
    return whileListening(server, (port) =>
      throughTcp(80, port, async (proxy) => {
        const session = http2.connect(`http://127.0.0.1:${proxy}`);
        const call = (headers, body) =>
          new Promise((resolve, reject) => {
            const stream = session.request({ ':authority': 'api.example.org', ...secretHeaders, ...headers });
            stream.resume().once('end', resolve).once('error', reject);
            stream.end(body);
          });
        await Promise.all([
          call({ ':path': '/items?token=SECRET-QUERY' }),
          call({ ':path': '/missing', ':method': 'POST' }, 'SECRET-BODY'),
        ]);
        await call({ ':path': '/items?token=SECRET-QUERY' });
        session.close();
      }),
    );
  },
  'http2-upgrade': () => {
    const server = http.createServer().on('upgrade', (_call, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      http2.performServerHandshake(socket).on('error', () => {});
    });
    return whileListening(server, (port) =>
      throughTcp(80, port, (proxy) =>
        command('curl', [
          ...['-s', '--http2', '--max-time', '1', '--resolve', `api.example.org:${proxy}:127.0.0.1`],
          `http://api.example.org:${proxy}/items?q=SECRET-QUERY`,
        ]),
      ),
    );
  },
  grpc: () => {
    const grpc = fromNpm('@grpc/grpc-js');
    const bytes = { serialize: (value) => value, deserialize: (value) => value };
    const method = (path) => ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes.serialize,
      requestDeserialize: bytes.deserialize,
      responseSerialize: bytes.serialize,
      responseDeserialize: bytes.deserialize,
    });
    const service = { Get: method('/shop.Cart/Get'), Fail: method('/shop.Cart/Fail') };
    const server = new grpc.Server();
    server.addService(service, {
      Get: (_call, done) => done(null, Buffer.from('SECRET-BODY')),
      Fail: (_call, done) => done({ code: grpc.status.PERMISSION_DENIED, details: 'SECRET-BODY' }),
    });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) return reject(error);
        throughTcp(50051, port, async (proxy) => {
          const Client = grpc.makeClientConstructor(service, 'shop.Cart');
          const client = new Client(`127.0.0.1:${proxy}`, grpc.credentials.createInsecure());
          const metadata = new grpc.Metadata();
          metadata.set('authorization', 'Bearer SECRET-TOKEN');
          for (const name of ['Get', 'Fail'])
            await new Promise((done) => client[name](Buffer.from('SECRET-BODY'), metadata, () => done()));
          client.close();
        }).then((recording) => (server.forceShutdown(), resolve(recording)), reject);
      });
    });
  },
  websocket: () => {
    const { WebSocketServer } = fromNpm('ws');
    const server = http.createServer();
    new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', () => socket.close()));
    return whileListening(server, (port) =>
      throughTcp(
        80,
        port,
        (proxy) =>
          new Promise((resolve) => {
            const socket = new WebSocket(`ws://127.0.0.1:${proxy}/live?token=SECRET-QUERY`);
            socket.onopen = () => socket.send('SECRET-BODY');
            socket.onclose = resolve;
          }),
      ),
    );
  },
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
  https: () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        request(https, {
          port: proxy,
          servername: 'www.example.org',
          rejectUnauthorized: false,
          path: '/?q=SECRET-QUERY',
          agent: false,
        }),
      ),
    ),
  'https-curl': () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        command('curl', [
          '-sk',
          '--resolve',
          `www.example.org:${proxy}:127.0.0.1`,
          `https://www.example.org:${proxy}/`,
        ]),
      ),
    ),
  'https-chromium': () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        command('chromium', [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--ignore-certificate-errors',
          `--user-data-dir=${file('profile2')}`,
          `--host-resolver-rules=MAP www.example.org 127.0.0.1:${proxy}`,
          '--dump-dom',
          `https://www.example.org/`,
        ]),
      ),
    ),
  'http-connect-proxy': () => {
    const target = https.createServer(pair, answer);
    return whileListening(target, (port) => {
      const proxyServer = http.createServer().on('connect', (_call, near, head) => {
        const far = connect(port, '127.0.0.1', () => {
          near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
          far.write(head);
          far.pipe(near).pipe(far);
        });
        near.on('error', () => far.destroy());
        far.on('error', () => near.destroy());
      });
      return whileListening(proxyServer, (proxyPort) =>
        throughTcp(3128, proxyPort, (proxy) =>
          command('curl', [
            '-sk',
            '-x',
            `http://user:SECRET-PASSWORD@127.0.0.1:${proxy}`,
            'https://inside.example.org/?q=SECRET-QUERY',
          ]),
        ),
      );
    });
  },
  postgresql: () => postgresql([], 'sslmode=disable'),
  'postgresql-tls': () =>
    postgresql(
      ['-c', 'ssl=on', '-c', `ssl_cert_file=${files.cert}`, '-c', `ssl_key_file=${files.key}`],
      'sslmode=require',
    ),
  'postgresql-tls-refused': () => postgresql([], 'sslmode=prefer'),
  'postgresql-no-database': () => postgresql([], 'sslmode=disable', 'nowhere'),
  mysql: () => mysql(['--skip-ssl']),
  'mysql-tls': () =>
    mysql(['--ssl', '--ssl-verify-server-cert=0'], ['--ssl-cert', files.cert, '--ssl-key', files.key]),
  'mysql-refused': () => mysql(['--skip-ssl', '--user=nobody', '--password=SECRET-PASSWORD']),
  redis: async () => {
    const port = await freePort();
    return whileRunning(
      'redis-server',
      ['--port', String(port), '--save', '', '--requirepass', 'SECRET-PASSWORD'],
      port,
      () =>
        throughTcp(6379, port, (proxy) =>
          command('redis-cli', [
            '-p',
            String(proxy),
            '-3',
            '-a',
            'SECRET-PASSWORD',
            'SET',
            'key',
            'SECRET-BODY',
          ]),
        ),
    );
  },
  memcached: async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
      port,
      () => throughTcp(11211, port, (proxy) => lines(proxy, ['set key 0 60 11', 'SECRET-BODY', 'get key'])),
    );
  },
  'memcached-meta': async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
      port,
      () => throughTcp(11211, port, (proxy) => lines(proxy, ['mg key v t', 'mn'])),
    );
  },
  'memcached-binary': async () => {
    const port = await freePort();
    return whileRunning(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0', '-B', 'auto'],
      port,
      () =>
        throughTcp(11211, port, (proxy) =>
          raw(proxy, Buffer.from('800000030000000000000003000000000000000000000000', 'hex'), 'key'),
        ),
    );
  },
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
  mongodb: () =>
    whileListening(swallow(), (port) =>
      throughTcp(27017, port, (proxy) => {
        const { MongoClient } = fromNpm('mongodb');
        const client = new MongoClient(`mongodb://127.0.0.1:${proxy}/?serverSelectionTimeoutMS=400`);
        return client.connect().catch(() => {});
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
  dns: () => dns((proxy) => command('dig', ['@127.0.0.1', '-p', String(proxy), 'alias.example.org'])),
  'dns-missing': () =>
    dns((proxy) =>
      command('dig', ['@127.0.0.1', '-p', String(proxy), '+noedns', 'nowhere.example.org', 'AAAA']),
    ),
  'dns-tcp': () =>
    dns((proxy) => command('dig', ['@127.0.0.1', '-p', String(proxy), '+tcp', 'alias.example.org']), 'tcp'),
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
  stun: async () => {
    const port = await freePort('udp');
    return throughUdp(3478, port, (proxy) =>
      datagram(proxy, Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex')),
    );
  },
  bittorrent: () =>
    whileListening(swallow(), (port) =>
      throughTcp(6881, port, (proxy) =>
        raw(
          proxy,
          Buffer.concat([
            Buffer.from('\x13BitTorrent protocol', 'latin1'),
            Buffer.alloc(8),
            Buffer.alloc(40, 7),
          ]),
        ),
      ),
    ),
  ntp: async () => {
    const upstream = await freePort('udp');
    await writeFile(
      file('chrony.conf'),
      `port ${upstream}\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 5\ncmdport 0\nbindcmdaddress /\npidfile ${file('chrony.pid')}\n`,
    );
    return whileRunning('chronyd', ['-x', '-d', '-u', 'root', '-f', file('chrony.conf')], undefined, () =>
      throughUdp(123, upstream, async (proxy) => {
        const query = Buffer.alloc(48);
        query[0] = 0x23;
        query.writeUInt32BE(Math.floor(Date.now() / 1000) + 2_208_988_800, 40);
        await datagram(proxy, query);
      }),
    );
  },
};

async function datagram(port, bytes) {
  const socket = createSocket('udp4');
  socket.send(bytes, port, '127.0.0.1');
  await sleep(300);
  socket.close();
}

function raw(port, ...pieces) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('data', () => {});
    for (const piece of pieces) socket.write(piece);
    setTimeout(() => (socket.destroy(), resolve()), 300);
  });
}

const lines = (port, texts) => raw(port, ...texts.map((text) => `${text}\r\n`));

async function postgresql(options, parameters, database = 'postgres') {
  const bin = '/usr/lib/postgresql/15/bin';
  const data = file(`postgresql-${Date.now()}`);
  const as = ['runuser', '-u', 'postgres', '--'];
  execFileSync('chmod', ['755', temporary]);
  execFileSync('install', ['-d', '-o', 'postgres', data]);
  execFileSync('chown', ['postgres', files.key]);
  execFileSync(as[0], [...as.slice(1), `${bin}/initdb`, '-D', data, '-A', 'trust'], { stdio: 'ignore' });
  const port = await freePort();
  const recording = await whileRunning(
    as[0],
    [...as.slice(1), `${bin}/postgres`, '-D', data, '-p', String(port), '-k', '', ...options],
    port,
    () =>
      throughTcp(5432, port, (proxy) =>
        command('psql', [
          `host=127.0.0.1 port=${proxy} user=postgres dbname=${database} gssencmode=disable ${parameters}`,
          '-c',
          `select 'SECRET-BODY'`,
        ]),
      ),
  );
  return recording;
}

async function mysql(clientOptions, serverOptions = []) {
  const data = file(`mysql-${Date.now()}`);
  execFileSync('chmod', ['755', temporary]);
  execFileSync(
    'mariadb-install-db',
    ['--user=mysql', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
    { stdio: 'ignore' },
  );
  execFileSync('chown', ['mysql', files.key]);
  const port = await freePort();
  return whileRunning(
    'mariadbd',
    [
      '--no-defaults',
      '--user=mysql',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${data}/socket`,
      ...serverOptions,
    ],
    port,
    () =>
      throughTcp(3306, port, (proxy) =>
        command('mariadb', [
          '--no-defaults',
          '-h',
          '127.0.0.1',
          '-P',
          String(proxy),
          '-u',
          'root',
          ...clientOptions,
          '-e',
          `select 'SECRET-BODY'`,
        ]),
      ),
  );
}

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

async function dns(client, transport = 'udp') {
  const port = await freePort();
  const options = [
    '--keep-in-foreground',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
    '--pid-file',
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    `--port=${port}`,
  ];
  const records = [
    '--host-record=target.example.org,192.0.2.7,2001:db8::7',
    '--cname=alias.example.org,target.example.org',
    '--local=/example.org/',
  ];
  return whileRunning('dnsmasq', [...options, ...records], port, () =>
    transport === 'udp' ? throughUdp(53, port, client) : throughTcp(53, port, client),
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

const names = process.argv.slice(2);
for (const [name, record] of Object.entries(recordings)) {
  if (names.length > 0 && !names.includes(name)) continue;
  try {
    const { text } = await record();
    if (!/^[<>]/m.test(text)) throw new Error('nothing passed');
    await writeFile(path.join(folder, `${name}.txt`), text);
    console.log(`${name}: ${text.length} characters`);
  } catch (error) {
    console.error(`${name}: not recorded: ${error.message.split('\n')[0]}`);
  }
}
await rm(temporary, { recursive: true, force: true });
process.exit();
